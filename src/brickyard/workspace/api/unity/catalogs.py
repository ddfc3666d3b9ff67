"""Catalogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.unity.containers import UPDATED, created, shown_storage, updated
from brickyard.workspace.api.unity.guards import manages, marked, needs, sees, shown
from brickyard.workspace.api.unity.renames import renamed
from brickyard.workspace.api.unity.requests import changes, flag, only, page, properties, text
from brickyard.workspace.catalog import CatalogRecord
from brickyard.workspace.catalog.names import valid_name
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import CATALOG
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import CatalogInfo

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog/catalogs"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    kind = ObjectKind.CATALOG
    family.call("POST", _BASE, access=needs(ObjectKind.METASTORE, lambda call: "", "CREATE_CATALOG"))(create)
    family.call("GET", _BASE, access=anyone)(list_catalogs)
    family.call("GET", _BASE + "/{name}", access=sees(kind))(get)
    family.call("PATCH", _BASE + "/{name}", access=manages(kind))(update)
    family.call("DELETE", _BASE + "/{name}", access=manages(kind))(delete)


def create(workspace: Workspace, call: Call) -> CatalogInfo:
    """Make a catalog."""
    only(call, "name", "comment", "properties", "storage_root", "options")
    name = valid_name(call.body.get("name"))
    values = created(workspace, call, name)
    made = workspace.catalog.create_catalog(
        name, call.principal.user_name, comment=text(call, "comment"), properties=properties(call)
    )
    workspace.catalog.attributes.put(made.id, values)
    return _info(workspace, made)


def list_catalogs(workspace: Workspace, call: Call) -> dict[str, Any]:
    """All catalogs that the caller may see."""
    found = shown(workspace, call, ObjectKind.CATALOG, workspace.catalog.catalogs())
    return page(call, "catalogs", found, lambda one: one.full_name, lambda one: _shown(workspace, call, one))


def get(workspace: Workspace, call: Call) -> CatalogInfo:
    """One catalog."""
    return _shown(workspace, call, workspace.catalog.catalog(call.path["name"]))


def update(workspace: Workspace, call: Call) -> CatalogInfo:
    """Change name, comment, owner, properties, options or modes."""
    values = changes(workspace, call, "comment", "owner", "properties", "new_name", *UPDATED)
    more = updated(call)
    name = renamed(workspace, call, ObjectKind.CATALOG, call.path["name"])
    changed = workspace.catalog.change(CATALOG, name, call.principal.user_name, values)
    workspace.catalog.attributes.put(changed.id, more)
    return _info(workspace, changed)


def delete(workspace: Workspace, call: Call) -> None:
    """Delete a catalog; with `force` also what is in it."""
    workspace.catalog.delete_catalog(call.path["name"], force=flag(call, "force"))


def _shown(workspace: Workspace, call: Call, record: CatalogRecord) -> CatalogInfo:
    return marked(workspace, call, ObjectKind.CATALOG, record, _info(workspace, record))


def _info(workspace: Workspace, record: CatalogRecord) -> CatalogInfo:
    from databricks.sdk.service.catalog import CatalogInfo, CatalogIsolationMode, CatalogType, SecurableType

    more = workspace.catalog.attributes.of(record.id)
    return CatalogInfo(
        **shown_storage(workspace, more, "catalogs", record.id),
        isolation_mode=CatalogIsolationMode(more.get("isolation_mode", "OPEN")),
        options=more.get("options"),
        name=record.name,
        full_name=record.full_name,
        comment=record.comment,
        owner=record.owner,
        properties=None if record.properties is None else dict(record.properties),
        catalog_type=CatalogType.MANAGED_CATALOG,
        securable_type=SecurableType.CATALOG,
        metastore_id=workspace.catalog.metastore_id,
        created_at=record.created_at,
        created_by=record.created_by,
        updated_at=record.updated_at,
        updated_by=record.updated_by,
    )
