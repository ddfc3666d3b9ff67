"""The tables that a request names, as text of SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.runtime.delta.messages import RELATION_URL, message
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import quote

__all__ = ["Target", "table_text", "target_of"]


@dataclass(frozen=True)
class Target:
    """The table that a statement changes.

    Args:
        table: Its name or path, as SQL has it.
        alias: What columns call it; empty where the user gave no alias.
        plans: The ids of the plans that stand for it.
    """

    table: str
    alias: str
    plans: frozenset[int]

    @property
    def aliased(self) -> str:
        """The table with its alias."""
        return f"{self.table} AS {quote(self.alias)}" if self.alias else self.table


def table_text(table: Any) -> str:
    """A `DeltaTable` message as SQL has it: a name, or a path."""
    if table.HasField("path"):
        return f"delta.{quote(table.path.path)}"
    return str(table.table_or_view_name)


def target_of(raw: bytes) -> Target:
    """The table below a relation, which is one by name or path, with or without an alias.

    Raises:
        SparkError: It is something else.
    """
    relation = relations_pb2.Relation.FromString(raw)
    alias, plans = "", set()
    while relation.HasField("subquery_alias"):
        alias = alias or relation.subquery_alias.alias
        plans.add(relation.common.plan_id)
        relation = relation.subquery_alias.input
    plans.add(relation.common.plan_id)
    if relation.extension.type_url == RELATION_URL:
        asked = message("DeltaRelation").FromString(relation.extension.value)
        if asked.HasField("scan"):
            return Target(table_text(asked.scan.table), alias, frozenset(plans))
    raise SparkError("DELTA_TABLE_ONLY_OPERATION", "Only a Delta table can be changed.", sql_state="0AKDD")
