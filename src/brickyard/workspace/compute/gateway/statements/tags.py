"""SET TAGS and UNSET TAGS on catalogs, schemas, tables, views, columns and volumes.

Source: https://docs.databricks.com/sql/language-manual/ (sql-ref-syntax-ddl-alter-table, sql-ref-syntax-ddl-set-tag)
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.namespaces import KINDS, full
from brickyard.workspace.compute.gateway.unity import accept

__all__ = ["change", "tag_statement"]

#: What statements call an object, and what the API calls it.
ENTITIES = {"CATALOG": "catalogs", "SCHEMA": "schemas", "DATABASE": "schemas", "TABLE": "tables", "VIEW": "tables"}
ENTITIES |= {"VOLUME": "volumes", "COLUMN": "columns"}
BASE = "/entity-tag-assignments"


def change(cursor: Cursor, session: Session, entity: str, name: str) -> bool:
    """`SET TAGS ('k' = 'v', ...)` or `UNSET TAGS ('k', ...)`, if that is what comes next."""
    if cursor.take("SET", "TAGS"):
        for key, value in _pairs(cursor).items():
            _put(session, entity, name, key, value)
    elif cursor.take("UNSET", "TAGS"):
        for key in _pairs(cursor):
            accept(*session.catalog.call("DELETE", f"{_path(entity, name)}/{quote(key, safe='')}"))
    else:
        return False
    return True


def tag_statement(cursor: Cursor, session: Session) -> Any:
    """`SET TAG ON kind name key [= value]`, `UNSET TAG ON kind name key`."""
    setting = cursor.next().text.upper() == "SET"
    cursor.expect("TAG", "ON")
    kind = cursor.next().text.upper()
    if kind not in ENTITIES:
        raise unsupported(f"tags on {kind}", f"There are tags on {', '.join(ENTITIES)}.")
    name = _full(kind, cursor.name(), session)
    key = _word(cursor)
    value = _word(cursor) if cursor.take("=") else ""
    cursor.end()
    if setting:
        _put(session, ENTITIES[kind], name, key, value)
    else:
        accept(*session.catalog.call("DELETE", f"{_path(ENTITIES[kind], name)}/{quote(key, safe='')}"))
    return literals.empty()


def _full(kind: str, parts: list[str], session: Session) -> str:
    if kind == "COLUMN":
        return f"{session.names.table(parts[:-1]).full}.{parts[-1]}"
    return full(kind, parts, session) if kind in KINDS else session.names.table(parts).full


def _path(entity: str, name: str) -> str:
    return f"{BASE}/{entity}/{quote(name, safe='')}/tags"


def _put(session: Session, entity: str, name: str, key: str, value: str) -> None:
    body = {"entity_type": entity, "entity_name": name, "tag_key": key, "tag_value": value}
    status, wire = session.catalog.call("POST", BASE, body)
    if wire.get("error_code") == "ALREADY_EXISTS":
        path = f"{_path(entity, name)}/{quote(key, safe='')}?update_mask=tag_value"
        status, wire = session.catalog.call("PATCH", path, body)
    accept(status, wire)


def _pairs(cursor: Cursor) -> dict[str, str]:
    """Read `('k' = 'v', 'k')`."""
    found: dict[str, str] = {}
    cursor.expect("(")
    while not cursor.take(")"):
        key = _word(cursor)
        found[key] = _word(cursor) if cursor.take("=") else ""
        cursor.take(",")
    cursor.end()
    return found


def _word(cursor: Cursor) -> str:
    """A string, or a name without quotes."""
    return str(cursor.next().text)
