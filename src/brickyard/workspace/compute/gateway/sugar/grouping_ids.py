"""Grouping sets that the engine counts otherwise (Sail 0.7.2): sets that are there twice, and keys beside the sets.

Of two equal sets, it gives the second another `grouping_id`, in bits above those of the keys. `GROUP BY a, b GROUPING
SETS (...)` is no syntax of it, and in HAVING it knows `grouping_id` only with the keys as arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.aggregates import function_name
from brickyard.workspace.compute.gateway.sugar.tree import render, replace, touch

__all__ = ["keys_in_sets", "same_ids"]


def keys_in_sets(select: Any) -> None:
    """Write `GROUP BY a, b GROUPING SETS (...)` as sets alone, of which the first has all keys in their order."""
    from sqlglot import exp

    group = select.args.get("group")
    given = group.args.get("grouping_sets") if group is not None else None
    if not given:
        return
    keys, sets = group.expressions, [_elements(one) for one in given[0].expressions]
    if any(isinstance(one, exp.Literal | exp.GroupingSets | exp.Rollup | exp.Cube) for each in sets for one in each):
        raise unsupported("GROUP BY keys GROUPING SETS with positions or sets of sets", "Name the columns.")
    whole = [each for each in sets if _texts(each) == _texts(keys)]
    rest = [each for each in sets if _texts(each) != _texts(keys)]
    if not whole:
        some = exp.GT(this=_call(keys), expression=exp.Literal.number(0))
        having = select.args.get("having")
        select.set("having", exp.Having(this=exp.and_(having.this, some, copy=False) if having is not None else some))
    ordered = [*([keys] * max(1, len(whole))), *rest]
    tuples = [exp.Tuple(expressions=[one.copy() for one in each]) for each in ordered]
    select.set("group", exp.Group(expressions=[exp.GroupingSets(expressions=tuples)]))
    touch(select)


def same_ids(select: Any) -> None:
    """Give HAVING the keys, and each set the number that only its keys make.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE: keys that differ in how they are written alone.
    """
    from sqlglot import exp

    group = select.args.get("group")
    if group is None or not any(group.find_all(exp.Rollup, exp.Cube, exp.GroupingSets)):
        return
    keys = list({render(key).lower(): key for one in group.expressions for key in _leaves(one)}.values())
    if len({_meant(key) for key in keys}) < len(keys):
        raise unsupported("grouping sets of keys such as (a + b) and (b + a)", "Write them alike.")
    again = _may_repeat(group.expressions)
    for call in list(_calls(select)):
        bare = not call.expressions and isinstance(call.find_ancestor(exp.Having, exp.Select), exp.Having)
        whole = _call(keys) if bare and keys else call
        if again:
            _label(call, select)
            mask = exp.Literal.number(2 ** len(keys) - 1)
            replace(call, exp.Paren(this=exp.BitwiseAnd(this=whole.copy(), expression=mask)))
        elif whole is not call:
            replace(call, whole)


def _label(call: Any, select: Any) -> None:
    from sqlglot import exp

    for item in select.expressions:
        if item is call:
            name = exp.to_identifier(render(call).lower(), quoted=True)
            alias = exp.Alias(alias=name)
            replace(item, alias)
            alias.set("this", call)


def _calls(select: Any) -> Iterator[Any]:
    """The calls of `grouping_id` of a SELECT, without those of subqueries."""
    from sqlglot import exp

    clauses = [select.args.get(key) for key in ("having", "order", "qualify")]
    for part in [*select.expressions, *[one for one in clauses if one is not None]]:
        for node in part.walk(prune=lambda one: isinstance(one, exp.Query)):
            if isinstance(node, exp.Func) and function_name(node) == "grouping_id":
                yield node


def _call(keys: list[Any]) -> Any:
    from sqlglot import exp

    return exp.Anonymous(this="grouping_id", expressions=[key.copy() for key in keys])


def _may_repeat(sets: list[Any]) -> bool:
    """Whether two of the sets may have the same keys."""
    from sqlglot import exp

    if len(sets) != 1 or any(isinstance(one, exp.Rollup | exp.Cube) for one in sets[0].expressions):
        return True
    each = [_texts(_elements(one)) for one in sets[0].expressions]
    return len(set(each)) < len(each)


def _elements(node: Any) -> list[Any]:
    from sqlglot import exp

    return list(node.expressions) if isinstance(node, exp.Tuple) else [node.unnest()]


def _leaves(node: Any) -> Iterator[Any]:
    from sqlglot import exp

    if isinstance(node, exp.Tuple | exp.GroupingSets | exp.Rollup | exp.Cube):
        for one in node.expressions:
            yield from _leaves(one)
    else:
        yield node.unnest()


def _texts(nodes: list[Any]) -> frozenset[str]:
    return frozenset(render(node).lower() for node in nodes)


def _meant(node: Any) -> str:
    """An expression's text, with what + and * take in one order."""
    from sqlglot import exp

    if isinstance(node, exp.Add | exp.Mul):
        left, right = sorted((_meant(node.left), _meant(node.right)))
        return f"({left} {node.key} {right})"
    return render(node.unnest()).lower()
