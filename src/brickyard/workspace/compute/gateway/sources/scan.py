"""A read of CSV or JSON files that the gateway has planned, and that runs where the engine runs Python functions."""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyspark.sql.types import LongType, StringType, StructField, StructType, TimestampType

from brickyard.workspace.compute.gateway.sources.formats import format_of
from brickyard.workspace.compute.gateway.sources.texts import Texts

__all__ = ["File", "Scan", "chunks", "opened", "read", "read_file"]

#: So many records become one batch.
RECORDS = 8192
OPENERS: dict[str, Callable[..., IO[str]]] = {".gz": gzip.open, ".bz2": bz2.open}


@dataclass(frozen=True)
class File:
    """A file that is read.

    Attributes:
        path: Where it is.
        shown: Its path as users know it.
        partitions: The texts of its partitions' values.
        facts: Its `_metadata`.
    """

    path: str
    shown: str
    partitions: tuple[str | None, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scan:
    """What is read, and how.

    Attributes:
        kind: `csv` or `json`.
        files: The files.
        options: The reader's options, their names in lower case.
        columns: The columns of the files, as JSON; those for corrupt records and rescued values are among them.
        partitions: The columns of the partitions, as JSON.
        zone: The session's time zone.
        corrupt: The column for the text of a record that does not fit; empty for none.
        rescued: The column for values that do not fit; empty for none.
        metadata: Whether there is a column `_metadata`.
    """

    kind: str
    files: tuple[File, ...]
    options: dict[str, str]
    columns: str
    partitions: str
    zone: str
    corrupt: str = ""
    rescued: str = ""
    metadata: bool = False

    @property
    def mode(self) -> str:
        """What becomes of records that do not fit: PERMISSIVE, DROPMALFORMED or FAILFAST."""
        mode = self.options.get("mode", "PERMISSIVE").upper()
        return mode if mode in {"DROPMALFORMED", "FAILFAST"} else "PERMISSIVE"

    @property
    def schema(self) -> StructType:
        """The columns of the files."""
        return StructType.fromJson(json.loads(self.columns))

    @property
    def texts(self) -> Texts:
        """Converters of texts."""
        return texts_of(self.options, self.zone)

    def is_on(self, option: str) -> bool:
        """Whether an option is on."""
        return self.options.get(option, "false").lower() == "true"


def texts_of(options: dict[str, str], zone: str) -> Texts:
    """Converters of texts for a reader with these options."""
    names = {"nanvalue": ("NaN", "nan"), "positiveinf": ("Inf", "inf"), "negativeinf": ("-Inf", "-inf")}
    numbers = {options.get(name, usual): float(value) for name, (usual, value) in names.items()}
    date, moment = options.get("dateformat"), options.get("timestampformat")
    return Texts(
        options.get("timezone", zone),
        numbers,
        date=format_of(date) if date else None,
        moment=format_of(moment) if moment else None,
    )


def opened(path: str, options: dict[str, str]) -> IO[str]:
    """The text of a file, with line breaks of any kind as LF."""
    encoding = options.get("encoding", options.get("charset", "utf-8")).lower()
    encoding = "utf-8-sig" if encoding in {"utf-8", "utf8"} else encoding
    newline = None if options.get("linesep") is None else ""
    opener: Callable[..., IO[str]] = OPENERS.get(Path(path).suffix, open)
    return opener(path, "rt", encoding=encoding, errors="replace", newline=newline)


def chunks(records: Iterable[Any]) -> Iterator[list[Any]]:
    """The records in lists of which each becomes one batch."""
    iterator = iter(records)
    while chunk := list(itertools.islice(iterator, RECORDS)):
        yield chunk


def read(scan: Scan, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of the files whose numbers come in."""
    for batch in batches:
        for number in batch.column(0).to_pylist():
            yield from read_file(scan, scan.files[number])


def read_file(scan: Scan, file: File) -> Iterator[pa.RecordBatch]:
    """The rows of one file."""
    from brickyard.workspace.compute.gateway.sources.read_csv import csv_batches
    from brickyard.workspace.compute.gateway.sources.read_json import json_batches

    reader = {"csv": csv_batches, "json": json_batches}[scan.kind]
    for columns in reader(scan, file):
        yield _completed(scan, file, columns)


def _completed(scan: Scan, file: File, columns: pa.RecordBatch) -> pa.RecordBatch:
    """The columns of a file, with those of its partitions and its `_metadata`."""
    from pyspark.sql.pandas.types import to_arrow_type

    arrays, names = list(columns.columns), list(columns.schema.names)
    for wanted, text in zip(StructType.fromJson(json.loads(scan.partitions)).fields, file.partitions, strict=True):
        value = None if text is None else scan.texts.of(wanted.dataType)(text)
        arrays.append(pa.array([value] * len(columns), to_arrow_type(wanted.dataType, timezone="UTC")))
        names.append(wanted.name)
    if scan.metadata:
        arrays.append(pa.array([file.facts] * len(columns), to_arrow_type(METADATA, timezone="UTC")))
        names.append("_metadata")
    return pa.RecordBatch.from_arrays(arrays, names)


METADATA = StructType(
    [
        StructField("file_path", StringType()),
        StructField("file_name", StringType()),
        StructField("file_size", LongType()),
        StructField("file_block_start", LongType()),
        StructField("file_block_length", LongType()),
        StructField("file_modification_time", TimestampType()),
    ]
)


class MalformedRecord(Exception):
    """A record does not fit, and the mode is FAILFAST."""

    def __init__(self, file: File) -> None:
        super().__init__(
            f"[FAILED_READ_FILE.NO_HINT] Encountered error while reading file {file.shown}. A record does not fit the "
            "schema, and the parse mode is FAILFAST. To process malformed records as null result, try setting the "
            "option 'mode' as 'PERMISSIVE'."
        )
