"""Volumes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.unity.guards import in_body, in_query, manages, marked, needs, sees, shown
from brickyard.workspace.api.unity.renames import renamed
from brickyard.workspace.api.unity.requests import changes, only, page, text
from brickyard.workspace.catalog import VolumeRecord
from brickyard.workspace.catalog.names import valid_name
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import VOLUME
from brickyard.workspace.catalog.urls import address
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import VolumeInfo

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog/volumes"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    kind, above, where = ObjectKind.VOLUME, ObjectKind.SCHEMA, ("catalog_name", "schema_name")
    family.call("POST", _BASE, access=needs(above, in_body(*where), "USE_SCHEMA", "CREATE_VOLUME"))(create)
    family.call("GET", _BASE, access=sees(above, in_query(*where)))(list_volumes)
    family.call("GET", _BASE + "/{name}", access=sees(kind))(read)
    family.call("PATCH", _BASE + "/{name}", access=manages(kind))(update)
    family.call("DELETE", _BASE + "/{name}", access=manages(kind))(delete)


def create(workspace: Workspace, call: Call) -> VolumeInfo:
    """Make a volume."""
    only(call, "name", "catalog_name", "schema_name", "volume_type", "comment", "storage_location")
    kind = text(call, "volume_type") or "MANAGED"
    if kind not in ("MANAGED", "EXTERNAL"):
        raise InvalidParameterValue(f"volume_type must be MANAGED or EXTERNAL, not {kind!r}")
    place = _place(workspace, call, kind)
    parts = [valid_name(call.body.get(field), field) for field in ("catalog_name", "schema_name", "name")]
    who = call.principal.user_name
    made = workspace.catalog.create_volume(".".join(parts), who, comment=text(call, "comment"), location=place)
    return _info(workspace, made)


def _place(workspace: Workspace, call: Call, kind: str) -> Path | None:
    """Where an external volume is to be; whoever makes it may do so there."""
    url = text(call, "storage_location")
    if (kind == "EXTERNAL") != bool(url):
        raise InvalidParameterValue("storage_location is required for an external volume, and only there")
    if not url:
        return None
    local = address(url, workspace.data.resolve()).local
    if local is None:
        raise NotImplementedByWorkspace(f"A local workspace has no way to {url}: use an external location at file:/.")
    workspace.files.place_access.require_elsewhere(call.principal, local, "CREATE_EXTERNAL_VOLUME")
    return local


def list_volumes(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The volumes of a schema that the caller may see."""
    parts = [valid_name(call.query.get(field), field) for field in ("catalog_name", "schema_name")]
    found = shown(workspace, call, ObjectKind.VOLUME, workspace.catalog.volumes(".".join(parts)))
    return page(call, "volumes", found, lambda one: one.full_name, lambda one: _shown(workspace, call, one))


def read(workspace: Workspace, call: Call) -> VolumeInfo:
    """One volume."""
    return _shown(workspace, call, workspace.catalog.volume(call.path["name"]))


def update(workspace: Workspace, call: Call) -> VolumeInfo:
    """Change name, comment or owner."""
    values = changes(workspace, call, "comment", "owner", "new_name")
    name = renamed(workspace, call, ObjectKind.VOLUME, call.path["name"])
    return _info(workspace, workspace.catalog.change(VOLUME, name, call.principal.user_name, values))


def delete(workspace: Workspace, call: Call) -> None:
    """Delete a volume with its files."""
    workspace.catalog.delete_volume(call.path["name"])


def _shown(workspace: Workspace, call: Call, record: VolumeRecord) -> VolumeInfo:
    return marked(workspace, call, ObjectKind.VOLUME, record, _info(workspace, record))


def _info(workspace: Workspace, record: VolumeRecord) -> VolumeInfo:
    from databricks.sdk.service.catalog import VolumeInfo, VolumeType

    catalog, schema, name = record.full_name.split(".")
    return VolumeInfo(
        name=name,
        catalog_name=catalog,
        schema_name=schema,
        full_name=record.full_name,
        volume_id=record.id,
        volume_type=VolumeType.EXTERNAL if workspace.catalog.storage.is_external(record) else VolumeType.MANAGED,
        storage_location=Path(record.location).as_uri(),
        comment=record.comment,
        owner=record.owner,
        metastore_id=workspace.catalog.metastore_id,
        created_at=record.created_at,
        created_by=record.created_by,
        updated_at=record.updated_at,
        updated_by=record.updated_by,
    )
