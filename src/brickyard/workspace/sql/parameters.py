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


def literals(parameters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters as columns of the Spark client, by name.

    Raises:
        ValueError: A type is none that parameters can have.
    """
    from pyspark.sql import functions as F

    found: dict[str, Any] = {}
    for one in parameters:
        kind, value = _type(one.get("type") or "STRING"), one.get("value")
        if value is None or kind == "void":
            found[one["name"]] = F.lit(None).cast("string" if kind == "void" else kind)
        else:
            found[one["name"]] = F.lit(value) if kind == "string" else F.lit(value).cast(kind)
    return found


def _type(text: str) -> str:
    plain = text.strip().upper()
    decimal = _DECIMAL.fullmatch(plain)
    if decimal:
        return f"decimal({decimal[1] or 10},{decimal[2] or 0})"
    if plain not in _TYPES:
        known = ", ".join(_TYPES)
        raise ValueError(f"[UNSUPPORTED_PARAMETER_TYPE] A parameter cannot have the type {text}; use {known}.")
    return _TYPES[plain]
