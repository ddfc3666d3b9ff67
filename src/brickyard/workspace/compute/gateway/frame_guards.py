"""Filters of data frames that keep another condition from failing: what `sugar.guards` does in SQL.

The engine makes one condition of two filters, so the first one may keep the second from failing too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from brickyard.workspace.compute.gateway.sugar.guards import FAILING, condition, guarded, may_fail
from brickyard.workspace.compute.gateway.sugar.names import own_columns
from brickyard.workspace.compute.gateway.values.expressions import Expression, call, children

__all__ = ["guard_filters"]

DIVISIONS = frozenset({"/", "%", "div"})


def guard_filters(parts: Sequence[Any]) -> bool:
    """Guard the conditions of filters, the outer ones first; whether there was one.

    Args:
        parts: The parts of a plan, each before what it reads.
    """
    filters = [part for part in parts if part.DESCRIPTOR.name == "Relation" and part.HasField("filter")]
    return sum(_guard(one.filter) for one in filters) > 0


def _guard(own: Any) -> bool:
    text, before, below = own.condition.expression_string, list[Any](), own.input
    new = guarded(text.expression) if text.expression else ""
    if new != text.expression:
        text.expression = new
        return True
    while below.HasField("filter"):
        before = [*_flat(below.filter.condition, "and"), *before]
        below = below.filter.input
    return _within(own.condition, "and", before, several=below.HasField("join"))


def _within(whole: Any, name: str, before: list[Any], *, several: bool) -> bool:
    """Guard the operands of AND or OR by those before them, and by what holds anyway."""
    known, found = list(before), False
    for test in list(_flat(whole, name)):
        other = {"and": "or", "or": "and"}[name]
        if test.unresolved_function.function_name == other:
            found |= _within(test, other, [], several=several)
        elif not _may_fail(test):
            known.append(test)
        elif not (several and test.unresolved_function.function_name == "=="):
            columns = _columns(test)
            guards = [one for one in known if columns & _columns(one) and not (_may_fail(one) or _asks(one))]
            if guards:
                _wrap(test, guards, ends=name == "or")
                found = True
    return found


def _flat(expression: Any, name: str) -> Iterator[Any]:
    if expression.unresolved_function.function_name == name:
        for one in expression.unresolved_function.arguments:
            yield from _flat(one, name)
    else:
        yield expression


def _wrap(test: Any, guards: list[Any], *, ends: bool) -> None:
    one, zero, own = Expression(), Expression(), Expression()
    one.literal.integer, zero.literal.integer = 1, 0
    own.CopyFrom(test)
    known = guards[0]
    for more in guards[1:]:
        known = call("or" if ends else "and", known, more)
    value = call("when", own, one, zero)
    test.CopyFrom(call("==", call("when", known, *((zero, value) if ends else (value, zero))), one))


def _columns(expression: Any) -> set[str]:
    if expression.HasField("unresolved_attribute"):
        return {expression.unresolved_attribute.unparsed_identifier.rpartition(".")[2].strip("`").lower()}
    if expression.HasField("expression_string"):
        return {one.name.lower() for one in own_columns(condition(expression.expression_string.expression))}
    return {name for child in children(expression) for name in _columns(child)}


def _may_fail(expression: Any) -> bool:
    """Whether a condition divides, casts, or takes an element."""
    function = expression.unresolved_function
    if function.function_name in DIVISIONS and not function.arguments[1].HasField("literal"):
        return True
    if expression.HasField("expression_string"):
        return may_fail(expression.expression_string.expression)
    if _cast(expression) or expression.HasField("unresolved_extract_value"):
        return True
    return function.function_name.lower() in FAILING or any(map(_may_fail, children(expression)))


def _cast(expression: Any) -> bool:
    cast = expression.cast if expression.HasField("cast") else None
    if cast is None or cast.eval_mode == Expression.Cast.EVAL_MODE_TRY or cast.expr.HasField("literal"):
        return False
    return not (cast.type_str.lower() == "string" or cast.type.HasField("string"))


def _asks(expression: Any) -> bool:
    """Whether it has a subquery."""
    return expression.HasField("subquery_expression") or any(map(_asks, children(expression)))
