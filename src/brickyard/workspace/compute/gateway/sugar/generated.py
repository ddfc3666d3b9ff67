"""`explode(collect_list(x))`: rows made of what is aggregated, for which the engine needs a subquery."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates, is_generator
from brickyard.workspace.compute.gateway.sugar.labels import label_as_written
from brickyard.workspace.compute.gateway.sugar.scope import derived
from brickyard.workspace.compute.gateway.sugar.tree import column, replace, touch

__all__ = ["generate_above", "has_generated"]

ROWS = "_groups"
#: Clauses of the rows that are made; the others are of the groups.
ABOVE = ("distinct", "order", "limit", "offset", "sort")


def has_generated(select: Any) -> bool:
    """Whether an item makes rows of an aggregate."""
    return any(map(_is_generated, select.expressions))


def _is_generated(item: Any) -> bool:
    from sqlglot import exp

    call = item.this if isinstance(item, exp.Alias | exp.Aliases) else item
    return is_generator(call) and any(aggregates(call))


def generate_above(select: Any) -> None:
    """Group in a subquery, and make the rows of its columns."""
    from sqlglot import exp

    if not has_generated(select):
        return
    label_as_written(select, lambda item: not isinstance(item, exp.Alias | exp.Aliases) and not _is_generated(item))
    items = list(select.expressions)
    for key in list(select.args["group"].expressions) if select.args.get("group") is not None else []:
        if isinstance(key, exp.Literal) and key.name.isdigit() and 0 < int(key.name) <= len(items):
            replace(key, items[int(key.name) - 1].unalias().copy())
    values = [one for item in items for one in (_arguments(item) if _is_generated(item) else [item.unalias()])]
    inner = select.copy()
    for key in (*ABOVE, "with_"):
        inner.set(key, None)
    names = [f"_value{at}" for at in range(len(values))]
    named = [exp.alias_(one.copy(), name, quoted=True) for one, name in zip(values, names, strict=True)]
    inner.set("expressions", named)
    inner.meta["touched"] = True
    for value, name in zip(values, names, strict=True):
        replace(value, column(name))
    for key in [key for key in select.args if key not in {*ABOVE, "with_", "expressions", "kind", "hint"}]:
        select.set(key, None)
    select.set("from_", exp.From(this=derived(inner, ROWS)))
    touch(select)


def _arguments(item: Any) -> list[Any]:
    from sqlglot import exp

    call = item.this if isinstance(item, exp.Alias | exp.Aliases) else item
    return [one for one in call.iter_expressions() if not isinstance(one, exp.Literal)]
