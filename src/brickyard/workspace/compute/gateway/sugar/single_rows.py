"""Aggregates without keys: they give one row, whatever is read, and the engine forgets that in two places (Sail 0.7.2).

It moves a condition on a constant column below the aggregate, where it takes rows away and not the result; and it joins
a correlated subquery with the groups that there are: `IN` and `EXISTS` find nothing where Spark finds a row, and values
are null that it takes for constants (`count(*) IS NULL`) or that HAVING decides about.
"""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates
from brickyard.workspace.compute.gateway.sugar.correlated import is_correlated, may_be_correlated
from brickyard.workspace.compute.gateway.sugar.scope import Scope, derived
from brickyard.workspace.compute.gateway.sugar.tree import replace, touch

__all__ = ["has_total", "is_doubtful", "is_test", "keep_totals", "mend_doubtful", "tests_of_totals"]

#: Clauses in which a row counts.
MORE = ("where", "group", "having", "distinct", "joins", "qualify", "laterals")
#: More rows than there are.
ALL = 2**63 - 1


def is_total(query: Any) -> bool:
    """Whether a query aggregates all that it reads to one row, or to none where HAVING says so."""
    from sqlglot import exp

    if not isinstance(query, exp.Select) or query.args.get("group") is not None:
        return False
    having = query.args.get("having")
    return any(any(aggregates(one)) for one in [*query.expressions, *([having] if having is not None else [])])


def has_total(select: Any) -> bool:
    """Whether conditions around a SELECT must not be moved into it: it has a row for all that it reads."""
    from sqlglot import exp

    if select.args.get("limit") is not None:
        return False
    place = _place(select)
    if place is None:
        return False
    group = select.args.get("group")
    if group is not None:
        return place != "root" and any(group.find_all(exp.Rollup, exp.Cube, exp.GroupingSets))
    if not is_total(select):
        return False
    return place != "root" or any(not any(aggregates(item)) for item in select.expressions)


def _place(select: Any) -> str | None:
    """`root`, `inside`, or None in an expression or beside LATERAL, where the engine takes no LIMIT."""
    from sqlglot import exp

    node, place = select, "root"
    while node.parent is not None:
        node = node.parent
        if isinstance(node, exp.Condition | exp.Lateral | exp.Where | exp.Having | exp.Alias | exp.In):
            return None
        if isinstance(node, exp.Subquery) and isinstance(node.parent, exp.Select):
            return None
        if isinstance(node, exp.From | exp.Join | exp.CTE | exp.SetOperation):
            place = "inside"
    return place


def keep_totals(select: Any) -> None:
    """Give a SELECT a LIMIT, below which the engine moves nothing; as a side of UNION it has to be in brackets."""
    from sqlglot import exp

    if has_total(select):
        count = ALL if select.args.get("group") is not None else 1
        select.set("limit", exp.Limit(expression=exp.Literal.number(count)))
        touch(select)
        if _is_side(select):
            rows = derived(select.copy(), "_total")
            replace(select, exp.Select(expressions=[exp.Star()], from_=exp.From(this=rows)))


def is_doubtful(select: Any) -> bool:
    """Whether the row of a correlated subquery is needed even where nothing is aggregated: the engine has none then.

    Or whether it has windows: the engine moves the condition with columns from outside above them.
    """
    if _is_ranked(select):
        return True
    if not is_total(select) or _place(select) is not None or not may_be_correlated(select):
        return False
    around = select.find_ancestor(*_queries())
    if _is_source(select) and around is not None:
        return any(around.args.get(key) for key in MORE) or not all(map(_is_taken, around.expressions))
    return select.args.get("having") is not None or not all(map(_is_aggregate, select.expressions))


def _is_ranked(select: Any) -> bool:
    from sqlglot import exp

    ranked = select.args.get("qualify") is not None or any(item.find(exp.Window) for item in select.expressions)
    return ranked and _place(select) is None and may_be_correlated(select)


def _is_taken(item: Any) -> bool:
    """Whether an item is a column of the input, or computed of one so that it cannot become a constant."""
    from sqlglot import exp

    value = item.unalias()
    if isinstance(value, exp.Add | exp.Sub | exp.DPipe):
        return _is_taken(value.left) or _is_taken(value.right)
    return isinstance(value, exp.Column | exp.Star)


