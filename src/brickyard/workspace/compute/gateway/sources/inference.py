"""Types of columns as Spark infers them from the texts of CSV files and from JSON.

Sources: `CSVInferSchema` and `JsonInferSchema` of Apache Spark 4, https://github.com/apache/spark .
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyspark.sql import types as t

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sources.json_records import Number, Pairs
from brickyard.workspace.compute.gateway.sources.texts import Texts, is_decimal, is_integer

__all__ = ["settled", "shape_of", "type_of_json", "type_of_texts", "unite"]

LADDER = ("void", "integer", "long", "decimal", "double", "date", "timestamp", "boolean")
NUMBERS = frozenset({"integer", "long", "decimal", "double"})
#: A number of Java's `long` as a decimal.
LONG_DIGITS = 20
MAX_DIGITS = 38
#: So many signs of a number are always those of a `long`.
SHORT = 18


def type_of_texts(values: Iterable[str], texts: Texts, so_far: t.DataType) -> t.DataType:
    """The type of a column with these texts, none of which is null, after others of which it is known."""
    found = so_far
    for value in values:
        found = _joined(found, _type_of(value, found.typeName().partition("(")[0], texts))
        if isinstance(found, t.StringType):
            break
    return found


def _type_of(text: str, so_far: str, texts: Texts) -> t.DataType:
    """The first type, from that of the values before, that a text is one of."""
    for name in LADDER[LADDER.index(so_far) :]:
        found = _as(text, name, texts)
        if found is not None:
            return found
    return t.StringType()


def _as(text: str, name: str, texts: Texts) -> t.DataType | None:
    if name == "integer":
        return t.IntegerType() if is_integer(text, 32) else None
    if name == "long":
        return t.LongType() if is_integer(text, 64) else None
    if name == "decimal":
        digits = is_decimal(text)
        return t.DecimalType(*digits) if digits else None
    if name == "double":
        return t.DoubleType() if texts.has_double(text) else None
    if name == "date":
        return t.DateType() if texts.is_date(text) else None
    if name == "timestamp":
        return t.TimestampType() if texts.is_timestamp(text) else None
    return t.BooleanType() if name == "boolean" and text.lower() in {"true", "false"} else None


def _joined(one: t.DataType, other: t.DataType) -> t.DataType:
    names = {kind.typeName().partition("(")[0] for kind in (one, other)}
    if one == other or "void" in names:
        return other if isinstance(one, t.NullType) else one
    if names <= NUMBERS:
        return _number(one, other)
    return t.TimestampType() if names == {"date", "timestamp"} else t.StringType()


def _number(one: t.DataType, other: t.DataType) -> t.DataType:
    if isinstance(one, t.DoubleType) or isinstance(other, t.DoubleType):
        return t.DoubleType()
    if isinstance(one, t.DecimalType) or isinstance(other, t.DecimalType):
        digits = max(_digits(one), _digits(other))
        return t.DecimalType(digits, 0) if digits <= MAX_DIGITS else t.DoubleType()
    return t.LongType()


def _digits(kind: t.DataType) -> int:
    if isinstance(kind, t.DecimalType):
        return kind.precision
    return 10 if isinstance(kind, t.IntegerType) else LONG_DIGITS


def type_of_json(value: Any, *, texts_only: bool = False) -> t.DataType:
    """The type of a JSON value; `texts_only` is `primitivesAsString`.

    Raises:
        SparkError: COLUMN_ALREADY_EXISTS: an object has a key twice.
    """
    if value is None:
        return t.NullType()
    if isinstance(value, Pairs):
        return _object(value, texts_only=texts_only)
    if isinstance(value, list):
        element: t.DataType = t.NullType()
        for item in value:
            element = unite(element, type_of_json(item, texts_only=texts_only))
        return t.ArrayType(element)
    if texts_only:
        return t.StringType()
    if isinstance(value, bool):
        return t.BooleanType()
    return _number_type(value) if isinstance(value, Number) else t.StringType()


def shape_of(value: Any) -> Any:
    """What tells the type of a JSON value; equal for values of the same type."""
    if isinstance(value, Pairs):
        return tuple((key, shape_of(inner)) for key, inner in value)
    if isinstance(value, list):
        return ("[]", frozenset(map(shape_of, value)))
    if isinstance(value, Number):
        return (len(value) if len(value) > SHORT else 1) if value.lstrip("-").isdigit() else 1.5
    return type(value)


def _object(value: Pairs, *, texts_only: bool) -> t.DataType:
    names = [key.lower() for key, _ in value]
    if len(set(names)) < len(names):
        twice = next(key for key, _ in value if names.count(key.lower()) > 1)
        text = f"The column `{twice}` already exists. Choose another name or rename the existing column."
        raise SparkError("COLUMN_ALREADY_EXISTS", text, sql_state="42711")
    fields = [t.StructField(key, type_of_json(inner, texts_only=texts_only)) for key, inner in value]
    return t.StructType(sorted(fields, key=lambda field: field.name))


def _number_type(value: Number) -> t.DataType:
    if not value.lstrip("-").isdigit():
        return t.DoubleType()
    if -(2**63) <= int(value) < 2**63:
        return t.LongType()
    digits = len(value.lstrip("-"))
    return t.DecimalType(digits, 0) if digits <= MAX_DIGITS else t.DoubleType()


def unite(one: t.DataType, other: t.DataType) -> t.DataType:
    """The type for values of two types."""
    if isinstance(one, t.NullType) or one == other:
        return other
    if isinstance(other, t.NullType):
        return one
    if isinstance(one, t.StructType) and isinstance(other, t.StructType):
        fields = {field.name: field.dataType for field in one.fields}
        for field in other.fields:
            known = fields.get(field.name)
            fields[field.name] = field.dataType if known is None else unite(known, field.dataType)
        return t.StructType([t.StructField(name, fields[name]) for name in sorted(fields)])
    if isinstance(one, t.ArrayType) and isinstance(other, t.ArrayType):
        return t.ArrayType(unite(one.elementType, other.elementType))
    names = {kind.typeName().partition("(")[0] for kind in (one, other)}
    return _number(one, other) if names <= NUMBERS else t.StringType()


def settled(kind: t.DataType) -> t.DataType | None:
    """A type without what has none: columns that are always null are texts, and objects without keys are nothing."""
    if isinstance(kind, t.NullType):
        return t.StringType()
    if isinstance(kind, t.ArrayType):
        element = settled(kind.elementType)
        return None if element is None else t.ArrayType(element)
    if isinstance(kind, t.StructType):
        fields = [(field.name, settled(field.dataType)) for field in kind.fields]
        kept = [t.StructField(name, inner) for name, inner in fields if inner is not None]
        return t.StructType(kept) if kept else None
    return kind
