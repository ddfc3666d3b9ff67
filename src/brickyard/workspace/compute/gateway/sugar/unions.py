"""UNION, INTERSECT and EXCEPT of columns whose types differ: each side is cast to their least common types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

from brickyard.workspace.compute.gateway.sugar.map_keys import check_distinct
from brickyard.workspace.compute.gateway.sugar.scope import Scope, derived
from brickyard.workspace.compute.gateway.sugar.tree import column, replace
from brickyard.workspace.compute.gateway.widening import common_types, sql_of

__all__ = ["WORDS", "widen", "without_intersect_all"]

WORDS = frozenset({"UNION", "INTERSECT", "EXCEPT", "MINUS"})
MODIFIERS = ("order", "limit", "offset")


def widen(operation: Any, scope: Scope) -> None:
    """Cast the sides of a set operation, and of those that it is made of; the engine does not know the common types.

    Raises:
        SparkError: INCOMPATIBLE_COLUMN_TYPE.
    """
    from sqlglot import exp

    if any(operation.args.get(key) for key in MODIFIERS):  # read as the last side's, whose text has them
        operation.expression.meta["touched"] = True
    if not isinstance(_around(operation), exp.SetOperation):  # the outermost one asks for all
        leaves = _leaves(operation)
        schemas = _schemas(leaves, operation, scope)
        if schemas is not None:
            _cast_sides(operation, {id(leaf): schema for leaf, schema in zip(leaves, schemas, strict=True)})


def without_intersect_all(tree: Any) -> Any:
    """`a INTERSECT ALL b` is `a EXCEPT ALL (a EXCEPT ALL b)`; Sail keeps a row of `a` as often as it is there."""
    from sqlglot import exp

    for one in [one for one in tree.find_all(exp.Intersect) if not one.args.get("distinct")][::-1]:
        left, right = one.this, one.expression
        rest = exp.Except(this=left.copy(), expression=right.copy(), distinct=False)
        made = exp.Except(this=left.copy(), expression=exp.Subquery(this=rest), distinct=False)
        for key in ("with_", *MODIFIERS):
            if one.args.get(key) is not None:
                made.set(key, one.args[key].copy())
        for part in (rest, made):
            part.meta["touched"] = True
        if one is tree:
            tree = made
        else:
            replace(one, made)
    return tree


def _around(node: Any) -> Any:
    from sqlglot import exp

    parent = node.parent
    while isinstance(parent, exp.Subquery) and not _is_source(parent):
        parent = parent.parent
    return parent


def _is_source(node: Any) -> bool:
    """Whether brackets are an input of a query, and not one side of a set operation."""
    from sqlglot import exp

    return isinstance(node.parent, exp.From | exp.Join | exp.Lateral)


def _inside(side: Any) -> Any:
    """A side without its brackets, if they hold a set operation and nothing else."""
    from sqlglot import exp

    inner = side
    while isinstance(inner, exp.Subquery):
        inner = inner.this
    return inner if isinstance(inner, exp.SetOperation) else side


def _leaves(node: Any) -> list[Any]:
    from sqlglot import exp

    node = _inside(node)
    if not isinstance(node, exp.SetOperation):
        return [node]
    return [*_leaves(node.this), *_leaves(node.expression)]


def _schemas(leaves: Sequence[Any], place: Any, scope: Scope) -> list[Any] | None:
    """The columns of each query, with one question; None where one of them cannot stand alone (it is correlated)."""
    from sqlglot import exp

    sides = [_as_struct(leaf, at) for at, leaf in enumerate(leaves)]
    joins = [exp.Join(this=side, kind="CROSS") for side in sides[1:]]
    whole = exp.Select(expressions=[exp.Star()], from_=exp.From(this=sides[0]), joins=joins)
    try:
        return [field.dataType for field in scope.of(whole, place).fields]
    except grpc.RpcError:
        return None


def _as_struct(leaf: Any, at: int) -> Any:
    """A query whose only column holds all columns of another."""
    from sqlglot import exp

    struct = exp.alias_(exp.Anonymous(this="struct", expressions=[exp.Star()]), f"_s{at}")
    rows = exp.From(this=derived(_bare(leaf).copy(), "_side"))
    return derived(exp.Select(expressions=[struct], from_=rows), f"_r{at}")


def _bare(leaf: Any) -> Any:
    from sqlglot import exp

    while isinstance(leaf, exp.Subquery) and not any(value for key, value in leaf.args.items() if key != "this"):
        leaf = leaf.this
    return leaf


def _cast_sides(node: Any, schemas: dict[int, Any]) -> Any:
    """The columns of a query, in which all set operations are correct now."""
    from sqlglot import exp

    node = _inside(node)
    if not isinstance(node, exp.SetOperation):
        return schemas[id(node)]
    sides = [_cast_sides(node.this, schemas), _cast_sides(node.expression, schemas)]
    if len(sides[0].fields) != len(sides[1].fields):
        return sides[0]  # an error, of which the engine says more
    if node.args.get("distinct") or not isinstance(node, exp.Union):
        check_distinct(sides[0].fields)
    result = common_types(sides[0], sides[1], node.key.upper())
    for key, schema in zip(("this", "expression"), sides, strict=True):
        if [one.dataType for one in schema.fields] != [one.dataType for one in result.fields]:
            _cast(node.args[key], schema, result)
    return result


def _cast(side: Any, schema: Any, wanted: Any) -> None:
    from sqlglot import exp

    labels = [f"_c{at}" for at in range(len(wanted.fields))]
    items = []
    for label, have, want in zip(labels, schema.fields, wanted.fields, strict=True):
        value: Any = column(label)
        if have.dataType != want.dataType:
            value = exp.Cast(this=value, to=exp.DataType.build(sql_of(want.dataType), dialect="databricks"))
        items.append(exp.alias_(value, have.name, quoted=True))
    query = exp.Select(expressions=items, from_=exp.From(this=derived(_bare(side).copy(), "_side", labels)))
    replace(side, query)
