"""`x IN (SELECT ...)` as a value, in a select list: Sail knows it only where rows are filtered.

As a value it is never null in Spark (an existence join): a null `x`, or nulls in the subquery, make `IN` false, and
`NOT IN` false too. Only in ON of an outer join it may be null.
"""

from __future__ import annotations

from itertools import dropwhile
from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates
from brickyard.workspace.compute.gateway.sugar.correlated import is_correlated, may_be_correlated, merged
from brickyard.workspace.compute.gateway.sugar.labels import label_as_written
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import column, replace

__all__ = ["is_value", "memberships"]

MEMBERS = "__members"


def is_value(test: Any) -> bool:
    """Whether it is such a test, and stands in the select list of a query or in its GROUP BY."""
    from sqlglot import exp

    if not isinstance(test, exp.In) or test.args.get("query") is None:
        return False
    node: Any = test
    while node.parent is not None and not isinstance(node.parent, exp.Select):
        if isinstance(node.parent, _clauses()):
            around = test.find_ancestor(exp.Select, exp.Update, exp.Merge, exp.Delete)
            return isinstance(around, exp.Select) and _is_beyond(test)
        if isinstance(node.parent, exp.Update | exp.Merge):
            return False
        node = node.parent
    return node.parent is not None and node.arg_key in {"expressions", "group"}


def _clauses() -> tuple[type, ...]:
    from sqlglot import exp

    return exp.Where, exp.Having, exp.Join, exp.Qualify


def _is_beyond(test: Any) -> bool:
    """Whether the engine takes a test in a condition for another one: it heeds nulls only in one that stands alone."""
    from sqlglot import exp

    around, node = list[Any](), test.parent
    while isinstance(node, exp.And | exp.Or | exp.Paren | exp.Not):
        around.append(node)
        node = node.parent
    if not isinstance(node, _clauses()):
        return True
    outer = dropwhile(lambda one: isinstance(one, exp.Paren | exp.Not), around)
    alone = all(isinstance(one, exp.And | exp.Paren) for one in outer)
    if not _is_negated(test):
        return False
    return not alone or isinstance(test.this.unnest(), exp.Tuple) or may_be_correlated(test.args["query"])


def memberships(tree: Any, scope: Scope) -> None:
    """Rewrite the tests of a whole statement, as EXISTS or, where rows are aggregated, as a search in an array."""
    from sqlglot import exp

    while unnamed := [one for one in tree.find_all(exp.Select) if any(map(_is_unnamed, one.expressions))]:
        label_as_written(unnamed[0], _is_unnamed)
    for test in [test for test in tree.find_all(exp.In) if is_value(test)][::-1]:
        negated = _is_negated(test)
        clause = test.find_ancestor(exp.Select, exp.Where, exp.Join)
        if isinstance(clause, exp.Join) and clause.args.get("side"):
            raise unsupported("IN (SELECT ...) in ON of an outer join", "Compute it in a column of a subquery.")
        if isinstance(clause, exp.Select) and _is_aggregated(clause):
            found = _searched(test, negated=negated)
        else:
            found = _exists(test, scope, negated=negated)
        value = exp.Paren(this=found)
        replace(test, exp.Paren(this=exp.Not(this=value)) if negated else value)


def _is_negated(test: Any) -> bool:
    """Whether an odd number of NOT is around it: Spark brings them inwards, and then it is a NOT IN."""
    from sqlglot import exp

    negated, node = False, test.parent
    while isinstance(node, exp.Not | exp.Paren | exp.And | exp.Or):
        negated ^= isinstance(node, exp.Not)
        node = node.parent
    return negated


def _is_unnamed(item: Any) -> bool:
    from sqlglot import exp

    return not isinstance(item, exp.Alias) and any(is_value(test) for test in item.find_all(exp.In))


def _is_aggregated(select: Any) -> bool:
    from sqlglot import exp

    return (
        select.args.get("group") is not None
        or any(any(aggregates(item)) for item in select.expressions)
        or any(item.find(exp.Window) for item in select.expressions)
    )


def _parts(test: Any) -> tuple[list[Any], Any, list[str]]:
    """What is looked for, the query below, and names for its columns."""
    from sqlglot import exp

    one = test.this.unnest()
    wanted = list(one.expressions) if isinstance(one, exp.Tuple) else [test.this]
    return wanted, test.args["query"].unnest(), [f"{MEMBERS}_{at}" for at in range(len(wanted))]


def _below(query: Any, names: list[str], *items: Any) -> Any:
    from sqlglot import exp

    alias = exp.TableAlias(this=exp.to_identifier(MEMBERS), columns=[exp.to_identifier(name) for name in names])
    return exp.Select(expressions=list(items)).from_(exp.Subquery(this=query.copy(), alias=alias), copy=False)


def _exists(test: Any, scope: Scope, *, negated: bool) -> Any:
    """`EXISTS (SELECT 1 FROM (query) WHERE y = x)`; what is null is nowhere, and not absent either."""
    from sqlglot import exp

    wanted, query, names = _parts(test)
    if negated and may_be_correlated(query) and is_correlated(query, scope):
        return exp.Not(this=merged(test, wanted, query, scope, negated=True))
    pairs = [exp.EQ(this=column(MEMBERS, name), expression=one.copy()) for one, name in zip(wanted, names, strict=True)]
    same = exp.and_(*pairs, copy=False)
    if negated:
        same = exp.Anonymous(this="coalesce", expressions=[same, exp.true()])
    found = exp.Exists(this=_below(query, names, exp.Literal.number(1)).where(same, copy=False))
    return exp.Not(this=found) if negated else found


def _searched(test: Any, *, negated: bool) -> Any:
    """`array_contains((SELECT collect_set(y) FROM (query)), x)`, which may stand inside an aggregate."""
    from sqlglot import exp

    wanted, query, names = _parts(test)
    if len(wanted) > 1:
        raise unsupported("(a, b) IN (SELECT ...) beside an aggregate", "Join with the query.")

    def asked(text: str) -> Any:
        return exp.Subquery(this=_below(query, names, exp.maybe_parse(text, dialect="databricks")))

    value = names[0]
    values = exp.Anonymous(this="array_contains", expressions=[asked(f"collect_set({value})"), wanted[0].copy()])
    found = exp.Anonymous(this="coalesce", expressions=[values, exp.false()])
    if not negated:
        return found
    known = exp.Not(this=exp.Is(this=wanted[0].copy(), expression=exp.Null()))
    whole = exp.EQ(this=asked(f"count(*) - count({value})"), expression=exp.Literal.number(0))
    empty = exp.EQ(this=asked("count(*)"), expression=exp.Literal.number(0))
    return exp.or_(empty, exp.and_(known, whole, exp.Not(this=found), copy=False), copy=False)
