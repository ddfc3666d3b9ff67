"""Expressions of a plan as SQL text, for what only a statement can do."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["string", "type_text", "unparse"]

#: Functions of the client -> the operator between their arguments.
BETWEEN = {
    **{name: name for name in ("<", ">", "<=", ">=", "<=>", "+", "-", "*", "/", "%", "&", "|", "^", "!=")},
    "==": "=",
    "=": "=",
    "and": "AND",
    "or": "OR",
    "like": "LIKE",
    "rlike": "RLIKE",
    "ilike": "ILIKE",
}
BEFORE = {"not": "NOT", "!": "NOT", "negative": "-", "~": "~"}
BEHIND = {"isnull": "IS NULL", "isnotnull": "IS NOT NULL"}


def unparse(expression: Any, owners: Mapping[int, str] | None = None) -> str:
    """The SQL of an expression.

    Args:
        expression: A `spark.connect.Expression`.
        owners: For the ids of plans, the alias of the rows that are meant by a column of theirs.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE, for what has no text.
    """
    return _Text(owners or {}).of(expression)


class _Text:
    def __init__(self, owners: Mapping[int, str]) -> None:
        self._owners = owners

    def of(self, expression: Any) -> str:
        kind = expression.WhichOneof("expr_type")
        make = getattr(self, f"_{kind}", None)
        if make is None:
            raise unsupported(f"a column of this kind ({kind}) here", "Write the condition or the value as SQL text.")
        text: str = make(getattr(expression, kind))
        return text

    def _all(self, expressions: Any) -> list[str]:
        return [self.of(expression) for expression in expressions]

    def _expression_string(self, text: Any) -> str:
        return f"({text.expression})"

    def _unresolved_attribute(self, column: Any) -> str:
        name = column.unparsed_identifier
        parts = name.split(".") if name.replace(".", "").replace("_", "").isalnum() else Cursor(name).name()
        owner = self._owners.get(column.plan_id) if column.HasField("plan_id") else None
        return ".".join(quote(part) for part in ([owner, *parts] if owner else parts))

    def _alias(self, alias: Any) -> str:
        return self.of(alias.expr)

    def _cast(self, cast: Any) -> str:
        kind = cast.type_str or type_text(cast.type)
        return f"{'TRY_CAST' if cast.eval_mode == cast.EVAL_MODE_TRY else 'CAST'}({self.of(cast.expr)} AS {kind})"

    def _unresolved_extract_value(self, extract: Any) -> str:
        child, key = self.of(extract.child), extract.extraction
        if key.literal.HasField("string"):
            return f"{child}[{string(key.literal.string)}]"
        return f"{child}[{self.of(key)}]"

    def _lambda_function(self, function: Any) -> str:
        names = ", ".join(".".join(argument.name_parts) for argument in function.arguments)
        return f"({names}) -> {self.of(function.function)}"

    def _unresolved_named_lambda_variable(self, variable: Any) -> str:
        return ".".join(variable.name_parts)

    def _unresolved_function(self, call: Any) -> str:
        name, arguments = call.function_name, self._all(call.arguments)
        lower = name.lower()
        if lower in BETWEEN and len(arguments) == 2:
            return f"({arguments[0]} {BETWEEN[lower]} {arguments[1]})"
        if lower in BEFORE and len(arguments) == 1:
            return f"({BEFORE[lower]} {arguments[0]})"
        if lower in BEHIND:
            return f"({arguments[0]} {BEHIND[lower]})"
        if lower == "in":
            return f"({arguments[0]} IN ({', '.join(arguments[1:])}))"
        if lower == "when":
            return _case(arguments)
        return f"{name}({'DISTINCT ' if call.is_distinct else ''}{', '.join(arguments)})"

    def _call_function(self, call: Any) -> str:
        return f"{call.function_name}({', '.join(self._all(call.arguments))})"

    def _literal(self, literal: Any) -> str:
        kind = literal.WhichOneof("literal_type")
        value = getattr(literal, kind)
        if kind == "null":
            return "NULL"
        if kind == "string":
            return string(value)
        if kind in SUFFIXES:
            return f"{value}{SUFFIXES[kind]}" if value >= 0 else f"({value}{SUFFIXES[kind]})"
        if kind in CALLS:
            return CALLS[kind].format(value)
        if kind in ("float", "double"):
            return f"CAST('{value}' AS {kind.upper()})"
        if kind == "decimal":
            return f"CAST('{value.value}' AS DECIMAL({_digits(value)}))"
        if kind == "binary":
            return f"X'{value.hex()}'"
        if kind == "array":
            return f"array({', '.join(self._literal(element) for element in value.elements)})"
        raise unsupported(f"a constant of the type {kind} here", "Write the condition or the value as SQL text.")


SUFFIXES = {"byte": "Y", "short": "S", "integer": "", "long": "L"}
CALLS = {
    "boolean": "{}",
    "date": "date_from_unix_date({})",
    "timestamp": "timestamp_micros({})",
}


def _case(arguments: list[str]) -> str:
    pairs = zip(arguments[::2], arguments[1::2], strict=False)
    branches = " ".join(f"WHEN {condition} THEN {value}" for condition, value in pairs)
    other = f" ELSE {arguments[-1]}" if len(arguments) % 2 else ""
    return f"CASE {branches}{other} END"


def _digits(value: Any) -> str:
    """Precision and scale: those of the text, or those that are given where they are larger."""
    parts = Decimal(value.value).as_tuple()
    scale = max(-int(parts.exponent), value.scale, 0)
    return f"{max(len(parts.digits), scale, value.precision)}, {scale}"


def string(value: str) -> str:
    """A text as SQL has it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def type_text(kind: Any) -> str:
    """A `spark.connect.DataType` as SQL has it."""
    from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

    if kind.HasField("unparsed"):
        return str(kind.unparsed.data_type_string)
    return str(proto_schema_to_pyspark_data_type(kind).simpleString())
