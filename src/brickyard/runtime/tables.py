"""The tables that `display` shows, in the shape in which the vendor keeps them with a cell."""

from __future__ import annotations

import base64
import datetime
import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

__all__ = ["OUTPUT", "ROWS", "Table", "of_arrow", "of_pandas", "of_records", "of_spark"]

#: Where the vendor's notebooks have an output's structure, beside what Jupyter shows of it.
OUTPUT = "application/vnd.databricks.v1+output"
#: What is kept of a table: https://docs.databricks.com/notebooks/notebook-outputs.html
ROWS, _BYTES = 10_000, 2 * 1024 * 1024
_PRINTED, _WIDTH = 20, 200
_ARROW_TYPES = {"string": "string", "large_string": "string", "bool": "boolean", "double": "double", "float": "float"}
_ARROW_TYPES |= {"int8": "byte", "int16": "short", "int32": "integer", "int64": "long", "date32[day]": "date"}


@dataclass(frozen=True)
class Table:
    """The first rows of a table.

    Attributes:
        columns: Names, and types as Spark's JSON has them.
        rows: Values that JSON can hold.
        note: Says that there are more rows than these; else empty.
    """

    columns: list[tuple[str, Any]]
    rows: list[list[Any]]
    note: str = ""

    def bundle(self, redact: Callable[[str], str] = str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is shown, by MIME type, and the metadata with the whole structure.

        Args:
            redact: Takes secrets out of values before they are cut: half of one would not be found.
        """
        schema = [{"name": name, "type": json.dumps(kind), "metadata": "{}"} for name, kind in self.columns]
        output = {"type": "table", "schema": schema, "data": self.rows, "overflow": bool(self.note)}
        names = [name for name, _ in self.columns]
        cells = [[_cell(value, redact) for value in row] for row in self.rows[:_PRINTED]]
        data = {"text/plain": self._text(names, cells), "text/html": self._html(names, cells)}
        return data, {OUTPUT: output | {"isJsonSchema": True, "note": self.note}}

    def _text(self, names: list[str], cells: list[list[str]]) -> str:
        """The first rows, as wide as they need to be."""
        lines = [names, *cells]
        widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
        shown = [" ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in lines]
        left = len(self.rows) - _PRINTED
        more = [f"({left:,} rows more)"] if left > 0 else []
        return "\n".join([*shown, *more, *([f"({self.note})"] if self.note else [])])

    def _html(self, names: list[str], cells: list[list[str]]) -> str:
        """A plain table of the first rows, for what knows nothing of the structure."""
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in cells)
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        left = len(self.rows) - _PRINTED
        notes = [f"{left:,} rows more"] if left > 0 else []
        below = "; ".join([*notes, *([self.note] if self.note else [])])
        text = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"{text}<p>{html.escape(below)}</p>" if below else text


def of_spark(frame: Any) -> Table:
    """A Spark DataFrame's first rows; the others are not read."""
    limited = _readable(frame.limit(ROWS + 1))
    columns = [(field.name, field.dataType.jsonValue()) for field in limited.schema.fields]
    columnar = limited.toArrow()
    values = [column.to_pylist(maps_as_pydicts="lossy") for column in columnar.columns]
    return _kept(columns, zip(*values, strict=True) if values else ())


def _readable(frame: Any) -> Any:
    """A DataFrame whose variants are their JSON."""
    variants = [field.name for field in frame.schema.fields if field.dataType.typeName() == "variant"]
    if not variants:
        return frame
    from pyspark.sql import functions

    return frame.withColumns({name: functions.to_json(functions.col(f"`{name}`")) for name in variants})


def of_pandas(frame: Any) -> Table:
    """A pandas DataFrame's first rows, with its index where that says something; a plain count of rows does not."""
    if type(frame.index).__name__ != "RangeIndex":
        frame = frame.reset_index(names=_index_names(frame))
    first = frame.head(ROWS + 1)
    columns = [(str(name), _pandas_type(kind)) for name, kind in zip(first.columns, first.dtypes, strict=True)]
    missing = first.astype(object).where(first.notna(), None)
    return _kept(columns, missing.itertuples(index=False, name=None))


def of_arrow(table: Any) -> Table:
    """The first rows of an Arrow table, as of a Polars DataFrame."""
    first = table.slice(0, ROWS + 1)
    columns = [(field.name, _ARROW_TYPES.get(str(field.type), str(field.type))) for field in first.schema]
    values = [column.to_pylist(maps_as_pydicts="lossy") for column in first.columns]
    return _kept(columns, zip(*values, strict=True) if values else ())


def of_records(records: Sequence[Any]) -> Table:
    """A list of mappings, or of tuples with names."""
    rows = [record if isinstance(record, Mapping) else _named(record) for record in records[: ROWS + 1]]
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    return _kept([(name, _type_of(rows, name)) for name in names], ([row.get(name) for name in names] for row in rows))


def _named(record: Any) -> dict[str, Any]:
    """A tuple with names, or a row of Spark, as a mapping."""
    names = getattr(record, "_fields", None) or record.__fields__
    return dict(zip(names, record, strict=True))


def _type_of(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    kinds = {type(row.get(name)) for row in rows} - {type(None)}
    known = {bool: "boolean", int: "long", float: "double", str: "string"}
    return known.get(next(iter(kinds)), "string") if len(kinds) == 1 else "string"


def _kept(columns: list[tuple[str, Any]], rows: Iterable[Sequence[Any]]) -> Table:
    """As many of the rows as are kept."""
    kept: list[list[Any]] = []
    size = 0
    for row in rows:
        values = [_plain(value) for value in row]
        size += sum(len(value) if isinstance(value, str) else 8 for value in values)
        if len(kept) == ROWS or (size > _BYTES and kept):
            why = f"Truncated results, showing first {len(kept):,} rows"
            return Table(columns, kept, why if len(kept) == ROWS else f"{why}: more than 2 MB are not kept")
        kept.append(values)
    return Table(columns, kept)


def _plain(value: Any) -> Any:
    """A value as JSON holds it: times as ISO 8601, bytes in base64; what it has no form for is text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return _plain(value.item()) if hasattr(value, "item") and not hasattr(value, "__len__") else str(value)


def _index_names(frame: Any) -> list[str]:
    return [str(name) if name is not None else f"index_{at}" for at, name in enumerate(frame.index.names)]


def _pandas_type(kind: Any) -> str:
    name = str(kind).lower()
    if name.startswith("datetime"):
        return "timestamp"
    known = {"int64": "long", "int32": "integer", "int16": "short", "int8": "byte", "float64": "double"}
    known |= {"float32": "float", "bool": "boolean", "boolean": "boolean"}
    return known.get(name, "string")


def _cell(value: Any, redact: Callable[[str], str]) -> str:
    """A value as a table shows it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
    text = redact(text).replace("\n", "\\n")
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."
