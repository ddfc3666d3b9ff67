"""Parameters of SQL statements: text with a type, as literals of Spark."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["literals"]

_DECIMAL = re.compile(r"(?:DECIMAL|DEC|NUMERIC)(?:\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", re.IGNORECASE)
_MAX_PRECISION = 38
_INTERVAL = re.compile(
    r"INTERVAL\s+(?:(?:YEAR|MONTH)(?:\s+TO\s+MONTH)?|(?:DAY|HOUR|MINUTE|SECOND)(?:\s+TO\s+(?:HOUR|MINUTE|SECOND))?)"
)
_YEARS, _DAYS = ("year", "month"), ("day", "hour", "minute", "second")
_COUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_TYPES = {
    "STRING": "string", "DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMP_NTZ": "timestamp_ntz",
    "BOOLEAN": "boolean", "FLOAT": "float", "REAL": "float", "DOUBLE": "double", "INT": "int", "INTEGER": "int",
    "BYTE": "tinyint", "TINYINT": "tinyint", "SHORT": "smallint", "SMALLINT": "smallint", "LONG": "bigint",
    "BIGINT": "bigint", "BINARY": "binary", "VOID": "void", "NULL": "void",
}  # fmt: skip


def literals(parameters: Sequence[Mapping[str, Any]]) -> dict[str, Any] | list[Any]:
    """The parameters as columns of the Spark client: by name, or in the order of their ordinals.

    Raises:
        ValueError: A type is none that parameters can have.
    """
    if parameters and not any(one.get("name") for one in parameters):
        return [_literal(one) for one in sorted(parameters, key=lambda one: one.get("ordinal") or 0)]
    return {one["name"]: _literal(one) for one in parameters}


def _literal(parameter: Mapping[str, Any]) -> Any:
    from pyspark.sql import functions as F

    kind, value = _type(parameter.get("type") or "STRING"), parameter.get("value")
    if kind == "void":
        return F.lit(None)
    if value is None:
        return F.lit(None).cast(kind)
    if kind.startswith("interval"):
        return _interval(kind, value)
    return F.lit(value) if kind == "string" else F.lit(value).cast(kind)


def _type(text: str) -> str:
    plain = text.strip().upper()
    decimal = _DECIMAL.fullmatch(plain)
    if decimal:
        return _decimal(int(decimal[1] or 10), int(decimal[2] or 0))
    if _INTERVAL.fullmatch(plain):
        return " ".join(plain.lower().split())
    if plain not in _TYPES:
        known = ", ".join([*_TYPES, "INTERVAL ..."])
        raise ValueError(f"[UNSUPPORTED_PARAMETER_TYPE] A parameter cannot have the type {text}; use {known}.")
    return _TYPES[plain]


def _decimal(precision: int, scale: int) -> str:
    if precision > _MAX_PRECISION:
        raise ValueError(
            f"[DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION] Decimal precision {precision} exceeds max precision"
            f" {_MAX_PRECISION}. SQLSTATE: 22003"
        )
    if scale > precision:
        raise ValueError(
            f"[PARSE_SYNTAX_ERROR] Decimal scale ({scale}) cannot be greater than precision ({precision})."
            " SQLSTATE: 42601"
        )
    return f"decimal({precision},{scale})"


def _interval(kind: str, value: str) -> Any:
    """An interval of the units that its type names: `1-2` of years to months, `1 02:03:04.5` of days to seconds.

    Raises:
        ValueError: The text is none of these.
    """
    from pyspark.sql import functions as F

    first, last = kind.split()[1], kind.split()[-1]
    units = _YEARS if first in _YEARS else _DAYS
    named = units[units.index(first) : units.index(last) + 1]
    sign, text = (-1, value.strip()[1:]) if value.strip().startswith("-") else (1, value.strip().removeprefix("+"))
    parts = re.split("-" if units is _YEARS else "[ :]", text)
    if len(parts) != len(named) or not all(_COUNT.fullmatch(part) for part in parts):
        raise ValueError(
            f"[CAST_INVALID_INPUT] The value '{value}' cannot be cast to {kind.upper()} because it is malformed."
            " SQLSTATE: 22018"
        )
    given = dict(zip(named, parts, strict=True))
    counts = [F.lit(sign * (float(given[one]) if one == "second" else int(given[one]))) for one in named]
    zeros = [F.lit(0)] * units.index(first)
    return (F.make_ym_interval if units is _YEARS else F.make_dt_interval)(*zeros, *counts).cast(kind)
