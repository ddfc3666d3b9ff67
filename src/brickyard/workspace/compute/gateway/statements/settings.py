"""SET, and statements that are advice to an engine and change no result."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["accepted", "set_value"]


def set_value(cursor: Cursor, session: Session) -> Any:
    """`SET key = value`."""
    cursor.expect("SET")
    key, equals, value = cursor.rest().partition("=")
    key, value = key.strip().strip("`"), value.strip().strip("'\"")
    if not equals:
        raise unsupported("SET without a value", "Use spark.conf.get(key).")
    if key.upper().startswith(("VAR ", "VARIABLE ", "TIME ZONE")):
        raise unsupported(f"SET {key.upper()}", "Use spark.conf.set('spark.sql.session.timeZone', ...) or Python.")
    session.configure(key, value)
    return literals.rows({"key": pa.string(), "value": pa.string()}, [(key, value)])


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
