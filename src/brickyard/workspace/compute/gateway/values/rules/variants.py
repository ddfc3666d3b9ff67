"""Variants in other types: numbers as texts, texts as numbers, and an error for what the type cannot hold."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.values.rules.texts import quoted
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS

__all__ = ["of_variant"]

TEXT = "coalesce(try_variant_get({0}, '$', 'string'), nullif(CAST({0} AS STRING), 'null'))"
TIMES = frozenset({"date", "timestamp", "timestamp_ntz"})


def of_variant(kind: str, value: str, *, tried: bool) -> str:
    """SQL for a variant in a type; empty if the engine has to do it alone."""
    text = TEXT.format(value)
    if kind == "string":
        return text
    found = _found(kind, value, text)
    if tried or not found:
        return found
    shown = f"concat('[INVALID_VARIANT_CAST] The variant value `', {text}, {quoted(_rest(kind))})"
    error = f"CAST(raise_error({shown}) AS {kind})"
    missing = f"isnull({value}) OR is_variant_null({value})"
    return f"(CASE WHEN {missing} THEN NULL WHEN isnotnull({found}) THEN {found} ELSE {error} END)"


def _found(kind: str, value: str, text: str) -> str:
    """The value, or null if it has none in the type."""
    written = f"TRY_CAST(try_variant_get({value}, '$', 'string') AS {kind})"
    if kind in INTEGERS:
        return f"coalesce(TRY_CAST(try_variant_get({value}, '$', 'bigint') AS {kind}), {written})"
    if kind in FLOATS:
        return f"CAST(coalesce(try_variant_get({value}, '$', 'double'), {written}) AS {kind})"
    if kind == "boolean":
        return f"coalesce(TRY_CAST({text} AS BOOLEAN), TRY_CAST({text} AS DOUBLE) <> 0)"
    return f"TRY_CAST({text} AS {kind})" if kind in TIMES or kind.startswith("decimal") else ""


def _rest(kind: str) -> str:
    return f'` cannot be cast into `"{kind.upper()}"`. Please use `try_variant_get` instead.'
