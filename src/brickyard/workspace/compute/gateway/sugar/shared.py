"""Joins with USING whose shared columns a query calls by the name of one side: written with ON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.compute.gateway.errors import no_shared_column, unsupported
from brickyard.workspace.compute.gateway.sugar.names import labelled, own_columns
from brickyard.workspace.compute.gateway.sugar.scope import Scope, names, sources
from brickyard.workspace.compute.gateway.sugar.tree import column, replace, touch

__all__ = ["by_one_side", "written_with_on"]


def by_one_side(select: Any, shared: set[str]) -> bool:
    """Whether a query calls a shared column by the name of one side."""
    from sqlglot import exp

    known = {source.alias_or_name.lower() for source in sources(select)}
    found = (one.parts for one in select.find_all(exp.Column) if len(one.parts) > 1)
    return any(parts[-1].name.lower() in shared and parts[-2].name.lower() in known for parts in found)


@dataclass
class _Joined:
    """The inputs read so far.

    Args:
        columns: Their columns in order, each with what it is; the shared ones of the last join come first.
    """

    columns: list[tuple[str, Any]] = field(default_factory=list)

    def value(self, name: str) -> Any:
        """What a column is."""
        found = [value for known, value in self.columns if known.lower() == name.lower()]
        if not found:
            raise no_shared_column(name, "one side", [known for known, _ in self.columns])
        return found[0].copy()

    def without(self, hidden: set[str]) -> list[tuple[str, Any]]:
        """The columns that are not shared."""
        return [(name, value) for name, value in self.columns if name.lower() not in hidden]


def written_with_on(select: Any, scope: Scope) -> None:
    """Replace USING by ON, and what the query calls without a side by the value of the join."""
    from sqlglot import exp

    joined, used = _input(select.args["from_"].this, 0, scope), set[str]()
    for at, join in enumerate(select.args["joins"], start=1):
        right = _input(join.this, at, scope)
        shared = [name.name for name in join.args.get("using") or []]
        used |= {name.lower() for name in shared}
        if shared:
            pairs = [exp.EQ(this=joined.value(name), expression=right.value(name)) for name in shared]
            join.set("on", exp.and_(*pairs, copy=False))
            join.set("using", None)
            touch(join)
        joined = _join(joined, right, shared, join)
    _replace_names(select, joined, used)


def _input(source: Any, at: int, scope: Scope) -> _Joined:
    from sqlglot import exp

    if not source.alias_or_name:
        source.set("alias", exp.TableAlias(this=exp.to_identifier(f"_side{at}", quoted=True)))
        touch(source)
    rows = exp.Select(expressions=[exp.Star()], from_=exp.From(this=source.copy()))
    return _Joined([(name, column(source.alias_or_name, name)) for name in scope.of(rows, source).names])


def _join(left: _Joined, right: _Joined, shared: list[str], join: Any) -> _Joined:
    from sqlglot import exp

    kind, side = (str(join.args.get(key) or "").upper() for key in ("kind", "side"))
    merged: list[tuple[str, Any]] = []
    for name in shared:
        value = right.value(name) if side == "RIGHT" else left.value(name)
        if side == "FULL":
            value = exp.Anonymous(this="coalesce", expressions=[value, right.value(name)])
        known = next(one for one, _ in left.columns if one.lower() == name.lower())
        merged.append((known, value))
    hidden = {name.lower() for name in shared}
    rest = [] if kind in {"SEMI", "ANTI"} else right.without(hidden)
    return _Joined([*merged, *left.without(hidden), *rest])


def _replace_names(select: Any, joined: _Joined, used: set[str]) -> None:
    """Shared columns without a side, and stars, become what the join gives."""
    from sqlglot import exp

    aliases = names(select)
    for clause in list(select.iter_expressions()):
        for one in list(own_columns(clause)):
            name = one.name.lower()
            if len(one.parts) == 1 and name in used and not (clause.arg_key in {"order", "group"} and name in aliases):
                replace(labelled(one, one.name), joined.value(name))
    items: list[Any] = []
    for item in select.expressions:
        items += _columns(item, joined) if isinstance(item, exp.Star) else [item]
    if items != select.expressions:
        select.set("expressions", items)
        touch(select)


def _columns(star: Any, joined: _Joined) -> list[Any]:
    """The columns of a star over the join."""
    from sqlglot import exp

    dropped = star.args.get("except_") or []
    if star.args.get("replace") or any(isinstance(one, exp.Column) and len(one.parts) > 1 for one in dropped):
        raise unsupported("REPLACE, or EXCEPT of a field, in a star over a join with USING", "Use ON, or a subquery.")
    kept = joined.without({one.name.lower() for one in dropped})
    return [exp.alias_(value.copy(), name, quoted=True) for name, value in kept]
