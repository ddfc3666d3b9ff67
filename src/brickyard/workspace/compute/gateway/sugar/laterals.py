"""`LATERAL (SELECT ... FROM t WHERE ...) x`: Sail joins such a subquery with the rows before it if it has no name.

So the name is taken away, and from its columns where they are used, if no other input has columns of these names. It
moves the conditions with columns of the rows before out of the subquery, also where that changes the result (Sail
0.7.2): that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates
from brickyard.workspace.compute.gateway.sugar.correlated import is_outer
from brickyard.workspace.compute.gateway.sugar.names import own_columns
from brickyard.workspace.compute.gateway.sugar.scope import Scope, aliases, names, sources
from brickyard.workspace.compute.gateway.sugar.tree import column, replace, touch

__all__ = ["unname_laterals"]


def unname_laterals(select: Any, scope: Scope) -> None:
    """Take the names of the subqueries after LATERAL that read tables.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE: the engine would compute something else.
    """
    from sqlglot import exp

    for source in list(sources(select)):
        if isinstance(source, exp.Lateral) and _reads(source.this):
            _refuse_moved(source, scope)
            if not source.alias:
                continue
            try:
                own = _columns(source, scope)
                others = {name for one in sources(select) if one is not source for name in _names(one, select, scope)}
            except grpc.RpcError:  # the engine cannot tell: it says why
                continue
            free = not {name.lower() for name in own if name} & (others | set(names(select)))
            if own and free and not any(_is_taken(used, select, scope) for used in _uses(select, source.alias)):
                _unname(select, source, own)


def _reads(query: Any) -> bool:
    from sqlglot import exp

    return isinstance(query, exp.Query) and query.find(exp.From) is not None


def _refuse_moved(lateral: Any, scope: Scope) -> None:
    from sqlglot import exp

    for select in lateral.this.find_all(exp.Select):
        where = select.args.get("where")
        tests = list(where.this.flatten()) if where is not None and isinstance(where.this, exp.And) else []
        tests = tests or ([where.this] if where is not None else [])
        moved = [test for test in tests if any(is_outer(one, select, scope) for one in own_columns(test))]
        levels = list(_levels(select, lateral))
        if moved and any(_orders(level) for level in levels):
            what = "a correlated LATERAL subquery with window functions, ORDER BY or LIMIT"
            raise unsupported(what, "Join with the rows, and use QUALIFY.")
        if any(map(_groups, levels)) and not all(_is_pair(test, select, scope) for test in moved):
            what = "a correlated LATERAL subquery that aggregates, with other conditions than equalities"
            raise unsupported(what, "Join with the rows, and use GROUP BY.")


def _levels(select: Any, lateral: Any) -> Iterator[Any]:
    """A SELECT and those around it in the subquery."""
    from sqlglot import exp

    while select is not None and select is not lateral:
        if isinstance(select, exp.Query):
            yield select
        select = select.parent


def _orders(query: Any) -> bool:
    from sqlglot import exp

    clauses = any(query.args.get(key) is not None for key in ("limit", "offset", "order", "qualify"))
    return clauses or any(item.find(exp.Window) is not None for item in query.expressions)


def _groups(query: Any) -> bool:
    clauses = any(query.args.get(key) for key in ("group", "having", "distinct"))
    return clauses or any(any(aggregates(item)) for item in query.expressions)


def _is_pair(test: Any, select: Any, scope: Scope) -> bool:
    """Whether a condition compares something of the rows inside with something of the rows before."""
    from sqlglot import exp

    if not isinstance(test, exp.EQ):
        return False
    sides = [[is_outer(one, select, scope) for one in own_columns(side)] for side in (test.this, test.expression)]
    return any(all(a) and not any(b) for a, b in (sides, sides[::-1]))


def _names(source: Any, select: Any, scope: Scope) -> Iterator[str]:
    """The columns of an input, in lower case."""
    from sqlglot import exp

    if isinstance(source, exp.Lateral):
        found = _columns(source, scope) if isinstance(source.this, exp.Query) else []
    else:
        found = scope.of(exp.Select(expressions=[exp.Star()], from_=exp.From(this=source.copy())), select).names
    yield from (name.lower() for name in found)


def _columns(lateral: Any, scope: Scope) -> list[str]:
    """The names of a subquery's columns, empty for one that has none; none at all if they cannot be told."""
    first = _first(lateral.this)
    given = [one.name for one in lateral.args["alias"].columns] if lateral.args.get("alias") else []
    if given:
        return given if len(given) == len(first.expressions) and not any(map(_is_star, first.expressions)) else []
    found: list[str] = []
    for item in first.expressions:
        found += scope.schema(first, item).names if _is_star(item) else [item.alias_or_name]
    return found


def _first(query: Any) -> Any:
    """The SELECT that gives a query's columns their names."""
    from sqlglot import exp

    while not isinstance(query, exp.Select):
        query = query.this
    return query


def _is_star(item: Any) -> bool:
    from sqlglot import exp

    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


def _unname(select: Any, lateral: Any, own: list[str]) -> None:
    from sqlglot import exp

    name = lateral.alias.lower()
    if lateral.args["alias"].columns:
        for item, one in zip(list(_first(lateral.this).expressions), own, strict=True):
            alias = exp.to_identifier(one, quoted=True)
            replace(item, exp.Alias(this=item.unalias().copy(), alias=alias))
    for item in list(select.expressions):
        if _is_star(item) and isinstance(item, exp.Column) and item.table.lower() == name:
            at = select.expressions.index(item)
            stars = [column(one) for one in own]
            select.set("expressions", [*select.expressions[:at], *stars, *select.expressions[at + 1 :]])
            touch(select)
    for used in _uses(select, name):
        replace(used, column(*[part.name for part in used.parts[1:]]))
    lateral.set("alias", None)
    touch(lateral.this)  # whose text has the name too


def _uses(select: Any, name: str) -> list[Any]:
    """The columns that are called by the name of an input."""
    from sqlglot import exp

    called = [one for one in select.find_all(exp.Column) if len(one.parts) > 1 and not _is_star(one)]
    name = name.lower()
    return [one for one in called if one.parts[0].name.lower() == name and not _is_hidden(one, select, name)]


def _is_taken(used: Any, select: Any, scope: Scope) -> bool:
    """Whether a column would mean another one without the name, in a query inside."""
    from sqlglot import exp

    around = used.find_ancestor(exp.Select)
    while around is not select:
        if scope.has_column(around, used.parts[1].name) is not False:
            return True
        around = around.find_ancestor(exp.Select)
    return False


def _is_hidden(used: Any, select: Any, name: str) -> bool:
    """Whether a query between a column and the SELECT has an input of the name."""
    from sqlglot import exp

    around = used.find_ancestor(exp.Select)
    while around is not None and around is not select:
        if name in {alias.lower() for alias in aliases(around)}:
            return True
        around = around.find_ancestor(exp.Select)
    return around is None
