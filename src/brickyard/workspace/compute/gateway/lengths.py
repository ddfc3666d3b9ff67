"""Columns of VARCHAR(n): texts whose schema says how long they may be.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-datatypes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.filling import columns_of
from brickyard.workspace.compute.gateway.sugar.constants import string

__all__ = ["limits", "said", "within"]

#: The key of a field's metadata in which Delta keeps the type.
KEY = "__CHAR_VARCHAR_TYPE_STRING"
TYPE = re.compile(r"(char|character|varchar)\s*\(\s*(\d+)\s*\)", re.IGNORECASE)


def said(kind: str) -> dict[str, str]:
    """What a field's metadata says of a type, as a statement writes it.

    Raises:
        SparkError: It is CHAR: its values are padded, and literals where they are compared with them.
    """
    found = TYPE.fullmatch(kind.strip())
    if found is None:
        return {}
    if found[1].lower() != "varchar":
        raise unsupported(f"columns of {kind.upper()}, which are padded with blanks", "Use VARCHAR(n) or STRING.")
    return {KEY: f"varchar({found[2]})"}


def limits(place: Path) -> Mapping[str, int]:
    """The most characters of a Delta table's columns, by the names in lower case of those that have a limit."""
    found = [(one["name"].lower(), TYPE.fullmatch(one["metadata"].get(KEY, ""))) for one in columns_of(place)]
    return {name: int(kind[2]) for name, kind in found if kind}


def within(text: str, column: str, most: int) -> str:
    """SQL for a text in such a column: an error if it is too long."""
    start = '[DELTA_EXCEED_CHAR_VARCHAR_LIMIT] Value "'
    check = f"(({column} IS NULL) OR (length({column}) <= {most}))"
    rest = f'" exceeds char/varchar type length limitation. Failed check: {check}. SQLSTATE: 22001'
    error = f"raise_error(concat('{start}', {text}, {string(rest)}))"
    return f"CASE WHEN {text} IS NULL OR length({text}) <= {most} THEN {text} ELSE CAST({error} AS STRING) END"
