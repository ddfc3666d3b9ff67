"""ALTER of catalogs, schemas and volumes."""

from __future__ import annotations

from urllib.parse import quote

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import tags
from brickyard.workspace.compute.gateway.statements.namespaces import KINDS, full, read_properties
from brickyard.workspace.compute.gateway.unity import accept

__all__ = ["alter", "principal", "takes_owner"]


def alter(cursor: Cursor, session: Session) -> None:
    """`ALTER SCHEMA | CATALOG | VOLUME name` with an owner, a name, tags, properties or an optimization."""
    kind = cursor.next().text.upper()
    name = full(kind, cursor.name(), session)
    if tags.change(cursor, session, tags.ENTITIES.get(kind, KINDS[kind]), name):
        return
    body = _change(cursor, session, kind, name)
    cursor.end()
    session.catalog.change(KINDS[kind], name, body)


def _change(cursor: Cursor, session: Session, kind: str, name: str) -> dict[str, object]:
    if takes_owner(cursor):
        return {"owner": principal(cursor)}
    if kind == "VOLUME" and cursor.take("RENAME", "TO"):
        return {"new_name": cursor.name()[-1]}
    if kind != "VOLUME" and (cursor.take("SET", "DBPROPERTIES") or cursor.take("SET", "PROPERTIES")):
        there = accept(*session.catalog.call("GET", f"/{KINDS[kind]}/{quote(name)}")).get("properties") or {}
        return {"properties": {**there, **read_properties(cursor)}}
    for word in ("ENABLE", "DISABLE", "INHERIT"):
        if kind != "VOLUME" and cursor.take(word, "PREDICTIVE", "OPTIMIZATION"):
            return {"enable_predictive_optimization": word}
    raise unsupported(f"ALTER {kind} ... {cursor.peek()} {cursor.peek(1)}", "Use the workspace's API.")


def takes_owner(cursor: Cursor) -> bool:
    """Read `[SET] OWNER TO`, if that is what comes next."""
    return cursor.take("SET", "OWNER", "TO") or cursor.take("OWNER", "TO")


def principal(cursor: Cursor) -> str:
    """Read the name of a user, service principal or group."""
    return str(cursor.next().text)
