"""`GROUP BY ALL` and `ORDER BY ALL`: the positions that they stand for."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.stars import expand_stars
from brickyard.workspace.compute.gateway.sugar.tree import touch

__all__ = ["group_by_all", "order_by_all"]


def group_by_all(select: Any, scope: Scope) -> None:
    """Group by the items of the select list that hold no aggregate."""
    from sqlglot import exp

    group = select.args.get("group")
    if group is None or group.args.get("all") is not True or group.expressions:
        return
    expand_stars(select, scope, every=True)
    positions = [at for at, item in enumerate(select.expressions, 1) if not any(aggregates(item))]
    numbers = [exp.Literal.number(at) for at in positions]
    select.set("group", exp.Group(expressions=numbers) if numbers else None)
    touch(select)


def order_by_all(query: Any, scope: Scope) -> None:
    """Order by every column, from left to right."""
    from sqlglot import exp

    order = query.args.get("order")
    if order is None or len(order.expressions) != 1 or not _is_all(order.expressions[0]):
        return
    how = order.expressions[0]
    plain = query.copy()
    for key in ("order", "limit", "offset", "with_"):
        plain.set(key, None)
    plain.meta["touched"] = True
    count = len(scope.of(plain, query).names)
    terms = [
        exp.Ordered(this=exp.Literal.number(at), desc=how.args.get("desc"), nulls_first=how.args.get("nulls_first"))
        for at in range(1, count + 1)
    ]
    query.set("order", exp.Order(expressions=terms))
    touch(query)


def _is_all(term: Any) -> bool:
    from sqlglot import exp

    return isinstance(term.this, exp.Var) and not term.meta.get("text", "").startswith("`")
