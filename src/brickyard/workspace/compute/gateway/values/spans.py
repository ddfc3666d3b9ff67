"""SQL trees whose nodes know their place in the text, so that single expressions can be replaced in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from brickyard.workspace.compute.gateway.sqltext import dialect, parser

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
    "_parse_types",
    "_parse_type",
    "_parse_lambda",
    "_parse_disjunction",
)
#: Functions that sqlglot must know in order to read what follows them; all others keep their names and operands.
KNOWN_FUNCTIONS = ("ARRAY",)
SPECIAL_FUNCTIONS = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "SUBSTRING", "POSITION", "OVERLAY")


@cache
def _parser() -> Any:
    base = parser()
    rules: dict[str, Any] = {name: _marking(getattr(base, name)) for name in RULES}
    rules["_parse_bracket"] = _marking_items(base._parse_bracket)
    rules["FUNCTIONS"] = {name: base.FUNCTIONS[name] for name in KNOWN_FUNCTIONS}
    rules["FUNCTION_PARSERS"] = {name: base.FUNCTION_PARSERS[name] for name in SPECIAL_FUNCTIONS}
    rules["NO_PAREN_FUNCTION_PARSERS"] = {"CASE": base.NO_PAREN_FUNCTION_PARSERS["CASE"]}
    rules["FUNCTION_PARSERS"]["SUBSTR"] = base.FUNCTION_PARSERS["SUBSTRING"]
    return type("Spans", (base,), rules)


def _marking(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, which notes where its result begins and ends."""

    def marked(self: Any, *args: Any, **kwargs: Any) -> Any:
        start = self._curr
        node = rule(self, *args, **kwargs)
        if start is not None and self._prev is not None and hasattr(node, "meta") and SPAN not in node.meta:
            node.meta[SPAN] = (start.start, self._prev.end + 1)
        return node

    return marked


def _marking_items(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule for `x[i]`, which notes where that and x begin and end."""

    def marked(self: Any, this: Any = None) -> Any:
        start = _start(this) if self._curr is not None and self._curr.text == "[" else None
        if start is not None:
            this.meta.setdefault(SPAN, (start, self._prev.end + 1))
        node = rule(self, this)
        if start is not None and node is not this:
            node.meta.setdefault(SPAN, (start, self._prev.end + 1))
        return node

    return marked


def _start(node: Any) -> int | None:
    """Where what stands before `[` begins, which may be a chain."""
    while hasattr(node, "meta"):
        place = span(node)
        if place:
            return place[0]
        node = node.args.get("table") or node.args.get("this")
    return None


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
    return found or _before_sign(node)


def _before_sign(node: Any) -> tuple[int, int] | None:
    """The place of what stands before `::`, which the parser reads as a part of the cast."""
    from sqlglot import exp

    outer = node.parent
    if not isinstance(outer, exp.Cast) or outer.this is not node:
        return None
    whole, kind = span(outer), span(outer.to)
    return (whole[0], kind[0] - len("::")) if whole and kind else None
