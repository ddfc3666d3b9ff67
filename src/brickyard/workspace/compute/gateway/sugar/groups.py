"""`GROUP BY ALL` and `ORDER BY ALL`: the positions that they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates
from brickyard.workspace.compute.gateway.sugar.having import is_shadowed
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.stars import expand_stars, star_of
from brickyard.workspace.compute.gateway.sugar.tree import column, replace, touch

__all__ = [
    "group_by_all",
    "has_loose_sets",
    "has_numbered_keys",
    "has_sets",
    "order_by_all",
    "spell_keys",
    "whole_sets",
]
__all__ += ["without_groups_of_nothing"]


def group_by_all(select: Any, scope: Scope) -> None:
    """Group by the items of the select list that hold no aggregate, unless an input has a column `all`."""
    from sqlglot import exp

    group = select.args.get("group")
    if group is None or group.args.get("all") is not True or group.expressions:
        return
    if scope.has_column(select, "all"):
        select.set("group", exp.Group(expressions=[column("all")]))
        touch(select)
        return
    expand_stars(select, scope, every=True)
    positions = [at for at, item in enumerate(select.expressions, 1) if not any(aggregates(item))]
    numbers = [exp.Literal.number(at) for at in positions]
    select.set("group", exp.Group(expressions=numbers) if numbers else None)
    touch(select)


def has_numbered_keys(select: Any) -> bool:
    """Whether positions in GROUP BY are not enough for the engine: beside windows, in grouping sets, with HAVING."""
    from sqlglot import exp

    group = select.args.get("group")
    numbered = group is not None and (group.args.get("all") or any(_positions(group)))
    if not numbered:
        return False
    return bool(group.find(*_sets())) or is_shadowed(select) or any(one.find(exp.Window) for one in select.expressions)


def _sets() -> tuple[Any, ...]:
    from sqlglot import exp

    return exp.GroupingSets, exp.Rollup, exp.Cube


def _positions(group: Any) -> Iterator[Any]:
    """The numbers that are keys, by themselves or in grouping sets."""
    from sqlglot import exp

    for key in group.expressions:
        if _is_number(key):
            yield key
        elif isinstance(key, (*_sets(), exp.Tuple)):
            yield from _positions(key)
        elif isinstance(key, exp.Paren) and _is_number(key.this):
            yield key.this


def spell_keys(select: Any) -> None:
    """Group by the columns themselves, where windows may use them."""
    if not has_numbered_keys(select):
        return
    for key in list(_positions(select.args["group"])):
        if 0 < int(key.name) <= len(select.expressions):
            item = select.expressions[int(key.name) - 1].unalias()
            if not _is_number(item):
                replace(key, item.copy())


def _is_number(key: Any) -> bool:
    from sqlglot import exp

    return isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit()


def has_loose_sets(select: Any) -> bool:
    """Whether GROUP BY has a grouping set without brackets, or several columns as one element of ROLLUP or CUBE."""
    from sqlglot import exp

    group = select.args.get("group")
    for sets in group.expressions if group is not None else []:
        bracketed = [isinstance(one, exp.Tuple | exp.Paren) for one in sets.expressions]
        if isinstance(sets, exp.GroupingSets) and not all(bracketed):
            return True
        if isinstance(sets, exp.Rollup | exp.Cube) and any(isinstance(one, exp.Tuple) for one in sets.expressions):
            return True
    return False


def whole_sets(select: Any) -> None:
    """Write them as the engine takes them: each set in brackets, ROLLUP and CUBE as the sets that they stand for."""
    from sqlglot import exp

    if not has_loose_sets(select):
        return
    for sets in list(select.args["group"].expressions):
        elements = [_elements(one) for one in sets.expressions]
        chosen: list[list[list[Any]]] = []
        if isinstance(sets, exp.GroupingSets) and not sets.find(exp.Rollup, exp.Cube):
            chosen = [[element] for element in elements]
        elif isinstance(sets, exp.Rollup):
            chosen = [elements[:count] for count in range(len(elements), -1, -1)]
        elif isinstance(sets, exp.Cube):
            picks = range(2 ** len(elements) - 1, -1, -1)
            chosen = [[one for at, one in enumerate(elements) if pick >> at & 1] for pick in picks]
        if chosen:
            flat = [exp.Tuple(expressions=[node.copy() for one in each for node in one]) for each in chosen]
            replace(sets, exp.GroupingSets(expressions=flat))


def has_sets(select: Any) -> bool:
    """Whether a SELECT has several grouping sets, or one that is not of all rows."""
    from sqlglot import exp

    group = select.args.get("group")
    sets = list(group.find_all(exp.Rollup, exp.Cube, exp.GroupingSets)) if group is not None else []
    only = sets[0].expressions if len(sets) == 1 and len(group.expressions) == 1 else []
    return bool(sets) and not (len(only) == 1 and isinstance(only[0], exp.Tuple) and not only[0].expressions)


def has_grouped_star(select: Any) -> bool:
    """Whether a SELECT with keys has a star among its items, which the engine does not expand there (Sail 0.7.2)."""
    return select.args.get("group") is not None and any(star_of(item) is not None for item in select.expressions)


def without_groups_of_nothing(select: Any) -> None:
    """Keep groups that have rows: of no rows at all, the engine makes a row for the set `()` (Sail 0.7.2)."""
    from sqlglot import exp

    if not has_sets(select):
        return
    count = exp.Anonymous(this="count", expressions=[exp.Literal.number(1)])
    some = exp.GT(this=count, expression=exp.Literal.number(0))
    having = select.args.get("having")
    select.set("having", exp.Having(this=exp.and_(having.this, some, copy=False) if having is not None else some))
    touch(select)


def _elements(node: Any) -> list[Any]:
    from sqlglot import exp

    return list(node.expressions) if isinstance(node, exp.Tuple) else [node.unnest()]


def order_by_all(query: Any, scope: Scope) -> None:
    """Order by every column, from left to right, unless there is a column `all`."""
    from sqlglot import exp

    order = query.args.get("order")
    if order is None or len(order.expressions) != 1 or not _is_all(order.expressions[0]):
        return
    how = order.expressions[0]
    plain = query.copy()
    for key in ("order", "limit", "offset", "with_"):
        plain.set(key, None)
    plain.meta["touched"] = True
    names = scope.of(plain, query).names
    if "all" in map(str.lower, names) or (isinstance(query, exp.Select) and scope.has_column(query, "all")):
        replace(how.this, column("all"))
        return
    count = len(names)
    terms = [
        exp.Ordered(this=exp.Literal.number(at), desc=how.args.get("desc"), nulls_first=how.args.get("nulls_first"))
        for at in range(1, count + 1)
    ]
    query.set("order", exp.Order(expressions=terms))
    touch(query)


def _is_all(term: Any) -> bool:
    from sqlglot import exp

    return isinstance(term.this, exp.Var) and not term.meta.get("text", "").startswith("`")
