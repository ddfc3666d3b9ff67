"""Where the engine takes a lambda function, computes an expression once, or moves it."""

from __future__ import annotations

from functools import cache
from typing import Any

from brickyard.workspace.compute.gateway.values.binding import GENERATORS
from brickyard.workspace.compute.gateway.values.calls import operators
from brickyard.workspace.compute.gateway.values.scopes import AGGREGATES, is_aggregated

__all__ = ["is_bindable", "is_moved", "is_repeatable"]

#: The clauses of a SELECT from which an expression may be moved.
MOVED = frozenset({"expressions", "where", "joins"})


@cache
def _repeatable() -> tuple[Any, ...]:
    from sqlglot import exp

    leaves = exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Null, exp.Boolean
    types = exp.Cast, exp.DataType, exp.DataTypeParam
    windows = exp.Window, exp.WindowSpec, exp.Order, exp.Ordered, exp.Filter
    return *leaves, *types, *windows, *operators(), exp.Paren, exp.Dot, exp.Distinct


def is_repeatable(node: Any) -> bool:
    """Whether an expression has no calls but of aggregate functions: the engine computes it once."""
    from sqlglot import exp

    return all(
        isinstance(one, _repeatable()) or (isinstance(one, exp.Anonymous) and one.name.lower() in AGGREGATES)
        for one in node.walk()
    )


def is_bindable(node: Any) -> bool:
    """Whether the engine takes a lambda function in this place (0.7.2).

    It does not in OVER, ORDER BY and HAVING, and in the conditions of statements that change rows. What rows are
    grouped by must be written alike wherever it is.
    """
    from sqlglot import exp

    inner, outer = node, node.parent
    while outer is not None and not isinstance(outer, exp.Select):
        if isinstance(outer, exp.Window) and inner.arg_key != "this":
            return False
        if isinstance(outer, exp.Anonymous) and outer.name.lower() in AGGREGATES:
            return True
        if isinstance(outer, exp.Update | exp.Delete | exp.Merge | exp.When):
            return bool(inner.arg_key == "expressions")
        inner, outer = outer, outer.parent
    if inner.arg_key == "expressions" and outer is not None:
        return is_aggregated(node) or not outer.args.get("group")
    return outer is None or inner.arg_key in {"where", "joins", "laterals"}


def is_moved(node: Any) -> bool:
    """Whether the engine may move an expression down, from a place that allows what is random."""
    from sqlglot import exp

    if isinstance(node, exp.Anonymous) and node.name.lower() in GENERATORS:
        return False
    inner, outer = node, node.parent
    while outer is not None and not isinstance(outer, exp.Select):
        generates = isinstance(outer, exp.Anonymous) and outer.name.lower() in GENERATORS
        if generates or isinstance(outer, exp.Lambda | exp.Window | exp.Lateral):
            return False
        inner, outer = outer, outer.parent
    if outer is None or inner.arg_key not in MOVED:
        return False
    return inner.arg_key != "expressions" or not _is_grouped(outer)


def _is_grouped(select: Any) -> bool:
    return bool(select.args.get("group")) or any(is_aggregated(item) for item in select.expressions)
