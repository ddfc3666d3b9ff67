"""Functions in `spark.catalog`: those of the engine, of the session and of the workspace's catalog."""

from __future__ import annotations

import fnmatch
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.sugar.routines import Routine

__all__ = ["function_exists", "get_function", "list_functions"]

TEXT, FLAG = pa.string(), pa.bool_()
FUNCTION = {
    "name": TEXT,
    "catalog": TEXT,
    "namespace": pa.list_(TEXT),
    "description": TEXT,
    "className": TEXT,
    "isTemporary": FLAG,
}
Row = tuple[Any, ...]


def function_exists(call: Any, session: Session) -> Any:
    """`spark.catalog.functionExists`."""
    return {"value": FLAG}, [(_found(call, session) is not None,)]


def get_function(call: Any, session: Session) -> Any:
    """`spark.catalog.getFunction`.

    Raises:
        SparkError: UNRESOLVED_ROUTINE.
    """
    row = _found(call, session)
    if row is None:
        text = f"Cannot resolve routine `{call.function_name}`. Verify the spelling, and the schema and catalog."
        raise SparkError("UNRESOLVED_ROUTINE", text, sql_state="42883")
    return FUNCTION, [row]


def list_functions(call: Any, session: Session) -> Any:
    """`spark.catalog.listFunctions`: of a schema, and the engine's own."""
    names = session.names
    catalog, schema = names.catalog, names.schema
    if call.HasField("db_name"):
        catalog, schema = names.namespace(Cursor(call.db_name).name())
        session.catalog.need_schema(catalog, schema)
    functions = session.bindings.functions
    found = [_row(name) for name in sorted(functions.builtins())]
    found += [_named(name.split("."), catalog, schema) for name in functions.names(catalog, schema)]
    pattern = call.pattern if call.HasField("pattern") else "*"
    return FUNCTION, [row for row in found if fnmatch.fnmatchcase(row[0], pattern)]


def _found(call: Any, session: Session) -> Row | None:
    parts = Cursor(call.function_name).name()
    if call.HasField("db_name"):
        parts = [*Cursor(call.db_name).name(), *parts]
    functions = session.bindings.functions
    if len(parts) == 1 and (parts[0].lower() in functions.builtins() or functions.registered(parts[0])):
        return _row(parts[0].lower())
    routine = functions.find(parts)
    return None if routine is None else _of(routine)


def _of(routine: Routine) -> Row:
    if len(routine.name) == 1:
        return _row(routine.name[0], routine.comment)
    catalog, schema, name = routine.name
    return (name, catalog, [schema], routine.comment, "", False)


def _named(parts: list[str], catalog: str, schema: str) -> Row:
    return _row(parts[0]) if len(parts) == 1 else (parts[-1], catalog, [schema], None, "", False)


def _row(name: str, description: str | None = None) -> Row:
    """A function of no schema."""
    return (name, None, None, description, "", True)
