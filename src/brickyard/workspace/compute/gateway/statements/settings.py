"""SET, and statements that are advice to an engine and change no result."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.redaction import redacted
from brickyard.workspace.compute.gateway.refreshing import refresh, refresh_table
from brickyard.workspace.compute.gateway.session import ZONE, Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import namespaces, tags, variables
from brickyard.workspace.compute.gateway.sugar.bindings import QUALIFIERS

__all__ = ["analyze", "refresh_kept", "reset", "set_value"]

TEXT = pa.string()
#: Names of Databricks SQL for settings of Spark.
_PARAMETERS = {"TIMEZONE": ZONE, "ANSI_MODE": "spark.sql.ansi.enabled"}
PAIR = {"key": TEXT, "value": TEXT}


def set_value(cursor: Cursor, session: Session) -> Any:
    """`SET`, `SET -v`, `SET key`, `SET key = value`, `SET TIME ZONE zone`, `SET VARIABLE name = value`."""
    if cursor.peek(1) == "TAG" and cursor.peek(2) == "ON":
        return tags.tag_statement(cursor, session)
    cursor.expect("SET")
    if cursor.peek() == "CATALOG":
        return namespaces.use(cursor, session, begun=True)
    if cursor.take("VARIABLE") or cursor.take("VAR"):
        return variables.set_variable(cursor, session)
    if cursor.take("TIME", "ZONE"):
        return _configure(session, ZONE, _zone(cursor))
    if cursor.done:
        return literals.rows(PAIR, sorted(redacted(session.settings).items()))
    key, equals, value = cursor.rest().partition("=")
    key, value = key.strip().strip("`"), value.strip()
    if key.lower().startswith("spark.") or key.upper() in _PARAMETERS:  # of others, quotes are a part
        value = value.strip("'\"")
    if key.lower() == "-v":
        rows = [(name, value, "", "") for name, value in sorted(redacted(session.settings).items())]
        return literals.rows({**PAIR, "meaning": TEXT, "Since version": TEXT}, rows)
    if not equals:
        value = session.setting(key) or session.sail.configuration(session.key, key) or "<undefined>"
        return literals.rows(PAIR, list(redacted({key: value}).items()))
    _refuse_names(key, session)
    return _configure(session, _PARAMETERS.get(key.upper(), key), value)


def _refuse_names(key: str, session: Session) -> None:
    """`SET x = 1` gives no variable a value, and `SET PATH = ...` is not there."""
    *before, name = (part.strip("`").lower() for part in key.split("."))
    if tuple(before) in {(), *QUALIFIERS} and name in session.bindings.variables:
        raise SparkError(
            "UNSUPPORTED_FEATURE.SET_VARIABLE_USING_SET",
            f"The feature is not supported: {quote(*before, name)} is a VARIABLE and cannot be updated using the SET "
            f"statement. Use SET VARIABLE {quote(*before, name)} = ... instead.",
            sql_state="0A000",
        )
    if (before, name) == ([], "path"):
        raise SparkError(
            "UNSUPPORTED_FEATURE.SET_PATH_WHEN_DISABLED",
            "The feature is not supported: SET PATH. Use the full names of tables and functions.",
            sql_state="0A000",
        )


def _configure(session: Session, key: str, value: str) -> Any:
    session.configure(key, value)
    return literals.rows(PAIR, [(key, value)])


def _zone(cursor: Cursor) -> str:
    """`'Europe/Madrid'`, `LOCAL`; intervals are written as an offset."""
    if cursor.take("LOCAL"):
        return "UTC"
    if cursor.take("INTERVAL"):
        raise unsupported("SET TIME ZONE INTERVAL", "Write the offset as a string: SET TIME ZONE '+02:00'.")
    return cursor.string()


def reset(cursor: Cursor, session: Session) -> Any:
    """`RESET [key]`: the setting has its first value again."""
    cursor.expect("RESET")
    session.unset(list(session.settings) if cursor.done else [cursor.rest().strip("`")])
    return literals.empty()


def analyze(cursor: Cursor, session: Session) -> Any:
    """`ANALYZE TABLE`, `ANALYZE TABLES`: Sail keeps no statistics that could be stale; the table must exist."""
    cursor.expect("ANALYZE")
    if cursor.take("TABLE"):
        session.need_table(cursor.name())
    elif not cursor.take("TABLES"):
        raise cursor.error("expected TABLE")
    return literals.empty()


def refresh_kept(cursor: Cursor, session: Session) -> Any:
    """`REFRESH TABLE t`, `REFRESH 'path'`, `REFRESH FUNCTION f`."""
    cursor.expect("REFRESH")
    if cursor.take("TABLE"):
        refresh_table(session, cursor.name())
    elif not cursor.take("FUNCTION"):
        path = cursor.string() if cursor.at_string else cursor.rest()
        refresh(session, session.places.mapper.to_local(path))
    return literals.empty()
