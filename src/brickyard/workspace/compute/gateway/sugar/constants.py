"""Values as SQL text: arguments of a statement, and the values of session variables."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway.errors import unsupported

__all__ = ["argument", "cell", "constant", "string", "typed"]

EPOCH = dt.date(1970, 1, 1)


def string(text: str) -> str:
    """A string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def constant(value: Any) -> str:
    """A Python value as an expression; a timestamp without a zone is a TIMESTAMP_NTZ.

    Raises:
        SparkError: If there is no literal of its kind.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value >= 0 else f"({value})"
    for kind, write in WRITERS:
        if isinstance(value, kind):
            return str(write(value))
    raise unsupported(f"a constant of the type {type(value).__name__}", "Use a number, a string or a date.")


def _timestamp(value: dt.datetime) -> str:
    if value.tzinfo is None:
        return f"CAST('{value.isoformat(sep=' ')}' AS TIMESTAMP_NTZ)"
    since = value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return f"timestamp_micros({since // dt.timedelta(microseconds=1)})"


def _map(value: dict[str, Any]) -> str:
    pairs = [f"{string(key)}, {constant(one)}" for key, one in value.items()]
    return f"named_struct({', '.join(pairs)})"


WRITERS: tuple[tuple[type, Any], ...] = (
    (str, string),
    (float, lambda value: f"CAST('{value}' AS DOUBLE)"),
    (Decimal, lambda value: _decimal(value)),
    (dt.datetime, _timestamp),
    (dt.date, lambda value: f"DATE '{value.isoformat()}'"),
    (bytes, lambda value: f"X'{value.hex()}'"),
    (dt.timedelta, lambda value: f"make_dt_interval({value.days}, 0, 0, {value.seconds + value.microseconds / 1e6})"),
    (list, lambda value: f"array({', '.join(constant(one) for one in value)})"),
    (dict, _map),
)


def _decimal(value: Decimal) -> str:
    digits = value.as_tuple()
    scale = max(0, -int(digits.exponent))
    precision = max(len(digits.digits) + max(0, int(digits.exponent)), scale, 1)
    return f"CAST('{value:f}' AS DECIMAL({precision},{scale}))"


def cell(table: pa.Table | None, at: int = 0) -> str:
    """The value of the first row of a result, as an expression."""
    if table is None or table.num_rows == 0:
        return "NULL"
    kind, value = table.schema.field(at).type, table.column(at)[0].as_py()
    if pa.types.is_map(kind) and value is not None:
        keys = ", ".join(f"{constant(key)}, {constant(one)}" for key, one in value)
        return f"map({keys})"
    return constant(value)


#: What integers of these types end with.
SUFFIXES = {"tinyint": "Y", "smallint": "S", "bigint": "L"}
BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
WHOLE = re.compile(r"[+-]?[0-9]{1,19}")


def typed(kind: str, text: str) -> str:
    """An expression of constants with the type that it was of."""
    if kind in {"int", "string", "boolean", "void"} and text != "NULL":
        return text
    if kind in SUFFIXES and text.isdigit():
        return f"{text}{SUFFIXES[kind]}"
    return text if kind == "void" else f"CAST({text} AS {kind})"


def argument(expression: Any) -> str:
    """An argument of `spark.sql(..., args=...)` as an expression.

    Raises:
        SparkError: If it is no constant.
    """
    kind = expression.WhichOneof("expr_type") if expression.DESCRIPTOR.name == "Expression" else "literal"
    if kind == "unresolved_function":
        call = expression.unresolved_function
        return f"{call.function_name}({', '.join(argument(one) for one in call.arguments)})"
    if kind == "cast":
        target = expression.cast
        if target.HasField("type_str"):
            whole = _whole(target.expr.literal.string, target.type_str.lower())
            return whole or f"CAST({argument(target.expr)} AS {target.type_str})"
    if kind == "alias":
        return argument(expression.alias.expr)
    if kind != "literal":
        raise unsupported("an argument of this kind", "Pass a Python value, or lit(), array(), map() of them.")
    return _literal(expression.literal if expression.DESCRIPTOR.name == "Expression" else expression)


def _whole(text: str, kind: str) -> str | None:
    """A text that is cast to a whole number as a literal, which may stand where no expression may; None for others."""
    suffix, bits = {"int": "", **SUFFIXES}.get(kind), BITS.get(kind, 0)
    if suffix is None or not WHOLE.fullmatch(text) or abs(int(text)) >= 2 ** (bits - 1):
        return None
    return f"{int(text)}{suffix}" if int(text) >= 0 else f"({int(text)}{suffix})"


def _literal(literal: Any) -> str:
    from pyspark.sql.connect.expressions import LiteralExpression

    kind = literal.WhichOneof("literal_type")
    suffix = {"byte": "Y", "short": "S", "long": "L"}.get(kind, "")
    if suffix:
        value = getattr(literal, kind)
        return f"{value}{suffix}" if value >= 0 else f"({value}{suffix})"
    if kind in {"null", None}:
        return "NULL"
    if kind == "float":
        return f"CAST('{literal.float}' AS FLOAT)"
    if kind == "timestamp":
        return f"timestamp_micros({literal.timestamp})"
    if kind == "decimal":
        return constant(Decimal(literal.decimal.value))
    if kind == "array":
        return f"array({', '.join(_literal(one) for one in literal.array.elements)})"
    if kind == "map":
        pairs = zip(literal.map.keys, literal.map.values, strict=True)
        return f"map({', '.join(f'{_literal(key)}, {_literal(one)}' for key, one in pairs)})"
    return constant(LiteralExpression._to_value(literal))
