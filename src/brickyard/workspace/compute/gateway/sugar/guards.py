"""Conditions that keep another from failing: `b <> 0 AND a / b > 1`.

Spark evaluates AND and OR from left to right, row by row, and stops where the answer is known. The engine evaluates
the right side for all rows of a batch, unless the left one rules out nearly all of them (Sail 0.7.2); CASE it
evaluates row by row, but one that gives a BOOLEAN it makes AND and OR of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brickyard.workspace.compute.gateway.sqltext import read
from brickyard.workspace.compute.gateway.sugar.aggregates import function_name
from brickyard.workspace.compute.gateway.sugar.names import own_columns
from brickyard.workspace.compute.gateway.sugar.tree import parse, render, replace

__all__ = ["FAILING", "condition", "guard", "guarded", "has_guards", "may_fail"]

#: What a condition has that may fail.
SIGNS = ("/", "%", "[", "(", "::", "div", "DIV")
CLAUSES = ("where", "having")
#: Functions that are errors for some values.
FAILING = frozenset({"bigint", "boolean", "date", "decimal", "double", "element_at", "float", "int", "mod", "pmod"}) | {
    *("raise_error", "smallint", "timestamp", "tinyint", "to_date", "to_number", "to_timestamp"),
    *("tsordstodate", "tonumber", "strtotime"),  # as the parser names them
}


def has_guards(select: Any) -> bool:
    """Whether a condition of a SELECT stands before one that may fail, and is of the same columns."""
    return any(_guarded(select))


def guard(select: Any) -> None:
    """Write them as `CASE WHEN b <> 0 THEN CASE WHEN a / b > 1 THEN 1 ELSE 0 END ELSE 0 END = 1`."""
    from sqlglot import exp

    one, zero = (exp.Literal.number(number) for number in (1, 0))
    for test, guards, ends in list(_guarded(select))[::-1]:
        value = exp.Case(ifs=[exp.If(this=test.copy(), true=one.copy())], default=zero.copy())
        known = [each.copy() for each in guards]
        if ends:
            whole = exp.Case(ifs=[exp.If(this=exp.or_(*known), true=zero.copy())], default=value)
        else:
            whole = exp.Case(ifs=[exp.If(this=exp.and_(*known), true=value)], default=zero.copy())
        replace(test, exp.EQ(this=whole, expression=one.copy()))


def condition(text: str) -> Any:
    """The tree of a condition."""
    return read(f"SELECT 1 WHERE {text}").args["where"].this


def may_fail(text: str) -> bool:
    """Whether a condition divides, casts, or takes an element."""
    return any(sign in text for sign in SIGNS) and _may_fail(condition(text))


def guarded(text: str) -> str:
    """A condition in which those that may fail are guarded; the same text if there is none."""
    words = text.upper()
    if not (("AND" in words or "OR" in words) and any(sign in text for sign in SIGNS)):
        return text
    if not has_guards(condition(text).parent.parent):
        return text
    select = parse(f"SELECT 1 WHERE {text}")
    guard(select)
    return render(select.args["where"].this)


def _guarded(select: Any) -> Iterator[tuple[Any, list[Any], bool]]:
    """Each condition that may fail, those before it, and whether it does not count where one of them is true (OR)."""
    from sqlglot import exp

    for clause in (select.args.get(key) for key in CLAUSES):
        for whole in clause.this.find_all(exp.And, exp.Or) if clause is not None else []:
            if not isinstance(whole.parent, type(whole)) and _counts_alone(whole, clause):
                yield from _operands(whole, several=bool(select.args.get("joins")))


def _counts_alone(node: Any, clause: Any) -> bool:
    """Whether null is as good as false in a place."""
    from sqlglot import exp

    node = node.parent
    while isinstance(node, exp.And | exp.Or | exp.Paren):
        node = node.parent
    return node is clause


def _operands(whole: Any, *, several: bool) -> Iterator[tuple[Any, list[Any], bool]]:
    from sqlglot import exp

    before: list[tuple[Any, set[str]]] = []
    for test in whole.flatten(unnest=False):
        columns = {one.name.lower() for one in own_columns(test)}
        if not isinstance(test.unnest(), exp.Connector) and columns and _may_fail(test):
            known = [one for one, named in before if named & columns]
            if known and not (several and isinstance(test.unnest(), exp.EQ)):
                yield test, known, isinstance(whole, exp.Or)
        elif not test.find(exp.Query):
            before.append((test, columns))


def _may_fail(test: Any) -> bool:
    """Whether a condition divides, casts, or takes an element."""
    from sqlglot import exp

    for node in test.walk():
        if isinstance(node, exp.Query):
            return False
        if isinstance(node, exp.Div | exp.Mod | exp.IntDiv) and not isinstance(node.expression, exp.Literal):
            return True
        if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast) and not isinstance(node.this, exp.Literal):
            return not node.to.is_type(*exp.DataType.TEXT_TYPES)
        if isinstance(node, exp.Bracket) or (isinstance(node, exp.Func) and function_name(node) in FAILING):
            return True
    return False
