"""EXECUTE IMMEDIATE: a statement that is a string."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql.connect.proto import base_pb2, relations_pb2

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.engine_text import as_engine_reads
from brickyard.workspace.compute.gateway.errors import ANALYSIS, PARSE, SparkError, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import variables
from brickyard.workspace.compute.gateway.statements.identifiers import spell_out
from brickyard.workspace.compute.gateway.sugar.constants import cell, typed
from brickyard.workspace.compute.gateway.sugar.parameters import bind_markers, markers

__all__ = ["execute"]

STATES = {
    "ALL_PARAMETERS_MUST_BE_NAMED": "07001",
    "EXEC_IMMEDIATE_DUPLICATE_ARGUMENT_ALIASES": "42701",
    "INVALID_EXPR_TYPE_FOR_QUERY_EXECUTE_IMMEDIATE": "42K09",
    "INVALID_QUERY_MIXED_QUERY_PARAMETERS": "42613",
    "INVALID_STATEMENT_FOR_EXECUTE_INTO": "07501",
    "NULL_QUERY_STRING_EXECUTE_IMMEDIATE": "22004",
    "UNSUPPORTED_EXPR_FOR_PARAMETER": "42K0E",
}
Run = Callable[[str, Session], Any]


#: What a query begins with.
QUERIES = frozenset({"SELECT", "WITH", "FROM", "VALUES", "TABLE", "(", "MAP", "REDUCE"})


def execute(cursor: Cursor, session: Session, run: Run) -> Any:
    """`EXECUTE IMMEDIATE text [INTO variables] [USING expression [AS name], ...]`."""
    cursor.expect("EXECUTE", "IMMEDIATE")
    written = _statement(cursor.until("INTO", "USING"), session)
    into: list[str] = []
    while cursor.take(",") if into else cursor.take("INTO"):
        into.append(variables.variable_name(cursor))
    if into and Cursor(written).peek() not in QUERIES:
        raise _wrong("INVALID_STATEMENT_FOR_EXECUTE_INTO", f"The INTO clause is only valid for queries: {written}.")
    statement = as_engine_reads(written)
    statement = bind_markers(statement, *_by_marker(statement, _using(cursor, session)))
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


def _statement(expression: str, session: Session) -> str:
    """The text of the statement."""
    _need_constant(expression)
    found = variables.evaluate(session, f"SELECT {expression}")
    text = found.column(0)[0].as_py() if found is not None else None
    if text is None:
        raise _wrong(
            "NULL_QUERY_STRING_EXECUTE_IMMEDIATE", f"EXECUTE IMMEDIATE needs a text, but {expression} is NULL."
        )
    if not isinstance(text, str):
        what = f"{expression} is of the type {found.schema.field(0).type}"
        raise _wrong("INVALID_EXPR_TYPE_FOR_QUERY_EXECUTE_IMMEDIATE", f"EXECUTE IMMEDIATE needs a STRING, but {what}.")
    return text


def _by_marker(statement: str, given: list[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """The values of the markers, by name and by position: a statement has markers of one kind."""
    by_name, by_position = markers(statement)
    if by_name and by_position:
        raise _wrong("INVALID_QUERY_MIXED_QUERY_PARAMETERS", "Use either markers with names or `?`, not both.")
    if not by_name:
        return {}, [value for _, value in given]
    if unnamed := [value for name, value in given if not name]:
        what = f"Give a name to {', '.join(unnamed)}: USING {unnamed[0]} AS name."
        raise _wrong("ALL_PARAMETERS_MUST_BE_NAMED", f"All arguments of a statement with names must have names. {what}")
    names = [name for name, _ in given]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _wrong(
            "EXEC_IMMEDIATE_DUPLICATE_ARGUMENT_ALIASES", f"The USING clause has the name {quote(twice)} twice."
        )
    return dict(given), []


def _using(cursor: Cursor, session: Session) -> list[tuple[str, str]]:
    """The arguments: their names, which are those of variables where none is given, and their values."""
    given: list[tuple[str, str]] = []
    if not cursor.take("USING"):
        cursor.end()
        return given
    bracket = cursor.peek(1) not in QUERIES and cursor.take("(")
    while not cursor.done and cursor.peek() != ")":
        expression = cursor.until(",", "AS")
        _need_constant(expression)
        name = expression.strip("`") if expression.strip("`").lower() in session.bindings.variables else ""
        if cursor.take("AS"):
            name = cursor.name()[0]
        relation = session.relation(f"SELECT {expression}")
        kind = session.fields(relation)[0][1]
        if kind.startswith(("interval year", "interval month")):  # which pyarrow cannot read
            raise unsupported(f"an argument of the type {kind.upper()}", "Use a STRING, and CAST it in the statement.")
        given.append((name, typed(kind, cell(session.rows(relation)))))
        cursor.take(",")
    if bracket:
        cursor.expect(")")
    return given


def _need_constant(expression: str) -> None:
    if Cursor(expression).peek() == "(" and Cursor(expression).peek(1) in QUERIES - {"("}:
        raise _wrong("UNSUPPORTED_EXPR_FOR_PARAMETER", f"A query parameter cannot be a subquery: {expression}.")


def _wrong(condition: str, message: str) -> SparkError:
    kind = PARSE if condition == "EXEC_IMMEDIATE_DUPLICATE_ARGUMENT_ALIASES" else ANALYSIS
    return SparkError(condition, message, kind=kind, sql_state=STATES[condition])
