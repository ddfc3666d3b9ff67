"""INSERT ... REPLACE USING | ON: the rows that match new ones make way for them, in one commit.

Source: https://docs.databricks.com/aws/en/delta/selective-overwrite
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session, delta
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.storing import store

__all__ = ["Replacement", "read_replacement", "replace_matching"]

TARGET, SOURCE = "__target", "__source"
#: What the query of the rows that stay calls the table and the new rows.
KEPT, GIVEN = "__kept", "__given"
#: A query behind one of these is a part of the condition.
OPEN = frozenset({"IN", "EXISTS", "NOT", "AND", "OR", "ON", "(", "=", "==", "<=>", "<>", "!=", "<", "<=", ">", ">="})
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
    while not cursor.done and not _at_query(cursor):
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


def _at_query(cursor: Cursor) -> bool:
    """Whether the query of the rows begins here, and not one inside the condition."""
    inside = cursor.tokens[cursor.position - 1].text.upper() in OPEN
    return cursor.peek() in QUERIES or (cursor.peek() == "(" and cursor.peek(1) in QUERIES and not inside)


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
    kept = _kept(session, found, place, rows if found.source is None else given)
    both = relations_pb2.Relation()
    both.set_op.set_op_type = relations_pb2.SetOperation.SET_OP_TYPE_UNION
    both.set_op.is_all = True
    both.set_op.left_input.CopyFrom(kept)
    both.set_op.right_input.CopyFrom(rows)
    staying = _count(session, kept)
    store(session, both, place, "overwrite")
    return staying


def _kept(session: Session, found: Replacement, place: Path, source: Any) -> Any:
    """The rows of the table that match none of a source, by a query of the session that names both.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    from sqlglot import exp

    if parse(f"SELECT {found.condition}").expressions[0].find(exp.Query) is not None:
        raise unsupported("a subquery in REPLACE ON", "Join it into the query of the rows.")
    statement = relations_pb2.Relation()
    statement.CopyFrom(session.statement)
    if not statement.HasField("with_relations"):
        statement.Clear()
        statement.with_relations.root.CopyFrom(session.statement)
    for name, rows in ((KEPT, delta(session.places.text(place))), (GIVEN, source)):
        reference = statement.with_relations.references.add()
        reference.common.plan_id = uuid.uuid4().int >> 66
        reference.subquery_alias.input.CopyFrom(rows)
        reference.subquery_alias.alias = name
    sides = f"{KEPT} AS {quote(found.target)} LEFT ANTI JOIN {GIVEN} AS {quote(found.source or SOURCE)}"
    return session.for_statement(statement).relation(f"SELECT * FROM {sides} ON {found.condition}")


def _count(session: Session, rows: Any) -> int:
    counted = relations_pb2.Relation()
    counted.aggregate.group_type = relations_pb2.Aggregate.GROUP_TYPE_GROUPBY
    counted.aggregate.input.CopyFrom(rows)
    counted.aggregate.aggregate_expressions.add().expression_string.expression = "count(1)"
    found = session.rows(counted)
    return int(found.column(0)[0].as_py())
