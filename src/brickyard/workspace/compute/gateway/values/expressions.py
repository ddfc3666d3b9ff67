"""Expressions of Spark Connect: what the corrections need to read and to build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql.connect.proto import expressions_pb2

__all__ = ["OPERATORS", "call", "cast", "children", "null_aware_contains", "type_of"]

Expression = expressions_pb2.Expression
OPERATORS = frozenset({"+", "-", "*"})
LITERALS = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint"}
SYNONYMS = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint", "real": "float"}


def children(expression: Any) -> Iterator[Any]:
    """The expressions directly below one."""
    yield from _below(expression)


def _below(message: Any) -> Iterator[Any]:
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for child in value if field.is_repeated else [value]:
            if child.DESCRIPTOR.name == "Expression":
                yield child
            elif child.DESCRIPTOR.name != "Relation":
                yield from _below(child)


def call(name: str, *arguments: Any) -> Any:
    """A function call."""
    expression = Expression()
    expression.unresolved_function.function_name = name
    expression.unresolved_function.arguments.extend(arguments)
    return expression


def cast(expression: Any, kind: str) -> Any:
    """A cast; without a type, the expression itself."""
    if not kind:
        return expression
    made = Expression()
    made.cast.expr.CopyFrom(expression)
    made.cast.type_str = kind
    return made


def null_aware_contains(contains: Any) -> Any:
    """`array_contains` that is null where the array has a null and not the value."""
    variable = Expression()
    variable.unresolved_named_lambda_variable.name_parts.append("element_")
    is_null = Expression()
    is_null.lambda_function.function.CopyFrom(call("isnull", variable))
    is_null.lambda_function.arguments.append(variable.unresolved_named_lambda_variable)
    nothing, no = Expression(), Expression()
    nothing.literal.null.null.SetInParent()
    no.literal.boolean = False
    has_null = call("exists", contains.unresolved_function.arguments[0], is_null)
    return call("or", contains, call("if", has_null, cast(nothing, "boolean"), no))


def type_of(expression: Any) -> str:
    """The type of an expression that says it itself, else empty."""
    kind = expression.WhichOneof("expr_type")
    if kind == "literal":
        return _literal(expression.literal)
    if kind != "cast" or expression.cast.eval_mode == Expression.Cast.EVAL_MODE_TRY:
        return ""
    if expression.cast.HasField("type"):
        from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

        return str(proto_schema_to_pyspark_data_type(expression.cast.type).simpleString())
    text = str(expression.cast.type_str).lower().strip()
    return SYNONYMS.get(text, text)


def _literal(literal: Any) -> str:
    kind = str(literal.WhichOneof("literal_type") or "")
    if kind == "decimal":
        return f"decimal({literal.decimal.precision},{literal.decimal.scale})"
    return LITERALS.get(kind, kind)
