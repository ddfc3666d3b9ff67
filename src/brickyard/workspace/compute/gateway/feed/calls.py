"""`table_changes(...)` in the text of a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.sqltext import tokenize

__all__ = ["Call", "call_of"]

NAMES = ("table_changes", "table_changes_by_path")


@dataclass(frozen=True)
class Call:
    """One call.

    Args:
        table: The name or path that it gives.
        by_path: Whether that is a path.
        start: The first version, or its time.
        end: The last, if it is given.
        span: Where the call is in the text; the end is exclusive.
    """

    table: str
    by_path: bool
    start: int | str
    end: int | str | None
    span: tuple[int, int]


def call_of(table: Any, sql: str) -> Call | None:
    """What a node of a FROM clause asks of the feed; None if it is something else.

    Args:
        table: The node.
        sql: The text that it is of.

    Raises:
        SparkError: INCORRECT_NUMBER_OF_ARGUMENTS, or an argument that is not a literal.
    """
    from sqlglot import exp

    function = table.this
    if not isinstance(function, exp.Anonymous) or function.name.lower() not in NAMES:
        return None
    name, given = function.name.lower(), [_argument(one) for one in function.expressions]
    if not 2 <= len(given) <= 3:
        text = f"{name} requires at least 2 arguments and at most 3 arguments."
        raise SparkError("INCORRECT_NUMBER_OF_ARGUMENTS", text, sql_state="42605")
    start = int(function.meta["start"])
    end = given[2] if len(given) == 3 else None
    return Call(str(given[0]), name != NAMES[0], given[1], end, (start, _end(sql, start)))


def _argument(node: Any) -> int | str:
    from sqlglot import exp

    if isinstance(node, exp.Kwarg):
        node = node.expression
    if isinstance(node, exp.Cast):
        node = node.this
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return -int(node.this.name)
    if not isinstance(node, exp.Literal):
        raise unsupported("an argument of table_changes that is computed", "Write a literal, or use spark.read.")
    return str(node.name) if node.is_string else int(node.name)


def _end(sql: str, start: int) -> int:
    """The end of the brackets after a place."""
    depth = 0
    for token in tokenize(sql):
        if token.start > start and token.text in {"(", ")"} and token.kind not in {"STRING", "IDENTIFIER"}:
            depth += 1 if token.text == "(" else -1
            if not depth:
                return token.end + 1
    return len(sql)
