"""PIVOT: one aggregation by the remaining columns and the pivot columns, then one column per value."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.names import own_columns
from brickyard.workspace.compute.gateway.sugar.scope import Scope, derived, sources
from brickyard.workspace.compute.gateway.sugar.tree import column, replace, touch
from brickyard.workspace.compute.gateway.sugar.unpivots import unpivot

__all__ = ["pivot"]


def pivot(select: Any, scope: Scope) -> None:
    """Replace `source PIVOT (...)` and `source UNPIVOT (...)` by subqueries."""
    if any(join.args.get("pivots") for join in select.args.get("joins") or []):
        raise unsupported(
            "PIVOT or UNPIVOT after a join", "Put the join into a subquery: FROM (SELECT ...) PIVOT (...)"
        )
    for source in list(sources(select)):
        clauses = source.args.get("pivots")
        if not clauses:
            continue
        source.set("pivots", None)
        touch(source)
        result = source.copy()
        for clause in clauses:
            query = (unpivot if clause.args.get("unpivot") else _pivot)(result, clause, select, scope)
            name = clause.alias or result.alias_or_name or "_pivoted"
            columns = [one.name for one in clause.args["alias"].columns] if clause.args.get("alias") else []
            result = derived(query, name, columns)
        replace(source, result)


def _pivot(source: Any, clause: Any, select: Any, scope: Scope) -> Any:
    """Spark's own two steps: cells without rows are NULL, also for `count`."""
    from sqlglot import exp

    rows = exp.Select(expressions=[exp.Star()], from_=exp.From(this=source))
    schema = scope.of(rows, select)
    field = clause.args["fields"][0]
    keys = list(field.this.expressions) if isinstance(field.this, exp.Tuple) else [field.this]
    used = {one.parts[-1].name.lower() for node in [*keys, *clause.expressions] for one in own_columns(node)}
    groups = [one.name for one in schema.fields if one.name.lower() not in used]
    sums = [node.this if isinstance(node, exp.Alias) else node for node in clause.expressions]
    inner = rows.copy()
    items = [*[column(name) for name in groups], *[key.copy() for key in keys], *[one.copy() for one in sums]]
    inner.set("expressions", items)
    positions = [exp.Literal.number(at + 1) for at in range(len(groups) + len(keys))]
    inner.set("group", exp.Group(expressions=positions))
    labels = [f"_c{at}" for at in range(len(items))]
    cells = _cells(field, clause, rows, select, scope, labels[len(groups) :], len(keys))
    outer = exp.Select(
        expressions=[exp.alias_(column(labels[at]), name, quoted=True) for at, name in enumerate(groups)]
    )
    outer.set("expressions", [*outer.expressions, *cells])
    outer.set("from_", exp.From(this=derived(inner, "_cells", labels)))
    if groups:
        outer.set("group", exp.Group(expressions=[column(label) for label in labels[: len(groups)]]))
    return outer


def _cells(field: Any, clause: Any, rows: Any, select: Any, scope: Scope, labels: list[str], width: int) -> list[Any]:
    """One column per value and aggregate: there is at most one row for it in each group."""
    from sqlglot import exp

    endings = _endings(clause, rows, select, scope)
    cells = []
    for value in field.expressions:
        wanted = value.this if isinstance(value, exp.PivotAlias | exp.Alias) else value
        parts = list(wanted.expressions) if isinstance(wanted, exp.Tuple) else [wanted]
        if len(parts) != width:
            raise unsupported(
                "PIVOT values with another number of columns than FOR names", "Give one value per column."
            )
        same = [_same(labels[at], part) for at, part in enumerate(parts)]
        for at, ending in enumerate(endings):
            cell = exp.Anonymous(this="any_value", expressions=[column(labels[width + at])])
            only = exp.Filter(this=cell, expression=exp.Where(this=exp.and_(*same, copy=False)))
            cells.append(exp.alias_(only, _value_name(value, parts, select, scope) + ending, quoted=True))
    return cells


def _same(label: str, value: Any) -> Any:
    """The pivot column has the value, which may be NULL."""
    from sqlglot import exp

    if isinstance(value, exp.Null):
        return exp.Is(this=column(label), expression=exp.Null())
    return exp.EQ(this=column(label), expression=value.copy())


def _endings(clause: Any, rows: Any, select: Any, scope: Scope) -> list[str]:
    """With one aggregate a column is named by its value alone, with several also by the aggregate."""
    if len(clause.expressions) == 1:
        return [""]
    plain = rows.copy()
    plain.set("expressions", [node.copy() for node in clause.expressions])
    return [f"_{name}" for name in scope.of(plain, select).names]


def _value_name(value: Any, parts: list[Any], select: Any, scope: Scope) -> str:
    """The alias, or the value as a string."""
    from sqlglot import exp

    if isinstance(value, exp.PivotAlias | exp.Alias):
        alias = value.args["alias"]
        return str(alias.name)
    texts = [_constant(part) for part in parts]
    return texts[0] if len(texts) == 1 else "{" + ", ".join(texts) + "}"


def _constant(part: Any) -> str:
    from sqlglot import exp

    if isinstance(part, exp.Null):
        return "null"
    if isinstance(part, exp.Boolean):
        return "true" if part.this else "false"
    if isinstance(part, exp.Neg):
        return f"-{part.this.name}"
    if isinstance(part, exp.Literal):
        return str(part.this)
    if isinstance(part, exp.Cast) and isinstance(part.this, exp.Literal):
        return str(part.this.this)
    raise unsupported(
        "a computed value in PIVOT ... IN (...) without an alias", "Give it an alias: IN (value AS name)."
    )
