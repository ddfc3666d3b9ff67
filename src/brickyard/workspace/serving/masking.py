"""Leaving the values of chosen columns out of requests and answers, in every form that the protocol has for rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Set
from typing import Any

from brickyard.runtime.redaction import REDACTED

__all__ = ["mask", "mask_answer"]

#: Where rows are in requests, and in answers.
_REQUESTS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_ROWS = (*_REQUESTS, "predictions")


class _Unclear(Exception):
    """It cannot be told which values belong to which column."""


def mask(body: str, content_type: str, columns: Set[str]) -> str:
    """A request without the values of these columns; nothing of it where it cannot be told which those are.

    Args:
        body: JSON or CSV.
        content_type: The media type.
        columns: Names, in lower case.
    """
    return _masked(body, columns, _csv if "csv" in content_type else _request)


def mask_answer(body: str, columns: Set[str]) -> str:
    """An answer without the values of these columns, as `mask`; a model may answer with any object."""
    return _masked(body, columns, _answer)


def _masked(body: str, columns: Set[str], form: Callable[[str, Set[str]], str]) -> str:
    if not columns or not body:
        return body
    try:
        return form(body, columns)
    except (ValueError, TypeError, csv.Error, RecursionError, _Unclear):
        return REDACTED


def _request(body: str, columns: Set[str]) -> str:
    found = json.loads(body)
    if not isinstance(found, dict) or not any(name in found for name in _REQUESTS):
        raise _Unclear
    return json.dumps(_outside(found, columns))


def _answer(body: str, columns: Set[str]) -> str:
    return json.dumps(_outside(json.loads(body), columns))


def _outside(value: Any, columns: Set[str]) -> Any:
    """A whole body; rows without names of columns are left out, for the column could be any of them."""
    if not isinstance(value, dict):
        raise _Unclear
    for name in value.keys() & set(_ROWS):
        _named(name, value[name])
    return _inside(value, columns)


def _named(form: str, rows: Any) -> None:
    """Look that rows name their columns; predictions need not."""
    if form == "dataframe_split":
        clear = isinstance(rows, dict) and isinstance(rows.get("columns"), list) and "data" in rows
    else:
        clear = isinstance(rows, dict) or (isinstance(rows, list) and all(isinstance(row, dict) for row in rows))
    if not clear and form != "predictions":
        raise _Unclear


def _inside(value: Any, columns: Set[str]) -> Any:
    if isinstance(value, list):
        return [_inside(item, columns) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("columns"), list) and "data" in value:
        # An index can have been a column.
        return dict.fromkeys(value, REDACTED) | {
            "columns": value["columns"],
            "data": _split(value["columns"], value["data"], columns),
        }
    return {name: REDACTED if _plain(name) in columns else _inside(item, columns) for name, item in value.items()}


def _split(names: list[Any], rows: Any, columns: Set[str]) -> list[list[Any]]:
    if any(isinstance(name, list | dict) for name in names):
        raise _Unclear
    hidden = [_plain(str(name)) in columns for name in names]
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        raise _Unclear
    return [[REDACTED if hide else item for hide, item in zip(hidden, row, strict=True)] for row in rows]


def _plain(name: str) -> str:
    """A name as it is compared: without the mark of the order of bytes, and blanks around it."""
    return name.strip("\ufeff \t\r\n").lower()


def _csv(body: str, columns: Set[str]) -> str:
    rows = [row for row in csv.reader(io.StringIO(body), strict=True) if row]
    # Where a column is not in the header, it may be there under another delimiter, or it is no CSV.
    if not rows or not columns <= {_plain(name) for name in rows[0]}:
        raise _Unclear
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([rows[0], *_split(rows[0], rows[1:], columns)])
    return text.getvalue()
