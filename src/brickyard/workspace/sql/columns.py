"""Result columns of SQL statements as the vendor describes them, and values as its text.

Source: `databricks.sdk.service.sql` (ColumnInfo), and the statement execution tutorial for the text of values:
scalars inside arrays, maps and structs are strings too.
"""

from __future__ import annotations

import base64
import datetime
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from pyspark.sql import types as spark

from brickyard.workspace.sql.doubles import java_double, java_float

__all__ = ["column", "text_of", "type_text"]

#: Spark's type -> name in the API and in SQL, where they have no parameters.
_NAMES: dict[type, tuple[str, str]] = {
    spark.ByteType: ("BYTE", "TINYINT"),
    spark.ShortType: ("SHORT", "SMALLINT"),
    spark.IntegerType: ("INT", "INT"),
    spark.LongType: ("LONG", "BIGINT"),
    spark.FloatType: ("FLOAT", "FLOAT"),
    spark.DoubleType: ("DOUBLE", "DOUBLE"),
    spark.DecimalType: ("DECIMAL", "DECIMAL"),
    spark.StringType: ("STRING", "STRING"),
    spark.CharType: ("CHAR", "CHAR"),
    spark.VarcharType: ("STRING", "VARCHAR"),
    spark.BinaryType: ("BINARY", "BINARY"),
    spark.BooleanType: ("BOOLEAN", "BOOLEAN"),
    spark.DateType: ("DATE", "DATE"),
    spark.TimestampType: ("TIMESTAMP", "TIMESTAMP"),
    spark.TimestampNTZType: ("TIMESTAMP", "TIMESTAMP_NTZ"),
    spark.NullType: ("NULL", "VOID"),
    spark.ArrayType: ("ARRAY", "ARRAY"),
    spark.MapType: ("MAP", "MAP"),
    spark.StructType: ("STRUCT", "STRUCT"),
    spark.DayTimeIntervalType: ("INTERVAL", "INTERVAL"),
    spark.YearMonthIntervalType: ("INTERVAL", "INTERVAL"),
}
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_INTERVALS = (spark.DayTimeIntervalType, spark.YearMonthIntervalType)


def column(position: int, field: spark.StructField) -> dict[str, Any]:
    """One column of a manifest's schema."""
    kind = field.dataType
    name, _ = _NAMES.get(type(kind), ("USER_DEFINED_TYPE", ""))
    found: dict[str, Any] = {"name": field.name, "position": position, "type_name": name, "type_text": type_text(kind)}
    if isinstance(kind, spark.DecimalType):
        found |= {"type_precision": kind.precision, "type_scale": kind.scale}
    if isinstance(kind, _INTERVALS):
        found["type_interval_type"] = type_text(kind).removeprefix("INTERVAL ")
    return found


def type_text(kind: spark.DataType) -> str:
    """The type as SQL writes it."""
    if isinstance(kind, spark.StructType):
        fields = (
            f"{_name(one.name)}: {type_text(one.dataType)}{'' if one.nullable else ' NOT NULL'}" for one in kind.fields
        )
        return f"STRUCT<{', '.join(fields)}>"
    if isinstance(kind, spark.ArrayType):
        return f"ARRAY<{type_text(kind.elementType)}>"
    if isinstance(kind, spark.MapType):
        return f"MAP<{type_text(kind.keyType)}, {type_text(kind.valueType)}>"
    if type(kind) in _NAMES and not isinstance(kind, (*_INTERVALS, spark.DecimalType, spark.CharType)):
        return _NAMES[type(kind)][1]
    return kind.simpleString().upper()


def _name(name: str) -> str:
    """A field's name as SQL needs it: in backquotes where it is no plain word."""
    return name if _WORD.fullmatch(name) else f"`{name.replace('`', '``')}`"


def text_of(kind: spark.DataType) -> Callable[[Any], str]:
    """What turns a value of the type, as `pyarrow` gives it to Python, into text; never called with None."""
    if isinstance(kind, spark.ArrayType | spark.MapType | spark.StructType):
        inner = _nested(kind)
        return lambda value: json.dumps(inner(value), ensure_ascii=False, separators=(",", ":"))
    return _SCALARS.get(type(kind), str)


def _nested(kind: spark.DataType) -> Callable[[Any], Any]:
    """What turns a value into JSON whose scalars are strings."""
    if isinstance(kind, spark.ArrayType):
        element = _or_none(_nested(kind.elementType))
        return lambda values: [element(one) for one in values]
    if isinstance(kind, spark.MapType):
        key, item = text_of(kind.keyType), _or_none(_nested(kind.valueType))
        return lambda pairs: {key(one): item(other) for one, other in pairs}
    if isinstance(kind, spark.StructType):
        parts = {one.name: _or_none(_nested(one.dataType)) for one in kind.fields}
        return lambda value: {name: part(value[name]) for name, part in parts.items()}
    return text_of(kind)


def _or_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)


def _timestamp(value: datetime.datetime) -> str:
    """In UTC, to the millisecond; finer only where the value is."""
    utc = value.astimezone(datetime.UTC)
    return f"{_plain(utc.replace(tzinfo=None))}Z"


def _plain(value: datetime.datetime) -> str:
    return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds")


def _day_time(value: datetime.timedelta) -> str:
    sign, value = ("-", -value) if value < datetime.timedelta(0) else ("", value)
    hours, rest = divmod(value.seconds, 3600)
    return f"{sign}{value.days} {hours:02}:{rest // 60:02}:{rest % 60:02}.{value.microseconds * 1000:09}"


def _year_month(value: str) -> str:
    """Out of `INTERVAL '1-2' YEAR TO MONTH`, as the engine writes it: always years and months."""
    _, text, unit = value.split("'")
    if "-" in text.lstrip("-"):
        return text
    sign, count = ("-", int(text[1:])) if text.startswith("-") else ("", int(text))
    years, months = (count, 0) if unit.strip().upper() == "YEAR" else divmod(count, 12)
    return f"{sign}{years}-{months}"


def _variant(value: Mapping[str, bytes]) -> str:
    """As JSON: it comes in its two binary parts."""
    return spark.VariantVal(value["value"], value["metadata"]).toJson()


def _decimal(value: Decimal) -> str:
    return f"{value:f}"


_SCALARS: dict[type, Callable[[Any], str]] = {
    spark.BooleanType: lambda value: "true" if value else "false",
    spark.FloatType: java_float,
    spark.DoubleType: java_double,
    spark.DecimalType: _decimal,
    spark.BinaryType: lambda value: base64.b64encode(value).decode(),
    spark.DateType: datetime.date.isoformat,
    spark.TimestampType: _timestamp,
    spark.TimestampNTZType: _plain,
    spark.DayTimeIntervalType: _day_time,
    spark.YearMonthIntervalType: _year_month,
    spark.VariantType: _variant,
}
