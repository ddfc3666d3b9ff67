"""`df.mergeInto(name, condition)` as the text of a MERGE, whose source is a data frame of the statement."""

from __future__ import annotations

import uuid
from typing import Any

from pyspark.sql.connect.proto import commands_pb2, expressions_pb2, relations_pb2

from brickyard.workspace.compute.gateway.unparse import unparse

__all__ = ["as_statement"]

ACTION = expressions_pb2.MergeAction
SOURCE = "source_"


def as_statement(merge: commands_pb2.MergeIntoTableCommand) -> relations_pb2.Relation:
    """The statement; its source is resolved."""
    alias = str(merge.source_table_plan.subquery_alias.alias)
    name = SOURCE + uuid.uuid4().hex[:8]
    evolves = "WITH SCHEMA EVOLUTION " if merge.with_schema_evolution else ""
    clauses = [
        _clause(words, one)
        for words, actions in (
            ("MATCHED", merge.match_actions),
            ("NOT MATCHED", merge.not_matched_actions),
            ("NOT MATCHED BY SOURCE", merge.not_matched_by_source_actions),
        )
        for one in actions
    ]
    source = f"{name} AS `{alias}`" if alias else name
    text = f"MERGE {evolves}INTO {merge.target_table_name} USING {source} ON {unparse(merge.merge_condition, {})} "
    statement = relations_pb2.Relation()
    statement.with_relations.root.sql.query = text + " ".join(clauses)
    reference = statement.with_relations.references.add()
    reference.common.plan_id = uuid.uuid4().int >> 66
    reference.subquery_alias.alias = name
    reference.subquery_alias.input.CopyFrom(merge.source_table_plan)
    return statement


def _clause(words: str, expression: Any) -> str:
    action = expression.merge_action
    condition = f" AND {unparse(action.condition, {})}" if action.HasField("condition") else ""
    return f"WHEN {words}{condition} THEN {_what(action)}"


def _what(action: Any) -> str:
    stars = {ACTION.ACTION_TYPE_UPDATE_STAR: "UPDATE SET *", ACTION.ACTION_TYPE_INSERT_STAR: "INSERT *"}
    if action.action_type in stars:
        return stars[action.action_type]
    if action.action_type == ACTION.ACTION_TYPE_DELETE:
        return "DELETE"
    pairs = [(unparse(one.key, {}).strip("()"), unparse(one.value, {})) for one in action.assignments]
    if action.action_type == ACTION.ACTION_TYPE_UPDATE:
        return f"UPDATE SET {', '.join(f'{column} = {value}' for column, value in pairs)}"
    columns, values = ", ".join(column for column, _ in pairs), ", ".join(value for _, value in pairs)
    return f"INSERT ({columns}) VALUES ({values})"
