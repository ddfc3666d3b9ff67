"""Tables that were dropped: for `SHOW TABLES DROPPED` and `UNDROP` of engines; the vendor's API has no such calls."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import PermissionDenied
from brickyard.workspace.api.unity.guards import caller, in_query, sees
from brickyard.workspace.api.unity.requests import text
from brickyard.workspace.catalog.errors import does_not_exist
from brickyard.workspace.catalog.names import parent_of, valid_full_name
from brickyard.workspace.catalog.objects import UnityObject
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.undrop import DroppedTable
from brickyard.workspace.workspace import Workspace

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog/dropped-tables"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    schema = in_query("catalog_name", "schema_name")
    family.call("GET", _BASE, access=sees(ObjectKind.SCHEMA, schema))(list_dropped_tables)
    family.call("POST", f"{_BASE}/undrop", access=_creates)(undrop_table)


def list_dropped_tables(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The tables that were dropped from a schema and that the caller could take back."""
    schema = in_query("catalog_name", "schema_name")(call)
    found = (one for one in workspace.catalog.undrop.of_schema(schema) if _is_callers(workspace, call, one))
    return {"tables": [_wire(one) for one in found]}


def _creates(workspace: Workspace, call: Call) -> None:
    """Whoever may create tables in the schema, and owns the table."""
    found = _found(workspace, call)
    schema = parent_of(found.record.full_name)
    caller(workspace, call).require(ObjectKind.SCHEMA, schema, "USE_SCHEMA", "CREATE_TABLE")
    if not _is_callers(workspace, call, found):
        raise PermissionDenied(f"User is not the owner of the dropped table '{found.record.full_name}'.")


def undrop_table(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Take a table back."""
    found = _found(workspace, call)
    workspace.catalog.undrop.restore(found)
    return _wire(found)


def _found(workspace: Workspace, call: Call) -> DroppedTable:
    undrop = workspace.catalog.undrop
    if table_id := text(call, "table_id"):
        return undrop.by_id(table_id)
    name = valid_full_name(text(call, "full_name") or "", 3)
    found = next((one for one in undrop.of_schema(parent_of(name)) if one.record.full_name == name), None)
    if found is None:
        raise does_not_exist("TABLE", name)
    return found


def _is_callers(workspace: Workspace, call: Call, found: DroppedTable) -> bool:
    may, record = caller(workspace, call), found.record
    if may.is_admin:
        return True
    schema = may.object(ObjectKind.SCHEMA, parent_of(record.full_name))
    return may.manages(UnityObject(ObjectKind.TABLE, record.full_name, record.id, record.owner, schema))


def _wire(found: DroppedTable) -> dict[str, Any]:
    record = found.record
    catalog, schema, name = record.full_name.split(".")
    return {
        "catalog_name": catalog,
        "schema_name": schema,
        "name": name,
        "table_id": record.id,
        "table_type": record.table_type,
        "deleted_at": found.deleted_at,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "created_by": record.created_by,
        "owner": record.owner,
        "comment": record.comment,
    }
