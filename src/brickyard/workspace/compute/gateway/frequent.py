"""`df.freqItems(...)`: the most frequent values of each column."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.names import quote

__all__ = ["frequent_items"]

NAME = "_frequent_items_of"
DEFAULT = 0.01


def frequent_items(relation: Any) -> relations_pb2.Relation:
    """A query for as many values of each column as can have the share that is asked for; the others are rarer."""
    asked = relation.freq_items
    most = int(1 / (asked.support or DEFAULT))
    columns = ", ".join(f"({_values(name, most)}) AS {quote(f'{name}_freqItems')}" for name in asked.cols)
    made = relations_pb2.Relation()
    made.with_relations.root.sql.query = f"SELECT {columns}"
    reference = made.with_relations.references.add()
    reference.common.plan_id = asked.input.common.plan_id
    reference.subquery_alias.input.CopyFrom(asked.input)
    reference.subquery_alias.alias = NAME
    return made


def _values(name: str, most: int) -> str:
    counted = f"SELECT {quote(name)} AS value, count(*) AS n FROM {NAME} GROUP BY 1 ORDER BY n DESC, value LIMIT {most}"
    return f"SELECT sort_array(collect_list(value)) FROM ({counted})"
