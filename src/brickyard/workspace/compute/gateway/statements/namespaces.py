"""USE, and creating and dropping catalogs, schemas and volumes."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import not_found, unsupported
from brickyard.workspace.compute.gateway.names import HIVE, TableName, check
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["create_namespace", "drop_namespace", "full", "read_properties", "use", "use_catalog", "use_schema"]

KINDS = {"CATALOG": "catalogs", "SCHEMA": "schemas", "DATABASE": "schemas", "NAMESPACE": "schemas", "VOLUME": "volumes"}


def use(cursor: Cursor, session: Session, *, begun: bool = False) -> Any:
    """`USE | SET CATALOG c`, `USE [SCHEMA] s`, `USE c.s`; `begun` where the first word is read."""
    if not begun:
        cursor.expect("USE")
    if cursor.take("CATALOG"):
        use_catalog(_string_or_name(cursor)[0], session)
    else:
        _ = cursor.take("SCHEMA") or cursor.take("DATABASE") or cursor.take("NAMESPACE")
        use_schema(_string_or_name(cursor), session)
    cursor.end()
    return literals.empty()


def _string_or_name(cursor: Cursor) -> list[str]:
    return [cursor.string()] if cursor.at_string else cursor.name()


def use_catalog(catalog: str, session: Session) -> None:
    """Make a catalog current, and its `default` schema."""
    name = session.names.catalog_of(catalog)
    if not session.catalog.has_catalog(name):
        raise not_found("catalog", f"`{name}`")
    session.names.catalog, session.names.schema = name, "default"


def use_schema(parts: list[str], session: Session) -> None:
    """Make a schema current; two parts change the catalog too."""
    catalog, schema = session.names.namespace(parts)
    session.catalog.need_schema(catalog, schema)
    session.names.catalog, session.names.schema = catalog, schema


def create_namespace(cursor: Cursor, session: Session, *, external: bool = False) -> Any:
    """`CREATE CATALOG | SCHEMA | [EXTERNAL] VOLUME [IF NOT EXISTS] name` with a comment, a place and properties."""
    kind = cursor.next().text.upper()
    exists_ok = cursor.take("IF", "NOT", "EXISTS")
    parts = cursor.name()
    body = _body(kind, parts, session)
    body |= _clauses(cursor, kind, external=external, legacy=body.get("catalog_name") == HIVE)
    session.catalog.create(KINDS[kind], body, exists_ok=exists_ok)
    return literals.empty()


def _clauses(cursor: Cursor, kind: str, *, external: bool, legacy: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while not cursor.done:
        if cursor.take("COMMENT"):
            found["comment"] = cursor.string()
        elif kind != "VOLUME" and (cursor.take("MANAGED", "LOCATION") or (legacy and cursor.take("LOCATION"))):
            found["storage_root"] = cursor.string()
        elif external and cursor.take("LOCATION"):
            found |= {"storage_location": cursor.string(), "volume_type": "EXTERNAL"}
        elif kind != "VOLUME" and (cursor.take("WITH", "DBPROPERTIES") or cursor.take("DBPROPERTIES")):
            found["properties"] = read_properties(cursor)
        elif kind == "CATALOG" and cursor.take("OPTIONS"):
            found["options"] = read_properties(cursor)
        else:
            raise unsupported(f"{cursor.peek()} when creating a catalog, schema or volume", "Leave the clause out.")
    return found


def read_properties(cursor: Cursor) -> dict[str, str]:
    """Read `('key' = 'value', key.b = 1)`."""
    found: dict[str, str] = {}
    cursor.expect("(")
    while not cursor.take(")"):
        key = cursor.string_or_name()
        cursor.take("=")  # Spark reads it without, too
        found[key] = str(cursor.next().text)
        cursor.take(",")
    return found


def _body(kind: str, parts: list[str], session: Session) -> dict[str, Any]:
    if kind == "CATALOG":
        return {"name": check(".".join(parts))}
    if kind == "VOLUME":
        name = session.names.table(parts)
        place = {"catalog_name": name.catalog, "schema_name": name.schema}
        return {"name": name.name, **place, "volume_type": "MANAGED"}
    catalog, schema = session.names.namespace(parts)
    return {"name": schema, "catalog_name": catalog}


def drop_namespace(cursor: Cursor, session: Session) -> Any:
    """`DROP CATALOG | SCHEMA | VOLUME [IF EXISTS] name [CASCADE | RESTRICT]`."""
    kind = cursor.next().text.upper()
    missing_ok = cursor.take("IF", "EXISTS")
    name = full(kind, cursor.name(), session)
    force = cursor.take("CASCADE")
    cursor.take("RESTRICT")
    cursor.end()
    session.catalog.delete(KINDS[kind], name, force=force, missing_ok=missing_ok)
    return literals.empty()


def full(kind: str, parts: list[str], session: Session) -> str:
    """The full name of a catalog, schema or volume."""
    if kind == "CATALOG":
        return session.names.catalog_of(".".join(parts))
    if kind == "VOLUME":
        name: TableName = session.names.table(parts)
        return name.full
    return ".".join(session.names.namespace(parts))
