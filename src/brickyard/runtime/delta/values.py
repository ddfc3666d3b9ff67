"""Conditions and values, which may be SQL or columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql.connect.functions import expr

__all__ = ["as_column", "assignments"]


def as_column(value: Any, name: str) -> Column:
    """A condition or value as a column.

    Raises:
        TypeError: It is neither SQL nor a column.
    """
    if isinstance(value, Column):
        return value
    if isinstance(value, str):
        return expr(value)
    raise TypeError(f"'{name}' must be a Spark SQL Column or a string in SQL, not {type(value).__name__}")


def assignments(place: Any, given: Any, name: str) -> list[tuple[Any, str, Any]]:
    """Add columns and their values to a message; what is to be put into it.

    Raises:
        ValueError: There are none.
        TypeError: They are no mapping of column names.
    """
    if given is None:
        raise ValueError(f"{name} cannot be None")
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a dict, not {type(given).__name__}")
    parts: list[tuple[Any, str, Any]] = []
    for column, value in given.items():
        if not isinstance(column, str):
            raise TypeError(f"Keys of the dict in '{name}' must be strings, not {type(column).__name__}")
        one = place.assignments.add()
        parts += [(one, "field", expr(column)), (one, "value", as_column(value, f"values of the dict in '{name}'"))]
    return parts
