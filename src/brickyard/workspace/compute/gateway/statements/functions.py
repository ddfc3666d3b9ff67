"""CREATE, DROP, DESCRIBE and SHOW FUNCTION."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import SparkError, parse_error, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.patterns import matches
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import function_checks
from brickyard.workspace.compute.gateway.sugar.bindings import Bindings
from brickyard.workspace.compute.gateway.sugar.routines import Parameter, Routine

__all__ = ["create_function", "describe_function", "drop_function", "show_functions"]

#: What stands around the source of a Python function.
SOURCE = "$$"


def create_function(cursor: Cursor, session: Session, *, replace: bool, temporary: bool) -> Any:
    """`[IF NOT EXISTS] name (parameters) [RETURNS type] ... RETURN body`, after FUNCTION."""
    exists_ok = cursor.take("IF", "NOT", "EXISTS")
    parts = cursor.name()
    if temporary and len(parts) != 1:
        raise SparkError("INVALID_TEMP_OBJ_REFERENCE", "A temporary function has a name of one part.")
    name = (parts[0].lower(),) if temporary else _full(parts, session)
    routine, reads = _definition(cursor, name)
    function_checks.check(routine, session, reads=reads)
    if not routine.python:
        routine = _checked(routine, session)
    functions = session.bindings.functions
    if functions.find(name) is not None and not replace:
        if exists_ok:
            return literals.empty()
        raise SparkError(
            "ROUTINE_ALREADY_EXISTS",
            f"Cannot create the function {quote(*name)} because a routine of that name already exists. Choose another "
            "name, drop it, or use IF NOT EXISTS or OR REPLACE.",
            sql_state="42723",
        )
    functions.create(routine)
    return literals.empty()


def _full(parts: list[str], session: Session) -> tuple[str, ...]:
    name = session.names.table(parts)
    return name.catalog, name.schema, name.name


def _definition(cursor: Cursor, name: tuple[str, ...]) -> tuple[Routine, bool]:
    """The function, and whether it may read tables."""
    parameters = _parameters(cursor)
    returns, columns, reads = "", None, True
    found: dict[str, Any] = {}
    while not cursor.done:
        if cursor.take("RETURNS", "TABLE"):
            columns = _returned(cursor) if cursor.peek() == "(" else ()
        elif cursor.take("RETURNS"):
            returns = _kind(cursor)
        elif cursor.take("LANGUAGE"):
            found["python"] = _language(cursor)
        elif cursor.take("COMMENT"):
            found["comment"] = cursor.string()
        elif cursor.take("NOT", "DETERMINISTIC"):
            found["deterministic"] = False
        elif cursor.take("RETURN"):
            return Routine(name, parameters, returns, columns, cursor.rest(), **found), reads
        elif cursor.take("CONTAINS", "SQL"):
            reads = False
        elif not (cursor.take("DETERMINISTIC") or cursor.take("READS", "SQL", "DATA")):
            break
    source = cursor.next().text if cursor.take("AS") and cursor.peek().startswith(SOURCE) else None
    cursor.end()
    if not found.get("python") or source is None:
        raise parse_error("A SQL function needs RETURN and its body; a Python function AS $$ source $$.")
    if columns is not None or not returns:
        raise unsupported("Python functions that return a table", "Return an ARRAY of STRUCT, and use inline().")
    return Routine(name, parameters, returns, columns, source, **found), reads


def _language(cursor: Cursor) -> bool:
    word = cursor.next().text.upper()
    if word not in {"SQL", "PYTHON"}:
        raise unsupported(f"functions in {word}", "Write them in SQL or Python.")
    return word == "PYTHON"


def _returned(cursor: Cursor) -> tuple[Parameter, ...]:
    """Read the columns of a table that is returned."""
    columns = _parameters(cursor)
    if not columns or any(one.default is not None for one in columns):
        raise parse_error("RETURNS TABLE (...) needs columns, which have names and types, and no defaults.")
    return columns


def _parameters(cursor: Cursor) -> tuple[Parameter, ...]:
    """Read `(name type [DEFAULT expression] [COMMENT 'text'], ...)`."""
    cursor.expect("(")
    found: list[Parameter] = []
    while not cursor.take(")"):
        if found:
            cursor.expect(",")
        name, kind = cursor.name()[0], _kind(cursor)
        if cursor.take("NOT", "NULL"):
            raise function_checks.not_null()
        default = cursor.until(",", "COMMENT") if cursor.take("DEFAULT") or cursor.take("=") else None
        found.append(Parameter(name, kind, default, cursor.string() if cursor.take("COMMENT") else None))
    return tuple(found)


WORDS = {"DEFAULT", "=", "COMMENT", "LANGUAGE", "RETURN", "NOT", "DETERMINISTIC", "CONTAINS", "READS", "AS"}


def _kind(cursor: Cursor) -> str:
    """A type: the text up to a comma, a closing bracket or one of the words, outside brackets, `<` among them."""
    start, depth = cursor.position, 0
    while not cursor.done and not (depth == 0 and cursor.peek() in {*WORDS, ",", ")"}):
        text = cursor.next().text
        depth += (text in {"(", "<"}) - (text in {")", ">"}) - 2 * (text == ">>")
    if start == cursor.position:
        raise cursor.error("expected a type")
    return cursor.since(start)


def _checked(routine: Routine, session: Session) -> Routine:
    """The function, whose body the engine can resolve; with the type that it gives."""
    if routine.columns:
        function_checks.check_columns(routine, len(_schema(dataclasses.replace(routine, columns=()), session)))
    schema = _schema(routine, session)
    if routine.is_table or routine.returns:
        return routine
    kind = schema.fields[0].dataType.simpleString()
    return Routine(routine.name, routine.parameters, kind, None, routine.body, False, routine.comment)


def _schema(routine: Routine, session: Session) -> Any:
    """What a call gives that leaves the defaults to the function."""
    arguments = ", ".join(f"CAST(NULL AS {one.kind})" for one in routine.parameters if one.default is None)
    asking = copy.copy(session)
    if len(routine.name) > 1:
        asking.bindings = Bindings(functions=session.bindings.functions)  # without the session's variables
    with session.bindings.functions.trying(routine):
        call = f"{quote(*routine.name)}({arguments})"
        query = f"SELECT * FROM {call}" if routine.is_table else f"SELECT {call}"
        return session.sail.schema(session.key, asking.relation(query))


def drop_function(cursor: Cursor, session: Session, *, temporary: bool) -> Any:
    """`[IF EXISTS] name`, after DROP FUNCTION."""
    missing_ok = cursor.take("IF", "EXISTS")
    parts = cursor.name()
    cursor.end()
    functions = session.bindings.functions
    name = tuple(part.lower() for part in parts)
    if not (temporary or name in functions.temporary):
        name = _full(parts, session)
    if functions.find(name) is None:
        if missing_ok:
            return literals.empty()
        raise missing(".".join(parts))
    functions.drop(name)
    return literals.empty()


def missing(name: str) -> SparkError:
    """The function does not exist."""
    return SparkError(
        "ROUTINE_NOT_FOUND",
        f"The routine {quote(*name.split('.'))} cannot be found. Verify the spelling and correctness of the schema and "
        "catalog, or use IF EXISTS.",
        sql_state="42883",
    )


def describe_function(cursor: Cursor, session: Session) -> Any:
    """`[EXTENDED] name`, after DESCRIBE FUNCTION."""
    extended = cursor.take("EXTENDED")
    parts = [cursor.string()] if cursor.at_string else cursor.name()
    routine = session.bindings.functions.find(parts)
    if routine is None:
        name = parts[-1].replace("`", "")
        found = session.sail.query(session.key, f"DESCRIBE FUNCTION {'EXTENDED ' * extended}`{name}`")
        if found is None:
            raise missing(".".join(parts))
        return literals.table(found)
    rows = [("Function:", routine.full_name), ("Type:", "TABLE" if routine.is_table else "SCALAR")]
    for at, one in enumerate(routine.parameters):
        rows.append(("Input:" if at == 0 else "", f"{one.name} {one.kind.upper()}"))
    rows.append(("Returns:", routine.returns.upper()))
    if extended:
        rows += [("Comment:", routine.comment or ""), ("Deterministic:", str(routine.deterministic).lower())]
        rows += [("Language:", "PYTHON" if routine.python else "SQL"), ("Body:", routine.body)]
    return literals.rows({"function_desc": pa.string()}, [(f"{key:<15}{text}".rstrip(),) for key, text in rows])


def show_functions(cursor: Cursor, session: Session) -> Any:
    """`[USER | SYSTEM | ALL] FUNCTIONS [IN schema] [[LIKE] pattern]`, after SHOW."""
    which = next((word for word in ("USER", "SYSTEM", "ALL") if cursor.take(word)), "ALL")
    cursor.expect("FUNCTIONS")
    names = session.names
    catalog, schema = names.catalog, names.schema
    if cursor.take("IN") or cursor.take("FROM"):
        catalog, schema = names.namespace(cursor.name())
    cursor.take("LIKE")
    pattern = "*" if cursor.done else cursor.string_or_name()
    found = set(session.bindings.functions.names(catalog, schema)) if which != "SYSTEM" else set()
    found |= set(session.bindings.functions.builtins()) if which != "USER" else set()
    rows = [(name,) for name in sorted(found) if matches(name.split(".")[-1], pattern)]
    return literals.rows({"function": pa.string()}, rows)
