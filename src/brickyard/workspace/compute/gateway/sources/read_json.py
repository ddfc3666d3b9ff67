"""JSON files, read as Spark reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql.types import StructType

from brickyard.workspace.compute.gateway.sources.json_records import Number, Pairs
from brickyard.workspace.compute.gateway.sources.json_rows import JsonRows, Row
from brickyard.workspace.compute.gateway.sources.scan import File, MalformedRecord, Scan, chunks, opened

__all__ = ["json_batches", "json_texts"]


def json_texts(path: str, options: dict[str, str]) -> Iterator[str]:
    """The texts of the records of a file: its lines, or with `multiLine` the whole."""
    with opened(path, options) as text:
        if options.get("multiline", "").lower() == "true":
            whole = text.read()
            yield from [whole] if whole.strip() else []
            return
        own = options.get("linesep")
        for line in text.read().split(own) if own else text:
            if line.strip():
                yield line if own else line.rstrip("\n")


def json_batches(scan: Scan, file: File) -> Iterator[pa.RecordBatch]:
    """The rows of one file, in the columns of the scan.

    Raises:
        MalformedRecord: The mode is FAILFAST.
    """
    from pyspark.sql.pandas.types import to_arrow_schema

    extra = {scan.corrupt, scan.rescued} - {""}
    known = StructType([field for field in scan.schema.fields if field.name not in extra])
    rows = JsonRows(known, scan.texts, rescues=bool(scan.rescued))
    arrow = to_arrow_schema(scan.schema, timezone="UTC")
    records = ((row, text) for text in json_texts(file.path, scan.options) for row in rows.rows(text))
    for chunk in chunks(records):
        values = [_row(scan, file, row, text) for row, text in chunk]
        yield pa.RecordBatch.from_pylist([value for value in values if value is not None], arrow)


def _row(scan: Scan, file: File, row: Row, text: str) -> dict[str, Any] | None:
    fits = row.wrong is not None and (bool(scan.rescued) or not row.wrong)
    if not fits and scan.mode == "FAILFAST":
        raise MalformedRecord(file)
    if not fits and scan.mode == "DROPMALFORMED":
        return None
    if scan.corrupt:
        row.values[scan.corrupt] = None if fits else text
    if scan.rescued and row.wrong:
        said = [(key, _text(value)) for key, value in row.wrong.items()]
        said.append(("_file_path", json.dumps(file.shown)))
        row.values[scan.rescued] = "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in said) + "}"
    return row.values


def _text(value: Any) -> str:
    """A value as JSON again."""
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(key)}:{_text(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
