"""Session variables: DECLARE, SET VARIABLE, DROP TEMPORARY VARIABLE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import PARSE, SparkError
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, read
from brickyard.workspace.compute.gateway.sugar.bindings import Variable
from brickyard.workspace.compute.gateway.sugar.constants import cell

__all__ = ["already_declared", "assign", "check_arity", "declare", "drop_variable", "evaluate", "need_unique"]
__all__ += ["read_declaration"]
__all__ += ["read_assignments", "set_variable", "unresolved", "variable_name"]

Name = TypeVar("Name")


def evaluate(session: Session, query: str) -> Any:
    """The rows of a query, as an Arrow table or None."""
    return session.sail.execute(session.key, base_pb2.Plan(root=session.relation(query)))


def declare(cursor: Cursor, session: Session) -> Any:
    """`DECLARE [OR REPLACE] [VARIABLE] name [, ...] [type] [DEFAULT | = expression]`."""
    cursor.expect("DECLARE")
    replace = cursor.take("OR", "REPLACE")
    names, variable = read_declaration(cursor, session)
    for name in names:
        if name in session.bindings.variables and not replace:
            raise already_declared("system", "session", name)
        session.bindings.variables[name] = variable
    return literals.empty()


def read_declaration(cursor: Cursor, session: Session) -> tuple[list[str], Variable]:
    """The names and the first value, after DECLARE [OR REPLACE]."""
    _ = cursor.take("VARIABLE") or cursor.take("VAR")
    names = [variable_name(cursor)]
    while cursor.take(","):
        names.append(variable_name(cursor))
    start = cursor.position
    while not cursor.done and cursor.peek() not in {"DEFAULT", "="}:
        cursor.next()
    kind = cursor.since(start)
    twice = next((name for at, name in enumerate(names) if name in names[:at]), "")
    if twice:
        raise SparkError(
            "DUPLICATE_VARIABLE_NAME_INSIDE_DECLARE",
            f"Found duplicate variable {quote(twice)} in the declare variable list. Remove one of them.",
            sql_state="42734",
        )
    if not kind and cursor.done:
        raise SparkError(
            "INVALID_SQL_SYNTAX.VARIABLE_TYPE_OR_DEFAULT_REQUIRED",
            "Invalid SQL syntax: The definition of a SQL variable requires either a datatype or a DEFAULT clause.",
            kind=PARSE,
            sql_state="42000",
        )
    value = cursor.rest() if cursor.take("DEFAULT") or cursor.take("=") else "NULL"
    _need_no_query(names, value)
    if not kind:
        kind = session.sail.schema(session.key, session.relation(f"SELECT {value}")).fields[0].dataType.simpleString()
    text = cell(evaluate(session, f"SELECT CAST(({value}) AS {kind})"))
    return names, Variable(kind, text, text)


def _need_no_query(names: Sequence[str], value: str) -> None:
    """A first value reads no tables.

    Raises:
        SparkError: INVALID_DEFAULT_VALUE.SUBQUERY_EXPRESSION.
    """
    from sqlglot import exp

    if list(read(f"SELECT {value}").find_all(exp.Query))[1:]:
        raise SparkError(
            "INVALID_DEFAULT_VALUE.SUBQUERY_EXPRESSION",
            f"Failed to execute DECLARE VARIABLE command because the destination column or variable {quote(names[0])} "
            f"has a DEFAULT value {value}, which contains subquery expressions. Use SET VARIABLE afterwards.",
            sql_state="42623",
        )


def already_declared(*name: str) -> SparkError:
    """A variable of that name is there."""
    return SparkError(
        "VARIABLE_ALREADY_EXISTS",
        f"Cannot create the variable {quote(*name)} because it already exists. Choose a different name, or drop or "
        "replace the existing variable.",
        sql_state="42723",
    )


def variable_name(cursor: Cursor) -> str:
    """Read `[[system.]session.]name`."""
    parts = [part.lower() for part in cursor.name()]
    if parts[:-1] not in ([], ["session"], ["system", "session"]):
        raise SparkError("UNRESOLVED_VARIABLE", f"Variables live in system.session, not in {quote(*parts[:-1])}.")
    return parts[-1]


def set_variable(cursor: Cursor, session: Session) -> Any:
    """`name = expression [, ...]` or `(names) = (query)`, after SET VARIABLE."""
    names, values, query = read_assignments(cursor, variable_name)
    if query is not None:
        assign(session, names, evaluate(session, query))
        return literals.empty()
    need_unique(names)
    found: dict[str, Variable] = {}  # all values are of the variables before the statement
    for name, value in zip(names, values, strict=True):
        variable = _variable(session, name)
        value = variable.default if value.upper() == "DEFAULT" else value
        text = cell(evaluate(session, f"SELECT CAST(({value}) AS {variable.kind})"))
        found[name] = Variable(variable.kind, text, variable.default)
    session.bindings.variables.update(found)
    return literals.empty()


def need_unique(names: Sequence[Any]) -> None:
    """No variable is given a value twice by one statement.

    Raises:
        SparkError: DUPLICATE_ASSIGNMENTS.
    """
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        name = quote(twice[0]) if isinstance(twice[0], str) else quote(*twice[0])
        raise SparkError(
            "DUPLICATE_ASSIGNMENTS",
            f"The columns or variables {name} appear more than once as assignment targets.",
            sql_state="42701",
        )


def read_assignments(cursor: Cursor, read_name: Callable[[Cursor], Name]) -> tuple[list[Name], list[str], str | None]:
    """Read `name = expression [, ...]` or `(names) = (query)`: the names, and their values or the query."""
    if not cursor.take("("):
        names: list[Name] = []
        values: list[str] = []
        while not names or cursor.take(","):
            names.append(read_name(cursor))
            cursor.expect("=")
            values.append(cursor.until(","))
        cursor.end()
        return names, values, None
    names = [read_name(cursor)]
    while cursor.take(","):
        names.append(read_name(cursor))
    cursor.expect(")", "=", "(")
    query = cursor.until()
    cursor.expect(")")
    cursor.end()
    return names, [], query


def assign(session: Session, names: list[str], table: Any) -> None:
    """Give variables the columns of a query of at most one row; without a row they become NULL.

    Raises:
        SparkError: ROW_SUBQUERY_TOO_MANY_ROWS, ASSIGNMENT_ARITY_MISMATCH, DUPLICATE_ASSIGNMENTS.
    """
    need_unique(names)
    check_arity(names, table)
    for at, name in enumerate(names):
        variable = _variable(session, name)
        text = cell(evaluate(session, f"SELECT CAST({cell(table, at)} AS {variable.kind})"))
        session.bindings.variables[name] = Variable(variable.kind, text, variable.default)


def check_arity(names: Sequence[Any], table: Any) -> None:
    """A query that gives variables their values has a column for each, and not two rows."""
    if table is not None and table.num_columns != len(names):
        raise SparkError(
            "ASSIGNMENT_ARITY_MISMATCH",
            f"The number of columns or variables assigned or aliased: {len(names)} does not match the number of source "
            f"expressions: {table.num_columns}.",
            sql_state="42802",
        )
    if table is not None and table.num_rows > 1:
        raise SparkError("ROW_SUBQUERY_TOO_MANY_ROWS", "More than one row returned by a subquery used as a row.")


def _variable(session: Session, name: str) -> Variable:
    if name not in session.bindings.variables:
        raise unresolved(name)
    return session.bindings.variables[name]


def unresolved(name: str) -> SparkError:
    """There is no variable of that name."""
    return SparkError(
        "UNRESOLVED_VARIABLE",
        f"Cannot resolve variable {quote(name)} on search path [`system`.`session`]. Use DECLARE VARIABLE first.",
        sql_state="42883",
    )


def drop_variable(cursor: Cursor, session: Session) -> Any:
    """`DROP TEMPORARY VARIABLE [IF EXISTS] name`, after TEMPORARY VARIABLE."""
    missing_ok = cursor.take("IF", "EXISTS")
    name = variable_name(cursor)
    cursor.end()
    if session.bindings.variables.pop(name, None) is None and not missing_ok:
        raise SparkError(
            "VARIABLE_NOT_FOUND",
            f"The variable {quote('system', 'session', name)} cannot be found. Verify the spelling, or use "
            "DROP VARIABLE IF EXISTS.",
            sql_state="42883",
        )
    return literals.empty()
