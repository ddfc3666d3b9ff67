"""Totals and joins in plans: what `sugar.single_rows` and `sugar.joins` do in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyspark.sql.connect.proto import expressions_pb2, relations_pb2

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.expressions import Expression, call, is_aggregated
from brickyard.workspace.compute.gateway.values.scopes import AGGREGATES

__all__ = ["SCALAR", "give_condition", "is_total", "keep_total", "keep_value", "subqueries"]

#: More rows than there are.
ALL = 2**31 - 1
SCALAR = expressions_pb2.SubqueryExpression.SUBQUERY_TYPE_SCALAR
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


def subqueries(parts: Iterable[Any]) -> dict[int, int]:
    """The relations that are scalar, EXISTS or IN subqueries, by their ids: of which type each is."""
    parts = list(parts)
    asked = [part.subquery_expression for part in parts if part.DESCRIPTOR.name == "Expression"]
    kinds = {one.plan_id: one.subquery_type for one in asked if one.plan_id}
    if not kinds:
        return {}
    around = [part for part in parts if part.DESCRIPTOR.name == "Relation" and part.HasField("with_relations")]
    below = [one for part in around for one in part.with_relations.references]
    return {id(one): kinds[one.common.plan_id] for one in below if one.common.plan_id in kinds}


def keep_value(relation: Any, kind: int) -> None:
    """Make the only row of a subquery depend on the count of rows, as `single_rows.mend_doubtful` does.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE: EXISTS of that row.
    """
    alone = relation.HasField("aggregate")
    items = relation.aggregate.aggregate_expressions if alone else relation.project.expressions
    if kind == expressions_pb2.SubqueryExpression.SUBQUERY_TYPE_EXISTS:
        if is_total(relation) or any(map(is_aggregated, items)):
            raise unsupported("exists() of an aggregate without keys", "It always has a row: use lit(True).")
        return
    for item in items:
        value = item.alias.expr if item.HasField("alias") else item
        if is_aggregated(value) and value.unresolved_function.function_name.lower() not in AGGREGATES:
            one, zero, kept = Expression(), Expression(), Expression()
            one.literal.integer, zero.literal.integer = 1, 0
            kept.CopyFrom(value)
            value.CopyFrom(call("when", call(">=", call("count", one), zero), kept))


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
