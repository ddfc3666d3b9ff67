"""Values as Spark writes them into CSV and JSON files.

Sources: `UnivocityGenerator` and `JacksonGenerator` of Apache Spark 4, https://github.com/apache/spark .
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pyspark.sql.types import ArrayType, MapType, StructType

__all__ = ["CsvRow", "csv_row", "json_value", "text_of"]

Write = Callable[[Any], str]
SPACES = "".join(map(chr, range(33)))
CONTROL = re.compile(r"\\u00[01][0-9a-f]")


def java_double(value: float, shortest: str | None = None) -> str:
    """A floating-point number as Java writes it; `shortest` are its digits, if they are not those of a double."""
    if shortest is None and 1e-3 <= abs(value) < 1e7:
        return repr(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    sign, digits, exponent = Decimal(shortest or repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent)  # where the point is, in the digits
    if -3 < point <= 7:
        padded = "0" * max(0, 1 - point) + text.ljust(point, "0")
        whole = max(1, point)
        found = f"{padded[:whole]}.{padded[whole:] or '0'}"
    else:
        found = f"{text[0]}.{text[1:] or '0'}E{point - 1}"
    return f"-{found}" if sign else found


def _float(value: float) -> str:
    import numpy as np

    return java_double(value, str(np.float32(value)) if math.isfinite(value) else None)


def _timestamp(value: dt.datetime, zone: ZoneInfo) -> str:
    local = value.astimezone(zone)
    offset = local.strftime("%z")
    return _local(local) + ("Z" if offset in {"+0000", ""} else f"{offset[:3]}:{offset[3:5]}")


def _local(value: dt.datetime) -> str:
    return value.replace(tzinfo=None).isoformat(timespec="milliseconds")


def text_of(kind: Any, zone: ZoneInfo) -> Write:
    """How values of a type without parts are written, without quotes.

    Raises:
        KeyError: There is no such type in files.
    """
    name = kind.typeName().partition("(")[0]
    found: dict[str, Write] = {
        **dict.fromkeys(("byte", "short", "integer", "long", "string", "decimal", "void"), str),
        "varchar": str,
        "char": str,
        "boolean": lambda value: str(value).lower(),
        "double": java_double,
        "float": _float,
        "date": lambda value: str(value.isoformat()),
        "timestamp": lambda value: _timestamp(value, zone),
        "timestamp_ntz": _local,
        "binary": lambda value: "[" + " ".join(f"{byte:02X}" for byte in value) + "]",
    }
    return found[name]


@dataclass(frozen=True)
class CsvRow:
    """How rows are written.

    Args:
        separator: Stands between values.
        quote: Stands around values that need it.
        escape: Stands before quotes in these.
        null: What is written for null.
        empty: What is written for an empty text.
        all_quoted: Whether all values get quotes.
        quotes_escaped: Whether values with quotes in them get quotes.
        trims_left: Whether white space before a value goes.
        trims_right: Whether white space behind a value goes.
    """

    separator: str = ","
    quote: str = '"'
    escape: str = "\\"
    null: str = ""
    empty: str = '""'
    all_quoted: bool = False
    quotes_escaped: bool = True
    trims_left: bool = True
    trims_right: bool = True

    def value(self, text: str | None) -> str:
        """One value, with quotes where it needs them."""
        if text is None:
            return f"{self.quote}{self.null}{self.quote}" if self.all_quoted else self.null
        text = text.lstrip(SPACES) if self.trims_left else text
        text = text.rstrip(SPACES) if self.trims_right else text
        if not text:
            return self.empty
        has_quote = bool(self.quote) and self.quote in text
        needs = (has_quote and (self.quotes_escaped or text.startswith(self.quote))) or self.separator in text
        if not (needs or self.all_quoted or "\n" in text or "\r" in text):
            return text
        if self.escape != self.quote:
            text = text.replace(self.escape, self.escape * 2)
        return self.quote + text.replace(self.quote, self.escape + self.quote) + self.quote


def csv_row(options: Mapping[str, str]) -> CsvRow:
    """How rows are written with these options, whose names are in lower case."""

    def on(name: str, usual: str) -> bool:
        return options.get(name, usual).lower() == "true"

    separator = options.get("sep", options.get("delimiter", ","))
    return CsvRow(
        {"\\t": "\t"}.get(separator, separator),
        options.get("quote", '"').strip("\0"),
        options.get("escape", "\\"),
        options.get("nullvalue", ""),
        options.get("emptyvalue", '""'),
        on("quoteall", "false"),
        on("escapequotes", "true"),
        on("ignoreleadingwhitespace", "true"),
        on("ignoretrailingwhitespace", "true"),
    )


def json_value(kind: Any, zone: ZoneInfo, *, nulls: bool) -> Write:
    """How values of a type are written; `nulls` says whether fields without a value are.

    Raises:
        KeyError: There is no such type in files.
    """
    if isinstance(kind, StructType):
        return _object(
            [(field.name, json_value(field.dataType, zone, nulls=nulls)) for field in kind.fields], nulls=nulls
        )
    if isinstance(kind, ArrayType):
        element = json_value(kind.elementType, zone, nulls=nulls)
        return lambda value: "[" + ",".join("null" if item is None else element(item) for item in value) + "]"
    if isinstance(kind, MapType):
        return _map(text_of(kind.keyType, zone), json_value(kind.valueType, zone, nulls=nulls))
    name = kind.typeName().partition("(")[0]
    write = text_of(kind, zone)
    if name in {"double", "float"}:
        return lambda value: write(value) if math.isfinite(value) else f'"{write(value)}"'
    if name == "binary":
        return lambda value: f'"{base64.b64encode(value).decode()}"'
    if name in {"string", "date", "timestamp", "timestamp_ntz", "char", "varchar"}:
        return lambda value: _quoted(write(value))
    return write


def _quoted(text: str) -> str:
    found = json.dumps(text, ensure_ascii=False)
    return CONTROL.sub(lambda match: "\\u" + match[0][2:].upper(), found) if "\\u" in found else found


def _object(fields: list[tuple[str, Write]], *, nulls: bool) -> Write:
    named = [(name, _quoted(name), write) for name, write in fields]

    def write(value: Mapping[str, Any]) -> str:
        parts = []
        for name, key, inner in named:
            item = value[name]
            if item is not None:
                parts.append(f"{key}:{inner(item)}")
            elif nulls:
                parts.append(f"{key}:null")
        return "{" + ",".join(parts) + "}"

    return write


def _map(key: Write, inner: Write) -> Write:
    def write(value: Any) -> str:
        pairs = value.items() if isinstance(value, dict) else value
        parts = (f"{_quoted(key(name))}:{'null' if item is None else inner(item)}" for name, item in pairs)
        return "{" + ",".join(parts) + "}"

    return write
