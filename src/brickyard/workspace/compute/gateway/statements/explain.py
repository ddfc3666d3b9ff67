"""EXPLAIN: the engine's plan of a query."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["explain"]

MODES = ("EXTENDED", "FORMATTED", "COST", "CODEGEN")


def explain(cursor: Cursor, session: Session) -> Any:
    """`EXPLAIN [EXTENDED | FORMATTED | COST | CODEGEN] query`: one row with one column, `plan`."""
    cursor.expect("EXPLAIN")
    mode = next((word for word in MODES if cursor.take(word)), "")
    if cursor.peek() not in {"SELECT", "WITH", "FROM", "VALUES", "TABLE", "("}:
        raise unsupported(f"EXPLAIN of {cursor.peek()}", "Explain the query in the statement.")
    query = session.rewriter().rewrite_query(cursor.rest())
    plan = base_pb2.Plan(root=session.with_text(f"EXPLAIN {mode} {query}"))
    found = session.sail.execute(session.key, plan)
    return literals.empty() if found is None else literals.table(found)
