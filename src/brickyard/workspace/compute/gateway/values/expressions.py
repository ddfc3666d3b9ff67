"""Expressions of Spark Connect: what the corrections need to read and to build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql.connect.proto import expressions_pb2

from brickyard.workspace.compute.gateway.values.rules import Operand
from brickyard.workspace.compute.gateway.values.rules.calendar import interval_kind
from brickyard.workspace.compute.gateway.values.rules.types import SYNONYMS, Decimal
from brickyard.workspace.compute.gateway.values.scopes import AGGREGATES

__all__ = [
    "Expression",
    "alike",
    "call",
    "cast",
    "children",
    "copied",
    "has_cast",
    "is_aggregated",
    "is_unit",
    "said",
    "target",
]

Expression = expressions_pb2.Expression
INTEGERS = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint"}
PLAIN = frozenset({"string", "double", "float", "boolean", "date", "timestamp", "timestamp_ntz", "binary"})


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


def is_aggregated(message: Any) -> bool:
    """Whether an expression stands for a group of rows."""
    if message.HasField("window"):
        return False
    if message.unresolved_function.function_name.lower() in AGGREGATES:
        return True
    return any(is_aggregated(child) for child in children(message))


def alike(expression: Any) -> tuple[bytes, bytes]:
    """An expression without its casts, and with them; where the client has it from is not part of it."""
    bare, whole = copied(expression), copied(expression)
    _settle(bare, casts=False)
    _settle(whole, casts=True)
    return bare.SerializeToString(deterministic=True), whole.SerializeToString(deterministic=True)


def _settle(expression: Any, *, casts: bool) -> None:
    while not casts and expression.HasField("cast"):
        expression.CopyFrom(copied(expression.cast.expr))
    expression.ClearField("common")
    for child in children(expression):
        _settle(child, casts=casts)


def is_unit(message: Any) -> bool:
    """Whether it is an aggregate function or a window, which the engine computes before all else."""
    return message.HasField("window") or message.unresolved_function.function_name.lower() in AGGREGATES


def has_cast(message: Any, inside: bool = False) -> bool:
    """Whether there is a cast inside of an aggregate function or a window."""
    inside = inside or is_unit(message)
    return (inside and message.HasField("cast")) or any(has_cast(one, inside) for one in children(message))


def call(name: str, *arguments: Any) -> Any:
    """A function call."""
    expression = Expression()
    expression.unresolved_function.function_name = name
    expression.unresolved_function.arguments.extend(arguments)
    return expression


def cast(expression: Any, kind: str) -> Any:
    """A cast."""
    made = Expression()
    made.cast.expr.CopyFrom(expression)
    made.cast.type_str = kind
    return made


def copied(expression: Any) -> Any:
    """A copy that stays as it is."""
    made = Expression()
    made.CopyFrom(expression)
    return made


def said(expression: Any) -> Operand:
    """What an expression says of itself: its type if it is a literal or a cast, and a literal's value."""
    kind = expression.WhichOneof("expr_type")
    if kind == "literal":
        return _literal(expression.literal)
    if kind == "cast":
        return Operand(target(expression))
    if kind == "expression_string":
        text = expression.expression_string.expression
        is_interval = text.lstrip().lower().startswith("interval") and not set(text) & set("()*/")
        return Operand(interval_kind(text) if is_interval else "", None, text)
    if expression.unresolved_function.function_name == "map":  # options
        return Operand(text=" ".join(said(one).value or "" for one in expression.unresolved_function.arguments))
    return Operand()


def target(expression: Any) -> str:
    """The type of a cast."""
    if expression.cast.HasField("type"):
        from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

        return str(proto_schema_to_pyspark_data_type(expression.cast.type).simpleString())
    text = str(expression.cast.type_str).lower().strip().replace(", ", ",")
    return SYNONYMS.get(text, text)


def _literal(literal: Any) -> Operand:
    kind = str(literal.WhichOneof("literal_type") or "")
    if kind == "decimal":
        return Operand(_decimal(literal.decimal), literal.decimal.value)
    if kind == "null":
        return Operand("void")
    if kind in INTEGERS:
        return Operand(INTEGERS[kind], str(getattr(literal, kind)))
    if kind == "day_time_interval":
        return Operand("interval hour to second")
    value = literal.string if kind == "string" else None
    return Operand(kind if kind in PLAIN else "", value)


def _decimal(decimal: Any) -> str:
    """The type that holds both the value and what the client says of it."""
    whole, _, part = decimal.value.lstrip("-").partition(".")
    scale = max(len(part), decimal.scale)
    return str(Decimal(max(len((whole + part).lstrip("0")), decimal.precision, scale, 1), scale))
