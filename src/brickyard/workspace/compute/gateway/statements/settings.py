"""SET, and statements that are advice to an engine and change no result."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import namespaces, tags, variables

__all__ = ["accepted", "reset", "set_value"]

TEXT = pa.string()
#: Names of Databricks SQL for settings of Spark.
_PARAMETERS = {"TIMEZONE": "spark.sql.session.timeZone", "ANSI_MODE": "spark.sql.ansi.enabled"}
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
        return _configure(session, "spark.sql.session.timeZone", _zone(cursor))
    if cursor.done:
        return literals.rows(PAIR, sorted(session.settings.items()))
    key, equals, value = cursor.rest().partition("=")
    key, value = key.strip().strip("`"), value.strip().strip("'\"")
    if key.lower() == "-v":
        rows = [(name, value, "", "") for name, value in sorted(session.settings.items())]
        return literals.rows({**PAIR, "meaning": TEXT, "Since version": TEXT}, rows)
    if not equals:
        return literals.rows(PAIR, [(key, session.setting(key) or _engines(session, key))])
    return _configure(session, _PARAMETERS.get(key.upper(), key), value)


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


def _engines(session: Session, key: str) -> str:
    """The engine's own value of a setting."""
    request = base_pb2.ConfigRequest(session_id=session.key.session_id)
    request.user_context.user_id = session.key.user_id
    request.operation.get_option.keys.append(key)
    answer = base_pb2.ConfigResponse.FromString(session.sail.unary("Config")(request.SerializeToString()))
    values = [pair.value for pair in answer.pairs if pair.HasField("value")]
    return values[0] if values else "<undefined>"


def reset(cursor: Cursor, session: Session) -> Any:
    """`RESET [key]`: the setting has its first value again."""
    cursor.expect("RESET")
    keys = [cursor.rest().strip("`")] if not cursor.done else list(session.settings)
    request = base_pb2.ConfigRequest(session_id=session.key.session_id)
    request.user_context.user_id = session.key.user_id
    request.operation.unset.keys.extend(keys)
    session.sail.unary("Config")(request.SerializeToString())
    for key in keys:
        session.settings.pop(key.lower(), None)
    return literals.empty()


def accepted(cursor: Cursor, session: Session) -> Any:
    """UNCACHE, REFRESH, ANALYZE: Sail keeps neither caches nor statistics that could be stale; the table must exist."""
    word = cursor.next().text.upper()
    if cursor.take("TABLE"):
        missing_ok = cursor.take("IF", "EXISTS")
        parts = cursor.name()
        if not missing_ok:
            session.need_table(parts)
    elif word == "ANALYZE" and not cursor.take("TABLES"):
        raise cursor.error("expected TABLE")
    return literals.empty()
