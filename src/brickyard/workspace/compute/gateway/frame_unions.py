"""Unions of data frames: each side is cast to the least common types, and gets the columns that only the other has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from pyspark.sql.connect.proto import expressions_pb2, relations_pb2

from brickyard.workspace.compute.gateway.sugar.map_keys import check_distinct
from brickyard.workspace.compute.gateway.widening import common_type, incompatible, sql_of

__all__ = ["nested_in", "widen"]

Relation = relations_pb2.Relation
#: From a relation to its `StructType`.
Schema = Callable[[Relation], Any]
NAMES = {
    relations_pb2.SetOperation.SET_OP_TYPE_UNION: "UNION",
    relations_pb2.SetOperation.SET_OP_TYPE_INTERSECT: "INTERSECT",
    relations_pb2.SetOperation.SET_OP_TYPE_EXCEPT: "EXCEPT",
}


def nested_in(relation: Relation) -> Iterator[Relation]:
    """The set operations that are sides of this one, or of those."""
    for side in _sides(relation):
        if side.HasField("set_op"):
            yield side
            yield from nested_in(side)


def widen(relation: Relation, schema: Schema) -> None:
    """Cast the sides of a set operation and of those inside it, in place; Sail does not know the common types.

    Raises:
        SparkError: INCOMPATIBLE_COLUMN_TYPE, or UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE.
    """
    leaves = list(_leaves(relation))
    schemas = _schemas(leaves, schema)
    if schemas is not None:
        _widen(relation, iter(schemas))
    _without_intersect_all(relation)


def _without_intersect_all(relation: Relation) -> None:
    """`a.intersectAll(b)` is `a.exceptAll(a.exceptAll(b))`; Sail keeps a row of `a` as often as it is there."""
    if not relation.HasField("set_op"):
        return
    for side in _sides(relation):
        _without_intersect_all(side)
    operation = relation.set_op
    if operation.set_op_type == relations_pb2.SetOperation.SET_OP_TYPE_INTERSECT and operation.is_all:
        operation.set_op_type = relations_pb2.SetOperation.SET_OP_TYPE_EXCEPT
        rest = Relation()
        rest.set_op.CopyFrom(operation)
        operation.right_input.CopyFrom(rest)


def _sides(relation: Relation) -> list[Relation]:
    return [relation.set_op.left_input, relation.set_op.right_input]


def _leaves(relation: Relation) -> Iterator[Relation]:
    if not relation.HasField("set_op"):
        yield relation
        return
    for side in _sides(relation):
        yield from _leaves(side)


def _schemas(leaves: Sequence[Relation], schema: Schema) -> list[Any] | None:
    """The columns of each relation, with one question if that can be answered; None if none can."""
    whole = _as_struct(leaves[0])
    for leaf in leaves[1:]:
        both = Relation()
        both.join.left.CopyFrom(whole)
        both.join.right.CopyFrom(_as_struct(leaf))
        both.join.join_type = relations_pb2.Join.JOIN_TYPE_CROSS
        whole = both
    try:
        return [field.dataType for field in schema(whole).fields]
    except grpc.RpcError:
        pass
    try:
        return [schema(leaf) for leaf in leaves]
    except grpc.RpcError:
        return None


def _as_struct(leaf: Relation) -> Relation:
    """A relation whose only column holds all columns of another."""
    row = Relation()
    row.project.input.CopyFrom(leaf)
    row.project.expressions.add().expression_string.expression = "struct(*)"
    return row


def _widen(relation: Relation, schemas: Iterator[Any]) -> Any:
    """The columns of a relation, in which all set operations are correct now."""
    if not relation.HasField("set_op"):
        return next(schemas)
    left, right = (_widen(side, schemas) for side in _sides(relation))
    pairs = _pairs(relation.set_op, left, right)
    if pairs is None:
        return left  # an error, of which the engine says more
    operation = NAMES.get(relation.set_op.set_op_type, "UNION")
    result = _result(pairs, left, right, operation)
    if operation != "UNION":
        check_distinct(_struct(result).fields)
    for at, (side, schema) in enumerate(zip(_sides(relation), (left, right), strict=True)):
        columns = [Column(pair[at], name, kind) for pair, (name, kind) in zip(pairs, result, strict=True)]
        if any(column.changes(schema, place) for place, column in enumerate(columns)):
            _project(side, schema, columns)
            relation.set_op.by_name = relation.set_op.allow_missing_columns = False
    return _struct(result)


def _pairs(operation: Any, left: Any, right: Any) -> list[tuple[int | None, int | None]] | None:
    """Which column of the left side goes with which of the right one; None where the engine has to complain."""
    if not operation.by_name:
        same = len(left.fields) == len(right.fields)
        return [(at, at) for at in range(len(left.fields))] if same else None
    here, there = ({name.lower(): at for at, name in enumerate(side.names)} for side in (left, right))
    if len(here) < len(left.names) or len(there) < len(right.names):
        return None
    if not operation.allow_missing_columns and here.keys() != there.keys():
        return None
    both: list[tuple[int | None, int | None]] = [(at, there.get(name)) for name, at in here.items()]
    return both + [(None, at) for name, at in there.items() if name not in here]


def _result(
    pairs: Sequence[tuple[int | None, int | None]], left: Any, right: Any, operation: str
) -> list[tuple[str, Any]]:
    """The name and the type of each column."""
    columns = []
    for place, (here, there) in enumerate(pairs):
        fields = [side.fields[at] for side, at in ((left, here), (right, there)) if at is not None]
        kind = common_type(fields[0].dataType, fields[-1].dataType)
        if kind is None:
            raise incompatible(operation, place, fields[0].dataType, fields[1].dataType)
        columns.append((fields[0].name, kind))
    return columns


def _struct(columns: Sequence[tuple[str, Any]]) -> Any:
    from pyspark.sql import types

    return types.StructType([types.StructField(name, kind) for name, kind in columns])


@dataclass(frozen=True)
class Column:
    """A column of one side as it has to be.

    Args:
        source: Its place in the side; None if the side has no such column.
        name: Its name in the result.
        kind: Its type.
    """

    source: int | None
    name: str
    kind: Any

    def changes(self, schema: Any, place: int) -> bool:
        """Whether the side has something else at that place."""
        return self.source != place or schema.fields[place].dataType != self.kind


def _project(side: Relation, schema: Any, columns: Sequence[Column]) -> None:
    """Replace a side, in place; plans go on to know it by the same id."""
    labels = [f"_c{at}" for at in range(len(schema.fields))]
    new = Relation()
    new.common.CopyFrom(side.common)
    new.project.input.to_df.input.CopyFrom(side)
    new.project.input.to_df.column_names.extend(labels)
    for column in columns:
        alias = new.project.expressions.add().alias
        alias.name.append(column.name)
        alias.expr.CopyFrom(_value(column, labels, schema))
    side.CopyFrom(new)


def _value(column: Column, labels: Sequence[str], schema: Any) -> Any:
    value = expressions_pb2.Expression()
    if column.source is None:
        value.literal.null.null.SetInParent()
    else:
        value.unresolved_attribute.unparsed_identifier = labels[column.source]
        if schema.fields[column.source].dataType == column.kind:
            return value
    cast = expressions_pb2.Expression()
    cast.cast.expr.CopyFrom(value)
    cast.cast.type_str = sql_of(column.kind)
    return cast
