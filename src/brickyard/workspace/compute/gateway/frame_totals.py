"""Totals and joins in plans: what `sugar.single_rows` and `sugar.joins` do in SQL."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.values.expressions import Expression, call

__all__ = ["give_condition", "is_total", "keep_total"]

#: More rows than there are.
ALL = 2**31 - 1
#: The column that counts the rows of a group.
ROWS = "rows_of_group_"


def is_total(relation: Any) -> bool:
    """Whether a relation has a row for all that it reads."""
    if not relation.HasField("aggregate"):
        return False
    kind = relation.aggregate.group_type
    if kind == relations_pb2.Aggregate.GROUP_TYPE_GROUPBY:
        return not len(relation.aggregate.grouping_expressions)
    return bool(kind != relations_pb2.Aggregate.GROUP_TYPE_PIVOT)


def keep_total(relation: Any, *, within: bool) -> None:
    """Give it a limit, below which the engine moves nothing, where it is within a plan.

    Of no rows at all, the engine makes a row for the grouping set of all rows, where Spark has none.
    """
    alone = relation.aggregate.group_type == relations_pb2.Aggregate.GROUP_TYPE_GROUPBY
    if not alone:
        _keep_groups_with_rows(relation)
    if within:
        below = _below(relation)
        relation.limit.input.CopyFrom(below)
        relation.limit.limit = 1 if alone else ALL


def _keep_groups_with_rows(relation: Any) -> None:
    counted, number = Expression(), Expression()
    number.literal.integer = 1
    counted.alias.expr.CopyFrom(call("count", number))
    counted.alias.name.append(ROWS)
    relation.aggregate.aggregate_expressions.append(counted)
    column, zero = Expression(), Expression()
    column.unresolved_attribute.unparsed_identifier = ROWS
    zero.literal.integer = 0
    below = _below(relation)
    some = relation.drop.input.filter
    some.input.CopyFrom(below)
    some.condition.CopyFrom(call(">", column, zero))
    relation.drop.column_names.append(ROWS)


def _below(relation: Any) -> Any:
    below = relations_pb2.Relation()
    below.CopyFrom(relation)
    below.common.Clear()
    return below


def give_condition(join: Any) -> None:
    """Give an outer, semi or anti join without a condition one: without, the engine makes a cross join of it."""
    inner = (relations_pb2.Join.JOIN_TYPE_INNER, relations_pb2.Join.JOIN_TYPE_CROSS)
    if join.join_type not in inner and not join.HasField("join_condition") and not len(join.using_columns):
        join.join_condition.literal.boolean = True
