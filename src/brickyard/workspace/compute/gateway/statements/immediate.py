"""EXECUTE IMMEDIATE: a statement that is a string."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql.connect.proto import base_pb2, relations_pb2

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import parse_error
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, as_engine_reads
from brickyard.workspace.compute.gateway.statements import variables
from brickyard.workspace.compute.gateway.statements.identifiers import spell_out
from brickyard.workspace.compute.gateway.sugar.constants import cell
from brickyard.workspace.compute.gateway.sugar.parameters import bind_markers

__all__ = ["execute"]

Run = Callable[[str, Session], Any]


def execute(cursor: Cursor, session: Session, run: Run) -> Any:
    """`EXECUTE IMMEDIATE text [INTO variables] [USING expression [AS name], ...]`."""
    cursor.expect("EXECUTE", "IMMEDIATE")
    text = variables.evaluate(session, f"SELECT {cursor.until('INTO', 'USING')}")
    statement = text.column(0)[0].as_py() if text is not None else None
    if not isinstance(statement, str):
        raise parse_error("EXECUTE IMMEDIATE needs a string that is not NULL.")
    into: list[str] = []
    while cursor.take(",") if into else cursor.take("INTO"):
        into.append(variables.variable_name(cursor))
    named, positional = _using(cursor, session)
    statement = bind_markers(as_engine_reads(statement), named, positional)
    statement = spell_out(statement, session)
    query = relations_pb2.Relation(sql=relations_pb2.SQL(query=statement))
    inner = session.for_statement(query)
    inner.bindings = inner.bindings.outside()
    answer = run(statement, inner)
    if not into:
        return query if answer is None else answer
    relation = inner.relation(statement) if answer is None else answer
    variables.assign(session, into, session.sail.execute(session.key, base_pb2.Plan(root=relation)))
    return literals.empty()


def _using(cursor: Cursor, session: Session) -> tuple[dict[str, str], list[str]]:
    """The values of the markers, by name and by position."""
    named: dict[str, str] = {}
    positional: list[str] = []
    if not cursor.take("USING"):
        cursor.end()
        return named, positional
    bracket = cursor.take("(")
    while not cursor.done and cursor.peek() != ")":
        expression, name = cursor.until(",", "AS"), ""
        if cursor.take("AS"):
            name = cursor.name()[0]
        value = cell(variables.evaluate(session, f"SELECT {expression}"))
        if name:
            named[name] = value
        else:
            positional.append(value)
        cursor.take(",")
    if bracket:
        cursor.expect(")")
    return named, positional
