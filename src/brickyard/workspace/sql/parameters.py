"""Parameters of SQL statements: text with a type, as literals of Spark."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["literals"]

_DECIMAL = re.compile(r"(?:DECIMAL|DEC|NUMERIC)(?:\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", re.IGNORECASE)
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
    if value is None or kind == "void":
        return F.lit(None).cast("string" if kind == "void" else kind)
    return F.lit(value) if kind == "string" else F.lit(value).cast(kind)


def _type(text: str) -> str:
    plain = text.strip().upper()
    decimal = _DECIMAL.fullmatch(plain)
    if decimal:
        return f"decimal({decimal[1] or 10},{decimal[2] or 0})"
    if plain not in _TYPES:
        known = ", ".join(_TYPES)
        raise ValueError(f"[UNSUPPORTED_PARAMETER_TYPE] A parameter cannot have the type {text}; use {known}.")
    return _TYPES[plain]
