"""Schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.unity.containers import created, shown_storage, updated
from brickyard.workspace.api.unity.guards import caller, in_body, in_query, manages, marked, needs, sees, shown
from brickyard.workspace.api.unity.renames import renamed
from brickyard.workspace.api.unity.requests import changes, flag, only, page, properties, text
from brickyard.workspace.catalog import CatalogRecord
from brickyard.workspace.catalog.names import parent_of, valid_name
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import SCHEMA
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import SchemaInfo

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog/schemas"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    kind, above = ObjectKind.SCHEMA, ObjectKind.CATALOG
    creates = needs(above, in_body("catalog_name"), "USE_CATALOG", "CREATE_SCHEMA")
    family.call("POST", _BASE, access=creates)(create)
    family.call("GET", _BASE, access=sees(above, in_query("catalog_name")))(list_schemas)
    family.call("GET", _BASE + "/{name}", access=sees(kind))(get)
    family.call("PATCH", _BASE + "/{name}", access=_updates)(update)
    family.call("DELETE", _BASE + "/{name}", access=manages(kind))(delete)


def _updates(workspace: Workspace, call: Call) -> None:
    """Whoever manages the schema; for another name, of the catalog what a new schema needs."""
    manages(ObjectKind.SCHEMA)(workspace, call)
    wanted, name = text(call, "new_name"), call.path["name"].lower()
    if wanted and not call.principal.is_admin and wanted.lower() not in (name, name.rpartition(".")[2]):
        caller(workspace, call).require(ObjectKind.CATALOG, parent_of(name), "USE_CATALOG", "CREATE_SCHEMA")


def create(workspace: Workspace, call: Call) -> SchemaInfo:
    """Make a schema in a catalog."""
    only(call, "name", "catalog_name", "comment", "properties", "storage_root")
    parent = valid_name(call.body.get("catalog_name"), "catalog_name")
    name = f"{parent}.{valid_name(call.body.get('name'))}"
    who, values = call.principal.user_name, created(workspace, call, name)
    made = workspace.catalog.create_schema(name, who, comment=text(call, "comment"), properties=properties(call))
    workspace.catalog.attributes.put(made.id, values)
    return _info(workspace, made)


def list_schemas(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The schemas of a catalog that the caller may see."""
    found = workspace.catalog.schemas(valid_name(call.query.get("catalog_name"), "catalog_name"))
    found = shown(workspace, call, ObjectKind.SCHEMA, found)
    return page(call, "schemas", found, lambda one: one.full_name, lambda one: _shown(workspace, call, one))


def get(workspace: Workspace, call: Call) -> SchemaInfo:
    """One schema."""
    return _shown(workspace, call, workspace.catalog.schema(call.path["name"]))


def update(workspace: Workspace, call: Call) -> SchemaInfo:
    """Change name, comment, owner, properties or the optimization that is only kept."""
    optimization = "enable_predictive_optimization"
    values = changes(workspace, call, "comment", "owner", "properties", "new_name", optimization)
    more = updated(call)
    name = renamed(workspace, call, ObjectKind.SCHEMA, call.path["name"])
    changed = workspace.catalog.change(SCHEMA, name, call.principal.user_name, values)
    workspace.catalog.attributes.put(changed.id, more)
    return _info(workspace, changed)


def delete(workspace: Workspace, call: Call) -> None:
    """Delete a schema; with `force` also what is in it."""
    workspace.catalog.delete_schema(call.path["name"], force=flag(call, "force"))


def _shown(workspace: Workspace, call: Call, record: CatalogRecord) -> SchemaInfo:
    return marked(workspace, call, ObjectKind.SCHEMA, record, _info(workspace, record))


def _info(workspace: Workspace, record: CatalogRecord) -> SchemaInfo:
    from databricks.sdk.service.catalog import CatalogType, SchemaInfo

    more = workspace.catalog.attributes.of(record.id)
    return SchemaInfo(
        **shown_storage(workspace, more, "schemas", record.id),
        name=record.name,
        catalog_name=parent_of(record.full_name),
        full_name=record.full_name,
        schema_id=record.id,
        comment=record.comment,
        owner=record.owner,
        properties=None if record.properties is None else dict(record.properties),
        catalog_type=CatalogType.MANAGED_CATALOG,
        metastore_id=workspace.catalog.metastore_id,
        created_at=record.created_at,
        created_by=record.created_by,
        updated_at=record.updated_at,
        updated_by=record.updated_by,
    )
