"""Texts of a CSV column as an Arrow array: all at once where they look as they should, else one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from brickyard.workspace.compute.gateway.sources.texts import Texts

__all__ = ["all_plain", "converted"]

#: Texts that Arrow casts to a type as Spark does.
PLAIN = {
    "byte": r"^-?\d{1,2}$",
    "short": r"^-?\d{1,4}$",
    "integer": r"^-?\d{1,9}$",
    "long": r"^-?\d{1,18}$",
    "double": r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$",
    "date": r"^\d{4}-\d{2}-\d{2}$",
    "timestamp": r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?$",
}
ARROW = {
    "byte": pa.int8(),
    "short": pa.int16(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}


def converted(values: Sequence[str | None], kind: Any, arrow: pa.DataType, texts: Texts) -> tuple[pa.Array, list[int]]:
    """The array, and the places of the texts that are no values of the type: they are null in it."""
    if kind.typeName() == "string":
        return pa.array(values, arrow), []
    plain = _plain(pa.array(values, pa.string()), kind.typeName(), arrow, texts)
    if plain is not None:
        return plain, []
    convert = cache(texts.of(kind))
    found: list[Any] = []
    wrong: list[int] = []
    for place, value in enumerate(values):
        try:
            found.append(None if value is None else convert(value))
        except (ValueError, OverflowError, KeyError, ArithmeticError):
            found.append(None)
            wrong.append(place)
    return pa.array(found, arrow), wrong


def _plain(given: pa.Array, name: str, arrow: pa.DataType, texts: Texts) -> pa.Array | None:
    """The array, if all texts look as Arrow reads them."""
    if name not in PLAIN or texts.has_pattern(name):
        return None
    try:
        if not pc.all(pc.match_substring_regex(given, PLAIN[name]), min_count=0).as_py():
            return None
        if name != "timestamp":
            return pc.cast(given, arrow)
        return pc.assume_timezone(pc.cast(given, pa.timestamp("us")), str(texts.zone), ambiguous="earliest").cast(arrow)
    except pa.ArrowInvalid:  # no such day, or an hour that a change of the clock left out
        return None


def all_plain(values: pa.Array, kind: Any, texts: Texts) -> bool:
    """Whether texts are for sure of a type, so that they tell nothing new about their column's."""
    name = kind.typeName()
    if name not in PLAIN:
        return len(values) == 0
    return _plain(values, name, ARROW[name], texts) is not None
