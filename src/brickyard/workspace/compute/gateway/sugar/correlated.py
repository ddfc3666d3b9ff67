"""Subqueries that use columns of the query around them."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates
from brickyard.workspace.compute.gateway.sugar.names import own_columns
from brickyard.workspace.compute.gateway.sugar.scope import Scope, aliases, sources
from brickyard.workspace.compute.gateway.sugar.tree import column, touch

__all__ = ["is_correlated", "is_outer", "may_be_correlated", "merged", "owner"]

#: What makes other rows of those that WHERE leaves.
MORE = ("group", "having", "distinct", "qualify", "limit", "offset", "windows", "with_")


def may_be_correlated(query: Any) -> bool:
    """Whether a subquery could use columns from outside: it compares columns, or names an input that it has not."""
    from sqlglot import exp

    return any(
        _names_another(select, one) or any(len(list(own_columns(test))) > 1 for test in _around(one))
        for select in query.find_all(exp.Select)
        for one in own_columns(select.args.get("where") or exp.true())
    )


def _around(node: Any) -> list[Any]:
    """The comparison or the call in which a column stands."""
    from sqlglot import exp

    found = node.find_ancestor(exp.Predicate, exp.Func, exp.Where)
    return [found] if found is not None and not isinstance(found, exp.Where | exp.And | exp.Or) else []


def _names_another(select: Any, one: Any) -> bool:
    return len(one.parts) > 1 and one.parts[-2].name.lower() not in {name.lower() for name in aliases(select)}


def is_correlated(query: Any, scope: Scope) -> bool:
    """Whether the WHERE of a subquery uses a column that none of its inputs has."""
    from sqlglot import exp

    return any(
        is_outer(one, select, scope)
        for select in query.find_all(exp.Select)
        for one in own_columns(select.args.get("where") or exp.true())
    )


def is_outer(one: Any, select: Any, scope: Scope) -> bool:
    """Whether a column is of none of the inputs of a SELECT."""
    if len(one.parts) > 1:
        return _names_another(select, one) and scope.has_column(select, one.parts[0].name) is False
    return scope.has_column(select, one.name) is False


def merged(test: Any, wanted: list[Any], query: Any, scope: Scope, *, negated: bool) -> Any:
    """`EXISTS (SELECT 1 FROM ... WHERE ... AND y = x)`: the engine takes no correlation from deeper inside.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE: the subquery does more than to take columns of some rows.
    """
    from sqlglot import exp

    plain = isinstance(query, exp.Select) and not any(query.args.get(key) for key in MORE)
    if not plain or any(any(aggregates(item)) or item.find(exp.Window, exp.Star) for item in query.expressions):
        raise unsupported("IN with this correlated subquery", "Use EXISTS, with the comparison in its WHERE.")
    inner, around = query.copy(), test.find_ancestor(exp.Select)
    pairs = [
        exp.EQ(this=item.unalias().copy(), expression=_outside(one, query, around, scope))
        for item, one in zip(query.expressions, wanted, strict=True)
    ]
    same = exp.and_(*pairs, copy=False)
    if negated:
        same = exp.Anonymous(this="coalesce", expressions=[same, exp.true()])
    inner.set("expressions", [exp.Literal.number(1)])
    inner.set("where", exp.Where(this=exp.and_(exp.Paren(this=inner.args["where"].this), same, copy=False)))
    inner.set("order", None)
    inner.meta["touched"] = True
    return exp.Exists(this=inner)


def _outside(value: Any, query: Any, around: Any, scope: Scope) -> Any:
    """An expression of the query around, for use inside, where its names may mean other columns."""
    from sqlglot import exp

    holder = exp.Paren(this=value.copy())
    for one in list(own_columns(holder)):
        if len(one.parts) > 1:
            hidden = not _names_another(query, one)
        else:
            hidden = scope.has_column(query, one.name) is not False
        if hidden:
            name = owner(around, one.parts[-1].name, scope) if len(one.parts) == 1 else ""
            if not name or name.lower() in {alias.lower() for alias in aliases(query)}:
                raise unsupported("IN with a correlated subquery with inputs of the same names", "Give them aliases.")
            one.replace(column(name, one.name))
            touch(holder)
    return holder


def owner(select: Any, name: str, scope: Scope) -> str:
    """The name of the first input that has a column; empty if none has."""
    from sqlglot import exp

    if scope.has_column(select, name) is False:
        return ""
    for at, source in enumerate(sources(select)):
        rows = exp.Select(expressions=[exp.Star()], from_=exp.From(this=source.copy()))
        if isinstance(source, exp.Lateral) or name.lower() not in {one.lower() for one in scope.of(rows, source).names}:
            continue
        if not source.alias_or_name:
            source.set("alias", exp.TableAlias(this=exp.to_identifier(f"_input{at}", quoted=True)))
            touch(source)
        return str(source.alias_or_name)
    return ""
