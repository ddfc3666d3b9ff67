"""INSERT: by position with the casts of Spark's store assignment, or by name."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals, overwrites
from brickyard.workspace.compute.gateway.alignment import assign
from brickyard.workspace.compute.gateway.commits import commits_since, latest
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.statements.describe import target

__all__ = ["insert", "insert_with"]


def insert_with(cursor: Cursor, session: Session) -> Any:
    """A statement that starts with WITH: a query (for Sail), or an INSERT."""
    from sqlglot import exp

    tree = parse(cursor.sql)
    if isinstance(tree, exp.Query):
        return None
    if not isinstance(tree, exp.Insert):
        raise unsupported("WITH before this statement", "Put the query into a temporary view.")
    while cursor.peek() != "INSERT":
        cursor.next()
    prefix = cursor.sql[: cursor.tokens[cursor.position].start]
    return insert(cursor, session, prefix)


def insert(cursor: Cursor, session: Session, prefix: str = "") -> Any:
    """`INSERT INTO | OVERWRITE [TABLE] t [(columns)] [BY NAME] query`."""
    cursor.expect("INSERT")
    overwrite = cursor.take("OVERWRITE")
    if not overwrite:
        cursor.expect("INTO")
    cursor.take("TABLE")
    place, _ = target(cursor, session, write=True)
    if cursor.peek() in {"PARTITION", "REPLACE"}:
        raise unsupported(
            f"INSERT ... {cursor.peek()}", "Give all columns in the query; use replaceWhere to overwrite a part."
        )
    overwrites.check(session, place if overwrite else None, {})
    columns = _columns(cursor)
    by_name = cursor.take("BY", "NAME")
    source = session.relation(prefix + cursor.rest())
    rows = assign(session, source, place, columns, by_name=by_name)
    before = latest(place)
    session.write(rows, place, "overwrite" if overwrite else "append")
    written = [metrics for operation, metrics in commits_since(place, before) if operation == "WRITE"]
    count = int(written[0].get("numOutputRows", 0)) if written else 0
    return literals.rows({"num_affected_rows": pa.int64(), "num_inserted_rows": pa.int64()}, [(count, count)])


def _columns(cursor: Cursor) -> list[str] | None:
    """Read `(a, b)`; brackets around a query are not a column list."""
    if cursor.peek() != "(" or cursor.peek(1) in {"SELECT", "WITH", "VALUES", "(", "FROM"}:
        return None
    return cursor.names()
