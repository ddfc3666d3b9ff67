"""INSERT ... REPLACE USING | ON: the rows that match new ones make way for them, in one commit.

Source: https://docs.databricks.com/aws/en/delta/selective-overwrite
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session, delta
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.storing import store

__all__ = ["Replacement", "read_replacement", "replace_matching"]

TARGET, SOURCE = "__target", "__source"
QUERIES = {"SELECT", "VALUES", "WITH", "FROM", "TABLE"}


@dataclass(frozen=True)
class Replacement:
    """Which rows make way.

    Args:
        condition: When a row of the table and a new one match.
        target: What the table is called in it.
        source: What the query is called in it; None: it names columns of the table, not those of the query.
        query: The query, where it is told apart from its name.
    """

    condition: str
    target: str = TARGET
    source: str | None = None
    query: str = ""


def read_replacement(cursor: Cursor, alias: str | None) -> Replacement | None:
    """Read `REPLACE USING (a, b)`, or `REPLACE ON condition (query) [AS] source`, if it is that."""
    if cursor.take("REPLACE", "USING"):
        pairs = [f"{TARGET}.{quote(name)} = {SOURCE}.{quote(name)}" for name in cursor.names()]
        return Replacement(" AND ".join(pairs))
    if not cursor.take("REPLACE", "ON"):
        return None
    start = cursor.position
    while not cursor.done and not (cursor.peek() in QUERIES or (cursor.peek() == "(" and cursor.peek(1) in QUERIES)):
        if cursor.take("("):
            cursor.until(")")
        cursor.next()
    condition, source, query = cursor.since(start), SOURCE, ""
    if cursor.take("("):
        query = cursor.until(")")
        cursor.expect(")")
        cursor.take("AS")
        source = source if cursor.done else cursor.name()[0]
        cursor.end()
    return Replacement(condition, alias or TARGET, source, query)


def replace_matching(session: Session, found: Replacement, given: Any, rows: Any, place: Path) -> int:
    """Write the rows.

    Args:
        session: The session.
        found: Which rows make way.
        given: The query's rows as they are.
        rows: The same as they fit the table.
        place: The table.

    Returns:
        How many rows stay.
    """
    kept = relations_pb2.Relation()
    join = kept.join
    join.join_type = relations_pb2.Join.JOIN_TYPE_LEFT_ANTI
    join.left.subquery_alias.input.CopyFrom(delta(session.places.text(place)))
    join.left.subquery_alias.alias = found.target
    join.right.subquery_alias.input.CopyFrom(rows if found.source is None else given)
    join.right.subquery_alias.alias = found.source or SOURCE
    join.join_condition.expression_string.expression = found.condition
    both = relations_pb2.Relation()
    both.set_op.set_op_type = relations_pb2.SetOperation.SET_OP_TYPE_UNION
    both.set_op.is_all = True
    both.set_op.left_input.CopyFrom(kept)
    both.set_op.right_input.CopyFrom(rows)
    staying = _count(session, kept)
    store(session, both, place, "overwrite")
    return staying


def _count(session: Session, rows: Any) -> int:
    counted = relations_pb2.Relation()
    counted.aggregate.group_type = relations_pb2.Aggregate.GROUP_TYPE_GROUPBY
    counted.aggregate.input.CopyFrom(rows)
    counted.aggregate.aggregate_expressions.add().expression_string.expression = "count(1)"
    found = session.rows(counted)
    return int(found.column(0)[0].as_py())
