"""SQL trees whose nodes know their place in the text, so that single expressions can be replaced in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from brickyard.workspace.compute.gateway.sqltext import dialect

__all__ = ["parse_spans", "span"]

SPAN = "span"
#: The rules of the parser whose results are marked, innermost first.
RULES = (
    "_parse_unary",
    "_parse_factor",
    "_parse_term",
    "_parse_function",
    "_parse_from",
    "_parse_join",
    "_parse_lateral",
    "_parse_group",
    "_parse_expression",
    "_parse_table",
    "_parse_cte",
    "_parse_atom",
    "_parse_type",
    "_parse_lambda",
    "_parse_disjunction",
)


@cache
def _parser() -> Any:
    from sqlglot.dialects import Databricks

    rules = {name: _marking(getattr(Databricks.Parser, name)) for name in RULES}
    return type("Spans", (Databricks.Parser,), rules)


def _marking(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, which notes where its result begins and ends."""

    def marked(self: Any, *args: Any, **kwargs: Any) -> Any:
        start = self._curr
        node = rule(self, *args, **kwargs)
        if start is not None and self._prev is not None and hasattr(node, "meta") and SPAN not in node.meta:
            node.meta[SPAN] = (start.start, self._prev.end + 1)
        return node

    return marked


def parse_spans(sql: str) -> Any:
    """The tree of a statement that is known to parse."""
    tokens = dialect().tokenize(sql)
    return _parser()(dialect=dialect()).parse(tokens, sql)[0]


def span(node: Any) -> tuple[int, int] | None:
    """The place of a node, or None."""
    from sqlglot import exp

    if isinstance(node, exp.Binary) and SPAN not in node.meta:
        left, right = span(node.this), span(node.expression)
        return (left[0], right[1]) if left and right else None
    found: tuple[int, int] | None = node.meta.get(SPAN)
    if found is None and isinstance(node, exp.Identifier) and "start" in node.meta:
        return node.meta["start"], node.meta["end"] + 1  # a lambda variable, which was a column first
    return found
