"""Results in the form in which they are kept and compared: text that says value and type."""

from __future__ import annotations

import math
from typing import Any


def written(result: Any, *, ordered: bool, typed: bool) -> Any:
    """A data frame as its types and its rows; anything else as one value."""
    if not hasattr(result, "collect"):
        return {"value": text(result)}
    types = [_type(field.dataType.simpleString()) for field in result.schema.fields] if typed else []
    rows = [text(tuple(row)) for row in result.collect()]
    shown: dict[str, Any] = {"rows": rows if ordered else sorted(rows)}
    return {"types": types} | shown if typed else shown


def text(value: Any) -> str:
    """A value, with floats as far as engines agree on them."""
    if isinstance(value, float):
        return repr(value) if math.isnan(value) or math.isinf(value) else repr(float(f"{value:.10g}"))
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{text(k)}: {text(v)}" for k, v in value.items())) + "}"
    if isinstance(value, tuple):  # rows too
        return "(" + ", ".join(text(item) for item in value) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(text(item) for item in value) + "]"
    if isinstance(value, bytearray):
        return repr(bytes(value))
    return repr(value)


def _type(name: str) -> str:
    """A type; the fields of an interval of days do not count, as Arrow has only one type for them all."""
    return "interval day to second" if name.startswith("interval day") else name
