"""DESCRIBE of what is no table: catalogs, schemas and volumes; and SHOW TABLE EXTENDED.

Source: https://docs.databricks.com/sql/language-manual/ (sql-ref-syntax-aux-describe-catalog, -schema, -volume)
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import not_found
from brickyard.workspace.compute.gateway.names import HIVE
from brickyard.workspace.compute.gateway.names import quote as quoted
from brickyard.workspace.compute.gateway.patterns import matches
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.unity import Table, accept

__all__ = ["describe_catalog", "describe_schema", "describe_volume", "show_table_extended"]

TEXT = pa.string()
WAREHOUSE = "dbfs:/user/hive/warehouse"


def describe_catalog(cursor: Cursor, session: Session) -> Any:
    """`[EXTENDED] name`, after DESCRIBE CATALOG."""
    extended = cursor.take("EXTENDED")
    name = session.names.catalog_of(cursor.name()[0])
    cursor.end()
    status, wire = session.catalog.call("GET", f"/catalogs/{quote(name)}")
    if status == 404:
        raise not_found("catalog", name)
    accept(status, wire)
    rows = [("Catalog Name", name), ("Comment", wire.get("comment") or ""), ("Owner", wire.get("owner") or "")]
    if extended:
        rows += [("Catalog Type", "Hive Metastore" if name == HIVE else "Regular")]
        rows += [("Created By", wire.get("created_by") or ""), ("Created At", _time(wire.get("created_at")))]
        rows += [("Updated By", wire.get("updated_by") or ""), ("Updated At", _time(wire.get("updated_at")))]
        if wire.get("storage_root"):
            rows.append(("Storage Root", wire["storage_root"]))
    return literals.rows({"info_name": TEXT, "info_value": TEXT}, rows)


def describe_schema(cursor: Cursor, session: Session) -> Any:
    """`[EXTENDED] name`, after DESCRIBE SCHEMA."""
    extended = cursor.take("EXTENDED")
    catalog, schema = session.names.namespace(cursor.name())
    cursor.end()
    session.catalog.need_schema(catalog, schema)
    wire = accept(*session.catalog.call("GET", f"/schemas/{quote(f'{catalog}.{schema}')}"))
    rows = [("Catalog Name", catalog), ("Namespace Name", schema), ("Comment", wire.get("comment") or "")]
    rows.append(("Location", _location(catalog, schema, wire)))
    rows.append(("Owner", wire.get("owner") or ""))
    if extended:
        pairs = ", ".join(f"({key},{value})" for key, value in sorted((wire.get("properties") or {}).items()))
        rows.append(("Properties", f"({pairs})" if pairs else ""))
    return literals.rows({"database_description_item": TEXT, "database_description_value": TEXT}, rows)


def _location(catalog: str, schema: str, wire: dict[str, Any]) -> str:
    """Where managed tables of a schema are; of one without storage of its own, nothing but in the legacy catalog."""
    if catalog != HIVE or wire.get("storage_root"):
        return str(wire.get("storage_location" if catalog != HIVE else "storage_root") or "")
    return WAREHOUSE if schema == "default" else f"{WAREHOUSE}/{schema}.db"


def describe_volume(cursor: Cursor, session: Session) -> Any:
    """`name`, after DESCRIBE VOLUME."""
    name = session.names.table(cursor.name())
    cursor.end()
    status, wire = session.catalog.call("GET", f"/volumes/{quote(name.full)}")
    if status == 404:
        raise not_found("volume", name.full)
    accept(status, wire)
    row = {"name": wire["name"], "catalog": name.catalog, "database": name.schema, "owner": wire.get("owner")}
    row |= {"storageLocation": wire.get("storage_location"), "volumeType": wire.get("volume_type")}
    row |= {"comment": wire.get("comment")}
    return literals.rows(dict.fromkeys(row, TEXT), [tuple(row.values())])


def show_table_extended(cursor: Cursor, session: Session) -> Any:
    """`[IN schema] LIKE 'pattern'`, after SHOW TABLE EXTENDED."""
    catalog, schema = session.names.catalog, session.names.schema
    if cursor.take("IN") or cursor.take("FROM"):
        catalog, schema = session.names.namespace(cursor.name())
    cursor.expect("LIKE")
    pattern = cursor.string()
    cursor.end()
    session.catalog.need_schema(catalog, schema)
    found = [one for one in session.catalog.tables(catalog, schema) if matches(one.name.name, pattern)]
    rows = [(schema, one.name.name, False, _information(one, session)) for one in found]
    temporary = [name for name in sorted(session.names.temporary) if matches(name, pattern)]
    rows += [("", name, True, f"Table: {name}\nType: VIEW\n{_schema(quoted(name), session)}") for name in temporary]
    columns = {"database": TEXT, "tableName": TEXT, "isTemporary": pa.bool_(), "information": TEXT}
    return literals.rows(columns, rows)


def _information(table: Table, session: Session) -> str:
    facts = {
        "Catalog": table.name.catalog,
        "Database": table.name.schema,
        "Table": table.name.name,
        "Owner": table.owner,
        "Created Time": _time(table.created_at),
        "Type": table.kind,
        "Comment": table.comment,
        "Provider": None if table.is_view else "delta" if table.files is None else table.files.kind,
        "Location": None if table.location is None else session.places.shown(table.location),
        "View Text": table.definition,
    }
    text = "".join(f"{name}: {value}\n" for name, value in facts.items() if value)
    return text + _schema(str(table.name), session)


def _schema(name: str, session: Session) -> str:
    schema = session.sail.schema(session.key, session.relation(f"SELECT * FROM {name}"))
    return f"Schema: {schema.treeString()}"


def _time(milliseconds: int | None) -> str:
    return "" if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).ctime()
