"""Leaving the values of chosen columns out of requests and answers, in every form that the protocol has for rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Set
from typing import Any

from brickyard.runtime.redaction import REDACTED

__all__ = ["mask"]

#: Where rows are, in requests and answers.
_ROWS = ("dataframe_split", "dataframe_records", "instances", "inputs", "predictions")


class _Unclear(Exception):
    """It cannot be told which values belong to which column."""


def mask(body: str, content_type: str, columns: Set[str]) -> str:
    """The body without the values of these columns; nothing of it where it cannot be told which those are.

    Args:
        body: JSON or CSV.
        content_type: The media type.
        columns: Names, in lower case.
    """
    if not columns or not body:
        return body
    try:
        if "csv" in content_type:
            return _csv(body, columns)
        found = json.loads(body)
        return json.dumps(_outside(found, columns))
    except (ValueError, TypeError, csv.Error, RecursionError, _Unclear):
        return REDACTED


def _outside(value: Any, columns: Set[str]) -> Any:
    """A whole body; rows without names of columns are left out, for the column could be any of them."""
    if not isinstance(value, dict):
        raise _Unclear
    if not any(name in value for name in _ROWS):
        return _inside(value, columns)
    return {
        name: _rows(name, item, columns) if name in _ROWS else _inside(item, columns) for name, item in value.items()
    }


def _rows(form: str, value: Any, columns: Set[str]) -> Any:
    if form == "dataframe_split":
        if not isinstance(value, dict) or not isinstance(value.get("columns"), list):
            raise _Unclear
        return _inside(value, columns)
    named = isinstance(value, dict) or (isinstance(value, list) and all(isinstance(row, dict) for row in value))
    if not named and form != "predictions":
        raise _Unclear
    return _inside(value, columns)


def _inside(value: Any, columns: Set[str]) -> Any:
    if isinstance(value, list):
        return [_inside(item, columns) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("columns"), list) and "data" in value:
        return {**value, "data": _split(value["columns"], value["data"], columns)}
    return {name: REDACTED if name.lower() in columns else _inside(item, columns) for name, item in value.items()}


def _split(names: list[Any], rows: Any, columns: Set[str]) -> list[list[Any]]:
    hidden = [str(name).lower() in columns for name in names]
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        raise _Unclear
    return [[REDACTED if hide else item for hide, item in zip(hidden, row, strict=True)] for row in rows]


def _csv(body: str, columns: Set[str]) -> str:
    rows = list(csv.reader(io.StringIO(body), strict=True))
    if not rows:
        return body
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [rows[0], *_split(rows[0], [row for row in rows[1:] if row], columns)]
    )
    return text.getvalue()
