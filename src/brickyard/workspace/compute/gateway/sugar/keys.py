"""The keys of ORDER BY: expressions that Sail cannot order by.

It finds no expression of groups there that is not selected, and no plan for one in which something is computed twice
where the rows are in several partitions, as it is in every corrected expression (0.7.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brickyard.workspace.compute.gateway.sugar.aggregates import AGGREGATES, function_name
from brickyard.workspace.compute.gateway.sugar.tree import replace

__all__ = ["has_hidden_order", "needs_order", "order_by_position"]


def needs_order(select: Any) -> bool:
    """Whether a SELECT is ordered by an expression that has to become a column."""
    return any(_position(select, key) for key in _keys(select)) or has_hidden_order(select)


def has_hidden_order(select: Any) -> bool:
    """Whether a SELECT is ordered by an expression that is none of its columns, and that the engine cannot order by."""
    return _is_table(select) and any(_needs_column(select, key) for key in _keys(select) if not _position(select, key))


def _needs_column(select: Any, key: Any) -> bool:
    """Whether a key computes something that may be corrected, or is of groups."""
    from sqlglot import exp

    if isinstance(key, exp.Func) and function_name(key) in AGGREGATES:
        return True
    grouped = any(select.args.get(name) is not None for name in ("group", "having"))
    return grouped or any(key.find_all(exp.Func, exp.Mul, exp.Div))


def _is_table(select: Any) -> bool:
    """Whether a SELECT stands for rows, and is no subquery in an expression, which may need columns from outside."""
    from sqlglot import exp

    holder = select.parent
    while isinstance(holder, exp.Subquery):
        holder = holder.parent
    return not isinstance(holder, exp.Condition | exp.Select | exp.Alias | exp.Where | exp.Having)


def order_by_position(select: Any) -> None:
    """Order by the number of a column where the key is the same expression."""
    from sqlglot import exp

    for key in list(_keys(select)):
        position = _position(select, key)
        if position:
            replace(key, exp.Literal.number(position))


def _keys(select: Any) -> Iterator[Any]:
    """The keys that are no columns and no numbers; of a SELECT DISTINCT they are errors."""
    from sqlglot import exp

    order = select.args.get("order") if select.args.get("distinct") is None else None
    for term in order.expressions if order is not None else []:
        key = term.this if isinstance(term, exp.Ordered) else term
        if not isinstance(key, exp.Column | exp.Literal | exp.Var | exp.Identifier | exp.Placeholder | exp.Parameter):
            yield key


def _position(select: Any, key: Any) -> int:
    """The number of the column that is the same expression; 0 if there is none."""
    from sqlglot import exp

    for number, item in enumerate(select.expressions, 1):
        if isinstance(item, exp.Star) or item.is_star:
            return 0
        if item.unalias() == key:
            return number
    return 0
