"""Texts of a CSV column as an Arrow array: all at once where they look as they should, else one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
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
}


def converted(values: Sequence[str | None], kind: Any, arrow: pa.DataType, texts: Texts) -> tuple[pa.Array, list[int]]:
    """The array, and the places of the texts that are no values of the type: they are null in it."""
    name = kind.typeName()
    if name == "string":
        return pa.array(values, arrow), []
    if name in PLAIN and not (name == "date" and texts.date is not None):
        with contextlib.suppress(pa.ArrowInvalid):
            given = pa.array(values, pa.string())
            if pc.all(pc.match_substring_regex(given, PLAIN[name]), min_count=0).as_py():
                return pc.cast(given, arrow), []
    convert = texts.of(kind)
    found: list[Any] = []
    wrong: list[int] = []
    for place, value in enumerate(values):
        try:
            found.append(None if value is None else convert(value))
        except (ValueError, OverflowError, KeyError, ArithmeticError):
            found.append(None)
            wrong.append(place)
    return pa.array(found, arrow), wrong


def all_plain(values: Sequence[str], kind: Any) -> bool:
    """Whether texts are for sure of a type, so that they tell nothing new about their column's."""
    pattern = PLAIN.get(kind.typeName())
    if pattern is None or kind.typeName() == "date":
        return not values
    return bool(pc.all(pc.match_substring_regex(pa.array(values, pa.string()), pattern), min_count=0).as_py())
