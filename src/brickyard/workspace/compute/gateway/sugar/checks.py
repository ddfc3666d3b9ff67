"""Mistakes in a SELECT of which the engine says nothing, or something else than Databricks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates, generators

__all__ = ["check_select"]


def check_select(select: Any) -> None:
    """Look at the positions and the keys of GROUP BY and ORDER BY.

    Raises:
        SparkError: GROUP_BY_POS_OUT_OF_RANGE, ORDER_BY_POS_OUT_OF_RANGE, GROUP_BY_AGGREGATE.
    """
    group, order = select.args.get("group"), select.args.get("order")
    if group is not None:
        _positions(select, "GROUP BY", group.expressions)
        _keys(group.expressions)
    if order is not None:
        _positions(select, "ORDER BY", [term.this for term in order.expressions])


def _positions(select: Any, clause: str, keys: Iterable[Any]) -> None:
    from sqlglot import exp

    items = select.expressions
    keys = [key for key in keys if isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit()]
    if not keys or any(item.is_star or isinstance(item, exp.Star | exp.Aliases) or generators(item) for item in items):
        return  # there are more columns than items
    for key in keys:
        if not 1 <= int(key.name) <= len(items):
            raise SparkError(
                f"{clause.replace(' ', '_')}_POS_OUT_OF_RANGE",
                f"{clause} position {key.name} is not in select list (valid range is [1, {len(items)}]).",
                sql_state="42805",
            )


def _keys(keys: Iterable[Any]) -> None:
    from sqlglot import exp

    for key in keys:
        found = next((one for one in key.find_all(exp.AggFunc) if not one.find_ancestor(exp.Window)), None)
        found = found or next(iter(aggregates(key)), None)
        if found is not None and found.find_ancestor(exp.Select) is key.find_ancestor(exp.Select):
            raise SparkError(
                "GROUP_BY_AGGREGATE",
                f"Aggregate functions are not allowed in GROUP BY, but found {found.sql(dialect='databricks')}.",
                sql_state="42903",
            )
