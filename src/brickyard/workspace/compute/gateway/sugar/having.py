"""Names in HAVING of an input's column and of an item too: Spark takes the column, Sail at times the item (0.7.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates
from brickyard.workspace.compute.gateway.sugar.correlated import owner
from brickyard.workspace.compute.gateway.sugar.names import own_columns
from brickyard.workspace.compute.gateway.sugar.scope import Scope, names
from brickyard.workspace.compute.gateway.sugar.tree import column, replace

__all__ = ["is_shadowed", "qualify_keys"]


def is_shadowed(select: Any) -> bool:
    """Whether HAVING uses a name without a qualifier that the select list gives to something else."""
    return bool(_shadowed(select))


def _shadowed(select: Any) -> list[Any]:
    having = select.args.get("having")
    if having is None:
        return []
    given = names(select)
    own = [one for one in own_columns(having.this) if len(one.parts) == 1 and one.name.lower() in given]
    return [one for one in own if not _is_column(given[one.name.lower()], one.name)]


def _is_column(item: Any, name: str) -> bool:
    from sqlglot import exp

    return isinstance(item, exp.Column) and item.name.lower() == name.lower()


def qualify_keys(select: Any, scope: Scope) -> None:
    """Say which input has the column, where it is a key or stands in an aggregate."""
    found = _shadowed(select)
    keys = {key.name.lower() for key in _keys(select.args.get("group"))} if found else set()
    for one in found:
        if one.name.lower() in keys or _is_aggregated(one):
            name = owner(select, one.name, scope)
            if name:
                replace(one, column(name, one.name))


def _keys(group: Any) -> Iterator[Any]:
    """The columns that are keys, by themselves or in grouping sets."""
    from sqlglot import exp

    for key in group.expressions if group is not None else []:
        inner = key.unnest()
        if isinstance(inner, exp.Column):
            yield inner
        elif isinstance(inner, exp.Tuple | exp.GroupingSets | exp.Rollup | exp.Cube):
            yield from _keys(inner)


def _is_aggregated(node: Any) -> bool:
    from sqlglot import exp

    while not isinstance(node, exp.Having):
        if isinstance(node, exp.Func) and next(aggregates(node), None) is node:
            return True
        node = node.parent
    return False
