"""CSV files, read as Spark reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql.types import StructField

from brickyard.workspace.compute.gateway.sources.columns import converted
from brickyard.workspace.compute.gateway.sources.csv_records import Dialect, is_record, records_of, split
from brickyard.workspace.compute.gateway.sources.scan import File, MalformedRecord, Scan, chunks, opened

__all__ = ["csv_batches", "csv_records", "dialect_of", "header_of", "names_of"]

#: The values of a record, and its text.
Record = tuple[list[str | None], str]


def dialect_of(options: dict[str, str]) -> Dialect:
    """How the files are written."""
    return Dialect(
        separator=_unescaped(options.get("sep", options.get("delimiter", ","))),
        quote=options.get("quote", '"').strip("\0"),
        escape=options.get("escape", "\\"),
        comment=options.get("comment", "").strip("\0"),
        trims_left=options.get("ignoreleadingwhitespace", "").lower() == "true",
        trims_right=options.get("ignoretrailingwhitespace", "").lower() == "true",
        line=_unescaped(options.get("linesep", "")),
        empty=options.get("emptyvalue", ""),
    )


def _unescaped(text: str) -> str:
    return {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\", "\\0": "\0"}.get(text, text)


def csv_records(path: str, options: dict[str, str]) -> Iterator[Record]:
    """The records of a file, its header among them."""
    dialect = dialect_of(options)
    with opened(path, options) as text:
        if options.get("multiline", "").lower() == "true":
            yield from records_of(text.read(), dialect)
            return
        lines: Iterable[str] = text if not dialect.line else text.read().split(dialect.line)
        for ended in lines:
            line = ended if dialect.line else ended.rstrip("\n")
            if is_record(line, dialect):
                yield split(line, dialect), line


def header_of(path: str, options: dict[str, str]) -> list[str | None]:
    """The values of the first record."""
    return next((values for values, _ in csv_records(path, options)), [])


def names_of(first: list[str | None], options: dict[str, str]) -> list[str]:
    """The names of the columns: those of the header, or `_c0` and so on."""
    if options.get("header", "").lower() != "true":
        return [f"_c{place}" for place in range(len(first))]
    null = options.get("nullvalue", "")
    lower = [(value or "").lower() for value in first]
    return [
        f"_c{place}" if not value or value == null else f"{value}{place}" if lower.count(value.lower()) > 1 else value
        for place, value in enumerate(first)
    ]


def csv_batches(scan: Scan, file: File) -> Iterator[pa.RecordBatch]:
    """The rows of one file, in the columns of the scan.

    Raises:
        MalformedRecord: The mode is FAILFAST.
    """
    records = csv_records(file.path, scan.options)
    if scan.is_on("header"):
        first = next(records, ([], ""))[0]
        if scan.options.get("enforceschema", "true").lower() == "false":
            _check_header(scan, file, first)
    reader = _Reader(scan, file)
    for chunk in chunks(records):
        yield reader.batch(chunk)


def _check_header(scan: Scan, file: File, first: list[str | None]) -> None:
    wanted = [name for name in scan.schema.names if name not in {scan.corrupt, scan.rescued}]
    if [(name or "").lower() for name in first] != [name.lower() for name in wanted]:
        raise MalformedRecord(file)


class _Reader:
    """Makes batches of the records of one file."""

    def __init__(self, scan: Scan, file: File) -> None:
        from pyspark.sql.pandas.types import to_arrow_schema

        self._scan, self._file = scan, file
        self._texts = scan.texts
        self._null = scan.options.get("nullvalue", "")
        self._arrow = to_arrow_schema(scan.schema, timezone="UTC")
        extra = {scan.corrupt, scan.rescued} - {""}
        self._fields = [field for field in scan.schema.fields if field.name not in extra]

    def batch(self, records: list[Record]) -> pa.RecordBatch:
        width = len(self._fields)
        wrong = {place for place, (values, _) in enumerate(records) if len(values) != width}
        if wrong:
            records = [(_filled(values, width), text) for values, text in records]
        columns: dict[str, pa.Array] = {}
        rescued: dict[int, dict[str, str]] = {}
        for field, values in zip(self._fields, self._columns(records, width), strict=True):
            columns[field.name], unfit = self._column(field, values)
            wrong.update(unfit)
            for place in unfit if self._scan.rescued else ():
                rescued.setdefault(place, {})[field.name] = values[place] or ""
        return self._finished(columns, records, wrong, rescued)

    def _columns(self, records: list[Record], width: int) -> list[list[str | None]]:
        found = [list(column) for column in zip(*(values[:width] for values, _ in records), strict=True)]
        return [[None if value == self._null else value for value in column] for column in found]

    def _column(self, field: StructField, values: list[str | None]) -> tuple[pa.Array, list[int]]:
        return converted(values, field.dataType, self._arrow.field(field.name).type, self._texts)

    def _finished(
        self, columns: dict[str, pa.Array], records: list[Record], wrong: set[int], rescued: dict[int, dict[str, str]]
    ) -> pa.RecordBatch:
        scan = self._scan
        if wrong and scan.mode == "FAILFAST":
            raise MalformedRecord(self._file)
        if scan.corrupt:
            texts = [text if place in wrong else None for place, (_, text) in enumerate(records)]
            columns[scan.corrupt] = pa.array(texts, pa.string())
        if scan.rescued:
            columns[scan.rescued] = pa.array(self._rescued(records, rescued), pa.string())
        found = pa.RecordBatch.from_arrays([columns[name] for name in self._arrow.names], schema=self._arrow)
        if wrong and scan.mode == "DROPMALFORMED":
            return found.filter(pa.array([place not in wrong for place in range(len(records))]))
        return found

    def _rescued(self, records: list[Record], rescued: dict[int, dict[str, str]]) -> list[str | None]:
        width = len(self._fields)
        found: list[str | None] = []
        for place, (values, _) in enumerate(records):
            said: dict[str, Any] = dict(rescued.get(place, {}))
            said |= {f"_c{at}": value for at, value in enumerate(values[width:], width) if value is not None}
            text = json.dumps({**said, "_file_path": self._file.shown}, separators=(",", ":"), ensure_ascii=False)
            found.append(text if said else None)
        return found


def _filled(values: list[str | None], width: int) -> list[str | None]:
    return values + [None] * (width - len(values))
