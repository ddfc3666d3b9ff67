"""VALUES whose rows differ in types: each value is cast to the least common type of its column."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import grpc

from brickyard.workspace.compute.gateway.errors import PARSE, SparkError
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import replace
from brickyard.workspace.compute.gateway.widening import common_type, sql_of

__all__ = ["cast_values", "has_several_types"]


def has_several_types(values: Any) -> bool:
    """Whether a column may have values of types that the engine does not bring together as Spark does."""
    return any(_differs(column) for column in _columns(values))


def cast_values(values: Any, scope: Scope) -> None:
    """Cast the values of such columns.

    Raises:
        SparkError: INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE.
    """
    from sqlglot import exp

    for column in _columns(values):
        if _differs(column):
            try:
                fields = scope.of(exp.Select(expressions=[one.copy() for one in column]), values).fields
            except grpc.RpcError:
                continue  # the engine says what is wrong with them
            kinds = [field.dataType for field in fields]
            common = reduce(_common, kinds)
            for one, kind in zip(column, kinds, strict=True):
                if kind != common or _nested(one):
                    target = exp.DataType.build(sql_of(common), dialect="databricks")
                    replace(one, exp.Cast(this=one.copy(), to=target))


def _columns(values: Any) -> list[Sequence[Any]]:
    from sqlglot import exp

    rows = [list(row.expressions) if isinstance(row, exp.Tuple) else [row.unnest()] for row in values.expressions]
    same = len({len(row) for row in rows}) == 1
    return list(zip(*rows, strict=True)) if same else []


def _differs(column: Sequence[Any]) -> bool:
    kinds = {kind for one in column if (kind := _kind(one))}
    return (len(kinds) > 1 and not kinds <= {"integer", "decimal"}) or any(_nested(one) for one in column)


def _kind(value: Any) -> str:
    """What a value is by its look; empty for NULL."""
    from sqlglot import exp

    while isinstance(value, exp.Paren | exp.Neg):
        value = value.this
    if isinstance(value, exp.Literal):
        plain = "integer" if value.name.isdigit() else "decimal" if "e" not in value.name.lower() else "double"
        return "string" if value.is_string else plain
    if isinstance(value, exp.Null):
        return ""
    return str(value.to) if isinstance(value, exp.Cast) else value.key + value.name


def _nested(value: Any) -> bool:
    """Whether it is an array or a map of structs, whose fields the engine takes to be never null."""
    from sqlglot import exp

    if isinstance(value, exp.Literal | exp.Null | exp.Boolean | exp.Cast):
        return False
    structs = (one for one in value.find_all(exp.Struct, exp.Anonymous) if one is not value)
    return any(isinstance(one, exp.Struct) or one.name.lower() in {"named_struct", "struct"} for one in structs)


def _common(left: Any, right: Any) -> Any:
    from pyspark.sql import types

    void = isinstance(left, types.NullType) or isinstance(right, types.NullType)
    texts = isinstance(left, types.StringType) != isinstance(right, types.StringType)
    common = None if texts and not void else common_type(left, right)
    others = [one for one in (left, right) if not isinstance(one, types.FloatType)]
    if len(others) == 1 and isinstance(others[0], types.IntegralType):
        common = types.FloatType()  # otherwise than for UNION
    if common is None:
        raise SparkError(
            "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE",
            f"Invalid inline table. Found incompatible types in a column: {left.simpleString()} and "
            f"{right.simpleString()}. Cast one of them.",
            kind=PARSE,
            sql_state="42000",
        )
    return common
