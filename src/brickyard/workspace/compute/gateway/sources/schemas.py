"""The columns of CSV and JSON files, told from what is in them."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import types as t

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sources.columns import all_plain
from brickyard.workspace.compute.gateway.sources.inference import settled, shape_of, type_of_json, type_of_texts, unite
from brickyard.workspace.compute.gateway.sources.json_records import Pairs, parse
from brickyard.workspace.compute.gateway.sources.plain import columns_of_texts
from brickyard.workspace.compute.gateway.sources.read_csv import csv_records, header_of, names_of
from brickyard.workspace.compute.gateway.sources.read_json import json_texts
from brickyard.workspace.compute.gateway.sources.scan import chunks, texts_of
from brickyard.workspace.compute.gateway.sources.texts import Texts

__all__ = ["inferred"]

#: So many texts are looked at before all the others.
FIRST = 100
#: So many answers are kept.
KEPT = 64
_known: OrderedDict[Any, t.StructType] = OrderedDict()
_lock = threading.Lock()


def inferred(kind: str, files: Sequence[Path], options: dict[str, str], zone: str, corrupt: str) -> t.StructType:
    """The columns of files; remembered while the files are the same.

    Args:
        kind: `csv` or `json`.
        files: The files.
        options: The reader's options, their names in lower case.
        zone: The session's time zone.
        corrupt: The column that JSON gets where a record is none.

    Raises:
        SparkError: COLUMN_ALREADY_EXISTS; MALFORMED_RECORD_IN_PARSING with the mode FAILFAST.
    """
    states = [(str(file), (state := file.stat()).st_mtime_ns, state.st_size) for file in files]
    key = (kind, tuple(states), tuple(sorted(options.items())), zone, corrupt)
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
    found = _of_csv(files, options, zone) if kind == "csv" else _of_json(files, options, corrupt)
    with _lock:
        _known[key] = found
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return found


def _of_csv(files: Sequence[Path], options: dict[str, str], zone: str) -> t.StructType:
    largest = max(files, key=lambda file: file.stat().st_size)  # Spark begins with it
    names = names_of(header_of(str(largest), options), options)
    kinds: list[t.DataType] = [t.StringType() for _ in names]
    if options.get("inferschema", "").lower() == "true":
        kinds = [t.NullType() for _ in names]
        for file in [largest, *(file for file in files if file is not largest)]:
            _narrow(kinds, names, file, options, zone)
        kinds = [t.StringType() if isinstance(kind, t.NullType) else kind for kind in kinds]
    return t.StructType([t.StructField(name, kind) for name, kind in zip(names, kinds, strict=True)])


def _narrow(kinds: list[t.DataType], names: list[str], file: Path, options: dict[str, str], zone: str) -> None:
    """Make the types fit one more file."""
    texts, null = texts_of(options, zone), options.get("nullvalue", "")
    for columns in _texts_by_columns(names, file, options):
        for place, kind in enumerate(kinds):
            if isinstance(kind, t.StringType) or place >= len(columns):
                continue
            column = columns[place].filter(pc.not_equal(columns[place], null))
            if null:
                column = column.filter(pc.not_equal(column, ""))
            kinds[place] = _type_of(column, kind, texts)


def _type_of(column: pa.Array, so_far: t.DataType, texts: Texts) -> t.DataType:
    """The type of a column with these texts too: mostly that of the first ones."""
    kind = so_far
    for some in (column.slice(0, FIRST), column):
        if isinstance(kind, t.StringType) or all_plain(column, kind, texts):
            break
        kind = type_of_texts(some.unique().to_pylist(), texts, kind)
    return kind


def _texts_by_columns(names: list[str], file: Path, options: dict[str, str]) -> Iterator[list[pa.Array]]:
    """The texts of a file, chunk by chunk: an array for each column, in which null is what there is nothing of."""
    batches = columns_of_texts(file, options, names)
    read = 0
    try:
        for batch in batches or ():
            yield batch.columns
            read += len(batch)
        if batches is not None:
            return
    except pa.ArrowInvalid:  # lines of several lengths
        pass
    records = csv_records(str(file), options)
    header = options.get("header", "").lower() == "true"
    for chunk in chunks(itertools.islice(records, read + header, None)):
        width = max(len(values) for values, _ in chunk)
        yield [
            pa.array([values[place] if place < len(values) else None for values, _ in chunk], pa.string())
            for place in range(width)
        ]


def _of_json(files: Sequence[Path], options: dict[str, str], corrupt: str) -> t.StructType:
    found: t.DataType = t.StructType([])
    known: set[Any] = set()
    texts_only = options.get("primitivesasstring", "").lower() == "true"
    for text in (text for file in files for text in json_texts(str(file), options)):
        try:
            for item in _objects(parse(text)):
                shape = shape_of(item)
                if shape not in known:  # most records are like others before them
                    known.add(shape)
                    found = unite(found, type_of_json(item, texts_only=texts_only))
        except (ValueError, RecursionError) as error:
            found = unite(found, _of_malformed(options, corrupt, error))
    kept = settled(found)
    return kept if isinstance(kept, t.StructType) else t.StructType([])


def _objects(value: Any) -> Iterable[Any]:
    objects: list[Any] = value if isinstance(value, list) and not isinstance(value, Pairs) else [value]
    if any(item is not None and not isinstance(item, Pairs) for item in objects):
        raise ValueError("no object")
    return objects


def _of_malformed(options: dict[str, str], corrupt: str, error: Exception) -> t.StructType:
    """The columns that a record brings which is none."""
    mode = options.get("mode", "PERMISSIVE").upper()
    if mode == "FAILFAST":
        raise _malformed(corrupt) from error
    return t.StructType([] if mode == "DROPMALFORMED" else [t.StructField(corrupt, t.StringType())])


def _malformed(corrupt: str) -> SparkError:
    return SparkError(
        "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
        f"Malformed records are detected in record parsing: {corrupt}.\nParse Mode: FAILFAST. To process malformed "
        "records as null result, try setting the option 'mode' as 'PERMISSIVE'.",
        kind="org.apache.spark.SparkException",
        sql_state="22023",
    )