def _is_aggregate(item: Any) -> bool:
    value = item.unalias()
    return next(aggregates(value), None) is value


def mend_doubtful(select: Any, scope: Scope) -> None:
    """Make the value depend on how many rows there are, which the engine keeps: `CASE WHEN count(*) >= 0 THEN ... END`.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE: the result of the subquery is no value, but read as rows.
    """
    from sqlglot import exp

    if not is_doubtful(select):
        return
    if _is_ranked(select):
        if is_correlated(select, scope):
            raise unsupported("a correlated subquery with window functions", "Join with the rows, and use QUALIFY.")
        return
    having = select.args.get("having")
    if _is_source(select) or (having is not None and not _is_value(select)):
        if is_correlated(select, scope):
            what = "a correlated subquery that aggregates, with conditions or aggregates of its result"
            raise unsupported(what, "Join with the grouped rows, and use coalesce().")
        return
    there: Any = exp.maybe_parse("count(*) >= 0", dialect="databricks")
    if having is not None:
        there = exp.and_(there, exp.Paren(this=having.this.copy()), copy=False)
        select.set("having", None)
    for item in select.expressions:
        value = item.unalias()
        replace(value, exp.Case(ifs=[exp.If(this=there.copy(), true=value.copy())]))


def _is_value(select: Any) -> bool:
    """Whether it stands for one value, which is null where it has no row."""
    from sqlglot import exp

    holder = select.parent
    return isinstance(holder, exp.Subquery) and not isinstance(holder.parent, exp.Lateral)


def _queries() -> tuple[Any, ...]:
    from sqlglot import exp

    return exp.Select, exp.SetOperation


def _is_source(select: Any) -> bool:
    from sqlglot import exp

    return isinstance(select.parent, exp.Subquery) and isinstance(select.parent.parent, exp.From | exp.Join)


def _is_side(select: Any) -> bool:
    from sqlglot import exp

    around = select.parent
    while isinstance(around, exp.Subquery):
        around = around.parent
    return isinstance(around, exp.SetOperation)


def is_test(test: Any) -> bool:
    """Whether it asks for the row of an aggregate without keys: `EXISTS (SELECT max(a) ...)`, or IN."""
    from sqlglot import exp

    query = _asked(test)
    if isinstance(test, exp.Exists) and isinstance(query, exp.Select) and query.args.get("offset") is not None:
        raise unsupported("EXISTS with OFFSET", "Compare (SELECT count(*) ...) with the offset.")
    if (
        not is_total(query)
        or query.args.get("from_") is None
        or any(query.args.get(key) for key in ("limit", "offset", "qualify"))
    ):
        return False
    if isinstance(test, exp.Exists):
        return True
    clause = test.find_ancestor(exp.Select, exp.Where, exp.Having, exp.Join, exp.Qualify)
    return len(query.expressions) == 1 and not isinstance(test.this, exp.Tuple) and not isinstance(clause, exp.Select)


def _asked(test: Any) -> Any:
    query = test.args.get("query") if test.key == "in" else test.this
    return query.unnest() if query is not None else None


def tests_of_totals(tree: Any) -> None:
    """Compare with the value of the only row instead, if HAVING leaves it."""
    from sqlglot import exp

    found: Any
    for test in [one for one in tree.find_all(exp.Exists, exp.In) if is_test(one)][::-1]:
        query = _asked(test)
        having = query.args.get("having")
        found = exp.true()
        if having is not None:
            found = exp.Anonymous(this="coalesce", expressions=[_value(query, having.this), exp.false()])
        if isinstance(test, exp.In):
            item = query.expressions[0].unalias()
            value = _value(query, item) if any(aggregates(item)) else item.copy()
            same = exp.Paren(this=exp.EQ(this=test.this.copy(), expression=value))
            found = same if having is None else exp.Case(ifs=[exp.If(this=found, true=same)], default=exp.false())
        replace(test, found)


def _value(query: Any, item: Any) -> Any:
    from sqlglot import exp

    one = query.copy()
    one.set("having", None)
    one.set("expressions", [item.copy()])
    one.meta["touched"] = True
    return exp.Subquery(this=one)
