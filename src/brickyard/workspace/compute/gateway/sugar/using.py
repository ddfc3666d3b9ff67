"""`a.*` over a join with USING: Sail leaves the shared columns out of it, Databricks does not."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.scope import Scope, sources
from brickyard.workspace.compute.gateway.sugar.shared import by_one_side, written_with_on
from brickyard.workspace.compute.gateway.sugar.tree import column, touch

__all__ = ["whole_stars"]


def whole_stars(select: Any, scope: Scope) -> None:
    """Name the columns of a qualified star, the shared ones without a qualifier.

    Raises:
        SparkError: If the shared column of that input may differ from the one of the join (outer joins).
    """
    from sqlglot import exp

    joins = [join for join in select.args.get("joins") or [] if join.args.get("using")]
    shared = {name.name.lower() for join in joins for name in join.args["using"]}
    if not shared:
        return
    natural = any(join.args.get("method") for join in select.args["joins"])
    whole = any(join.args.get("side") for join in joins) and any(
        isinstance(item, exp.Column) and isinstance(item.this, exp.Star) for item in select.expressions
    )
    if (whole or by_one_side(select, shared)) and not natural and not select.args.get("laterals"):
        written_with_on(select, scope)
        return
    items: list[Any] = []
    for item in select.expressions:
        star = item.this if isinstance(item, exp.Column) and isinstance(item.this, exp.Star) else None
        if star is None:
            items.append(item)
            continue
        items += _columns(select, item, star, joins, shared, scope)
    if items != select.expressions:
        select.set("expressions", items)
        touch(select)


def _columns(select: Any, item: Any, star: Any, joins: list[Any], shared: set[str], scope: Scope) -> list[Any]:
    from sqlglot import exp

    alias = item.parts[-2].name
    found = [source for source in sources(select) if source.alias_or_name.lower() == alias.lower()]
    if not found or isinstance(found[0], exp.Lateral):
        return [item]
    for join in joins:
        side = (join.args.get("side") or "").upper()
        if side in {"RIGHT", "FULL"} or (side == "LEFT" and join.this is found[0]):
            raise unsupported(f"{alias}.* over an outer join with USING", f"Use ON, or name the columns of {alias}.")
    rows = exp.Select(expressions=[exp.Star()], from_=exp.From(this=found[0].copy()))
    dropped = {one.parts[-1].name.lower() for one in star.args.get("except_") or []}
    names = [name for name in scope.of(rows, select).names if name.lower() not in dropped]
    return [column(name) if name.lower() in shared else column(alias, name) for name in names]
