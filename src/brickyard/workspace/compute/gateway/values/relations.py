"""Right values in the plans that data frames send."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.values import calls, expressions
from brickyard.workspace.compute.gateway.values.correction import correct
from brickyard.workspace.compute.gateway.values.frames import check_lists_of_plan
from brickyard.workspace.compute.gateway.values.plans import Fields, Plan, Top, is_comparison
from brickyard.workspace.compute.gateway.values.rules import RULES
from brickyard.workspace.compute.gateway.values.rules.casts import is_affected
from brickyard.workspace.compute.gateway.values.summaries import statistics_of

__all__ = ["correct_relation"]

TRY = expressions.Expression.Cast.EVAL_MODE_TRY


def correct_relation(relation: relations_pb2.Relation, fields: Fields) -> None:
    """Replace, in place, expressions of one relation that Sail evaluates otherwise than Databricks.

    Args:
        relation: A relation whose names are resolved, and whose inputs are corrected.
        fields: Asks the engine for the fields of a relation.
    """
    kind = relation.WhichOneof("rel_type")
    if kind in {"describe", "summary"}:
        _summarize(relation, str(kind), fields)
        return
    found = _expressions(relation, kind)
    mixed = check_lists_of_plan(top.message for top in found)
    tops = [top for top in found if _concerned(top.message)]
    tops = found if any(expressions.has_cast(top.message) for top in found) else tops
    if tops:
        grouped = kind in {"aggregate", "sort"} or any(expressions.is_aggregated(top.message) for top in found)
        plan = Plan(_input(relation, str(kind)), tops, fields, mixed, moved=not grouped)
        before = [expressions.copied(top.message) for top in tops]
        correct(plan)
        plan.name()
        if kind == "sort" and [top.message for top in tops] != before:
            _order_by_columns(relation)


def _expressions(relation: Any, kind: str | None) -> list[Top]:
    """The expressions of a relation."""
    others: list[Any] = []
    if kind == "project":
        return [Top(one, named=True) for one in relation.project.expressions]
    if kind == "aggregate":
        keys = [Top(one, named=True, bindable=False) for one in relation.aggregate.grouping_expressions]
        return keys + [Top(one, named=True) for one in relation.aggregate.aggregate_expressions]
    if kind == "sort":
        return [Top(order.child, named=False) for order in relation.sort.order]
    if kind == "filter":
        others = [relation.filter.condition]
    elif kind == "join":
        others = [relation.join.join_condition]
    elif kind == "with_columns":
        others = [alias.expr for alias in relation.with_columns.aliases]
    return [Top(one, named=False) for one in others]


def _input(relation: Any, kind: str) -> relations_pb2.Relation:
    source = relations_pb2.Relation()
    if kind == "join":
        source.CopyFrom(relation)
        source.join.ClearField("join_condition")
        source.join.join_type = relations_pb2.Join.JOIN_TYPE_CROSS
    elif getattr(relation, kind).HasField("input"):
        source.CopyFrom(getattr(relation, kind).input)
    return source


def _order_by_columns(relation: Any) -> None:
    """Make the keys of a sort columns for as long as it takes: the engine orders by nothing that repeats itself."""
    sort = relations_pb2.Relation()
    sort.CopyFrom(relation)
    columns = sort.sort.input.with_columns
    columns.input.CopyFrom(relation.sort.input)
    for number, order in enumerate(sort.sort.order):
        alias = columns.aliases.add(name=[f"__order_{number}"])
        alias.expr.CopyFrom(order.child)
        order.child.Clear()
        order.child.unresolved_attribute.unparsed_identifier = alias.name[0]
    relation.drop.input.CopyFrom(sort)
    relation.drop.column_names.extend(alias.name[0] for alias in columns.aliases)


def _summarize(relation: Any, kind: str, fields: Fields) -> None:
    common = relations_pb2.RelationCommon()
    common.CopyFrom(relation.common)
    groups, rows = statistics_of(getattr(relation, kind), fields)
    correct_relation(groups, fields)
    rows.project.input.CopyFrom(groups)
    correct_relation(rows, fields)
    relation.CopyFrom(rows)
    relation.common.CopyFrom(common)


def _concerned(expression: Any) -> bool:
    kind = expression.WhichOneof("expr_type")
    name = expression.unresolved_function.function_name.lower()
    if name in RULES or is_comparison(expression):
        return True
    if kind == "unresolved_extract_value":
        return True
    if kind == "cast" and (expression.cast.eval_mode == TRY or is_affected(expressions.target(expression))):
        return True
    if kind == "expression_string":
        text = f"SELECT {expression.expression_string.expression}"
        return calls.concerns(text)
    return any(_concerned(child) for child in expressions.children(expression))
