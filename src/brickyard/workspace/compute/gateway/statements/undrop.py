"""SHOW TABLES DROPPED, and UNDROP TABLE.

Source: https://docs.databricks.com/sql/language-manual/ (sql-ref-syntax-aux-show-tables-dropped, ...-ddl-undrop-table)
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import already_exists, not_found
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.unity import accept

__all__ = ["show_dropped", "undrop"]

BASE = "/dropped-tables"
FIELDS = {
    "catalogName": "catalog_name", "schemaName": "schema_name", "tableName": "name", "tableId": "table_id",
    "tableType": "table_type", "deletedAt": "deleted_at", "createdAt": "created_at", "updatedAt": "updated_at",
    "createdBy": "created_by", "owner": "owner", "comment": "comment",
}  # fmt: skip


def show_dropped(cursor: Cursor, session: Session) -> Any:
    """`[IN schema] [LIMIT n]`, after SHOW TABLES DROPPED."""
    catalog, schema = session.names.catalog, session.names.schema
    if cursor.take("IN") or cursor.take("FROM"):
        catalog, schema = session.names.namespace(cursor.name())
    limit = int(cursor.number()) if cursor.take("LIMIT") else None
    cursor.end()
    session.catalog.need_schema(catalog, schema)
    query = urlencode({"catalog_name": catalog, "schema_name": schema})
    found = accept(*session.catalog.call("GET", f"{BASE}?{query}"))["tables"][:limit]
    rows = [tuple(_shown(field, wire.get(field)) for field in FIELDS.values()) for wire in found]
    return literals.rows(dict.fromkeys(FIELDS, pa.string()), rows)


def _shown(field: str, value: Any) -> str | None:
    if field.endswith("_at") and value is not None:
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")[:-6]
    return None if value is None else str(value)


def undrop(cursor: Cursor, session: Session) -> Any:
    """`UNDROP TABLE name | WITH ID 'id'`."""
    cursor.expect("UNDROP")
    cursor.expect("TABLE")
    if cursor.take("WITH", "ID"):
        named = cursor.string()
        body = {"table_id": named}
    else:
        named = session.names.table(cursor.name()).full
        body = {"full_name": named}
    cursor.end()
    status, wire = session.catalog.call("POST", f"{BASE}/undrop", body)
    if wire.get("error_code") == "TABLE_ALREADY_EXISTS":
        raise already_exists("table", named)
    if wire.get("error_code") == "TABLE_DOES_NOT_EXIST":
        raise not_found("table", named)
    accept(status, wire)
    return literals.empty()
