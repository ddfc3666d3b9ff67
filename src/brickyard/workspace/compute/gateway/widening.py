"""The least common type of two columns, as UNION and its kin have it in ANSI mode.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-datatype-rules
"""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError

__all__ = ["DIGITS", "NUMBERS", "common_type", "common_types", "incompatible", "loose", "sql_of"]

#: From narrow to wide.
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double")
#: The digits of each integer type.
DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
TIMES = ("date", "timestamp_ntz", "timestamp")
#: What text becomes beside one of these.
FROM_TEXT = frozenset({"boolean", "binary", *TIMES})
LARGEST = 38
ORDINALS = ("first", "second", "third")


def common_type(left: Any, right: Any) -> Any:
    """The `DataType` that both can be cast to; None if there is none."""
    from pyspark.sql import types

    if left == right or isinstance(right, types.NullType):
        return left
    if isinstance(left, types.NullType):
        return right
    nested = (types.ArrayType, types.MapType, types.StructType)
    if isinstance(left, nested):
        return _nested(left, right) if type(left) is type(right) else None
    if isinstance(left, types.StringType) or isinstance(right, types.StringType):
        return _with_text(right if isinstance(left, types.StringType) else left)
    if isinstance(left, types.NumericType) and isinstance(right, types.NumericType):
        return _number(left, right)
    return _time(left, right)


def common_types(left: Any, right: Any, operation: str) -> Any:
    """The `StructType` of a set operation, with the names of its left side.

    Raises:
        SparkError: INCOMPATIBLE_COLUMN_TYPE.
    """
    from pyspark.sql import types

    fields = []
    for at, (one, two) in enumerate(zip(left.fields, right.fields, strict=True)):
        kind = common_type(one.dataType, two.dataType)
        if kind is None:
            raise incompatible(operation, at, one.dataType, two.dataType)
        fields.append(types.StructField(one.name, kind))
    return types.StructType(fields)


def incompatible(operation: str, at: int, left: Any, right: Any) -> SparkError:
    """Two columns of a set operation that have no common type."""
    place = ORDINALS[at] if at < len(ORDINALS) else f"{at + 1}th"
    return SparkError(
        "INCOMPATIBLE_COLUMN_TYPE",
        f"{operation} can only be performed on tables with compatible column types. The {place} column of the second "
        f'table is "{sql_of(right).upper()}" type which is not compatible with "{sql_of(left).upper()}" at the same '
        "column of the first table. Cast one of them.",
        sql_state="42825",
    )


def _nested(left: Any, right: Any) -> Any:
    from pyspark.sql import types

    if isinstance(left, types.ArrayType):
        element = common_type(left.elementType, right.elementType)
        return element and types.ArrayType(element, left.containsNull or right.containsNull)
    if isinstance(left, types.MapType):
        key, value = common_type(left.keyType, right.keyType), common_type(left.valueType, right.valueType)
        return key and value and types.MapType(key, value)
    if [one.name.lower() for one in left.fields] != [one.name.lower() for one in right.fields]:
        return None
    kinds = [common_type(one.dataType, two.dataType) for one, two in zip(left.fields, right.fields, strict=True)]
    if None in kinds:
        return None
    return types.StructType([types.StructField(one.name, kind) for one, kind in zip(left.fields, kinds, strict=True)])


def _with_text(other: Any) -> Any:
    """Text beside an integer is a BIGINT, beside another number a DOUBLE, else what the other one is."""
    from pyspark.sql import types

    if isinstance(other, types.StringType):
        return types.StringType()
    if isinstance(other, types.IntegralType):
        return types.LongType()
    if isinstance(other, types.NumericType):
        return types.DoubleType()
    return other if other.simpleString() in FROM_TEXT else None


def _number(left: Any, right: Any) -> Any:
    from pyspark.sql import types

    kinds = (left.simpleString(), right.simpleString())
    if all(kind in NUMBERS for kind in kinds):
        widest = max((left, right), key=lambda kind: NUMBERS.index(kind.simpleString()))
        return types.DoubleType() if isinstance(widest, types.FloatType) else widest
    if {"float", "double"} & set(kinds):
        return types.DoubleType()
    (precision, scale), (other, fraction) = _digits(left), _digits(right)
    whole = max(precision - scale, other - fraction)
    scale = max(scale, fraction)
    scale = min(scale, LARGEST - min(whole, LARGEST))  # whole digits go before those after the point
    return types.DecimalType(min(whole + scale, LARGEST), scale)


def _digits(kind: Any) -> tuple[int, int]:
    from pyspark.sql import types

    if isinstance(kind, types.DecimalType):
        return kind.precision, kind.scale
    return DIGITS[kind.simpleString()], 0


def _time(left: Any, right: Any) -> Any:
    from pyspark.sql import types

    kinds = (left.simpleString(), right.simpleString())
    if all(kind in TIMES for kind in kinds):
        return max((left, right), key=lambda kind: TIMES.index(kind.simpleString()))
    for interval in (types.DayTimeIntervalType, types.YearMonthIntervalType):
        if isinstance(left, interval) and isinstance(right, interval):
            fields = (left.startField, left.endField, right.startField, right.endField)
            return interval(min(fields), max(fields))
    return None


def sql_of(kind: Any) -> str:
    """The type as SQL; names of fields are quoted."""
    from pyspark.sql import types

    if isinstance(kind, types.ArrayType):
        return f"ARRAY<{sql_of(kind.elementType)}>"
    if isinstance(kind, types.MapType):
        return f"MAP<{sql_of(kind.keyType)}, {sql_of(kind.valueType)}>"
    if isinstance(kind, types.StructType):
        fields = (f"`{one.name.replace('`', '``')}`: {sql_of(one.dataType)}" for one in kind.fields)
        return f"STRUCT<{', '.join(fields)}>"
    return str(kind.simpleString())


def loose(kind: Any) -> Any:
    """A type, of which all may be null."""
    from pyspark.sql.types import ArrayType, MapType, StructField, StructType

    if isinstance(kind, StructType):
        return StructType([StructField(one.name, loose(one.dataType), True, one.metadata) for one in kind.fields])
    if isinstance(kind, ArrayType):
        return ArrayType(loose(kind.elementType), True)
    return MapType(loose(kind.keyType), loose(kind.valueType), True) if isinstance(kind, MapType) else kind
