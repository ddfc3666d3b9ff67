"""The patterns of `SHOW ... LIKE`: regular expressions in which `*` is any text and `|` separates alternatives."""

from __future__ import annotations

import re

from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["matches", "read_pattern"]


def read_pattern(cursor: Cursor) -> str:
    """Read `[[LIKE] 'pattern']`, with which a statement ends; everything without it."""
    cursor.take("LIKE")
    pattern = "*" if cursor.done else cursor.string()
    cursor.end()
    return pattern


def matches(name: str, pattern: str) -> bool:
    """Whether a whole name is one of a pattern's, in any case; an alternative that is no expression matches nothing.

    Source: Spark's `StringUtils.filterPattern`.
    """
    return any(_one(name, part.strip().replace("*", ".*")) for part in pattern.split("|"))


def _one(name: str, expression: str) -> bool:
    try:
        return re.fullmatch(expression, name, re.IGNORECASE) is not None
    except re.error:
        return False
