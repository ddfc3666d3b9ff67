"""External locations: `w.external_locations` of the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.unity.guards import caller, manages, marked, sees, shown
from brickyard.workspace.api.unity.requests import boolean, changes, flag, isolation, only, page, text
from brickyard.workspace.catalog.names import valid_name
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import LocationRecord
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import ExternalLocationInfo

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog/external-locations"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    kind = ObjectKind.EXTERNAL_LOCATION
    family.call("POST", _BASE, access=_creates)(create_external_location)
    family.call("GET", _BASE, access=anyone)(list_external_locations)
    family.call("GET", _BASE + "/{name}", access=sees(kind))(get_external_location)
    family.call("PATCH", _BASE + "/{name}", access=_updates)(update_external_location)
    family.call("DELETE", _BASE + "/{name}", access=manages(kind))(delete_external_location)


def _creates(workspace: Workspace, call: Call) -> None:
    """Whoever may create external locations, of this credential too."""
    if not call.principal.is_admin:
        may = caller(workspace, call)
        may.require(ObjectKind.METASTORE, "", "CREATE_EXTERNAL_LOCATION")
        credential = valid_name(call.body.get("credential_name"), "credential_name")
        may.require(ObjectKind.STORAGE_CREDENTIAL, credential, "CREATE_EXTERNAL_LOCATION")


def _updates(workspace: Workspace, call: Call) -> None:
    """Whoever manages the location; for another place or credential, of the credential what a new location needs."""
    manages(ObjectKind.EXTERNAL_LOCATION)(workspace, call)
    if not call.principal.is_admin and not {"url", "credential_name"}.isdisjoint(call.body):
        storage = workspace.catalog.storage
        current = storage.credential_by_id(storage.location(call.path["name"]).credential_id).name
        credential = text(call, "credential_name") or current
        caller(workspace, call).require(ObjectKind.STORAGE_CREDENTIAL, credential, "CREATE_EXTERNAL_LOCATION")


def create_external_location(workspace: Workspace, call: Call) -> ExternalLocationInfo:
    """Keep an external location."""
    only(call, "name", "url", "credential_name", "comment", "read_only", "fallback", "skip_validation")
    made = workspace.catalog.storage.create_location(
        valid_name(call.body.get("name")),
        call.principal.user_name,
        _url(call),
        valid_name(call.body.get("credential_name"), "credential_name"),
        comment=text(call, "comment"),
        read_only=boolean(call, "read_only"),
        fallback=boolean(call, "fallback"),
        isolation_mode="ISOLATION_MODE_OPEN",
    )
    return _info(workspace, made)


def list_external_locations(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The external locations that the caller may see."""
    kind = ObjectKind.EXTERNAL_LOCATION
    found = shown(workspace, call, kind, workspace.catalog.storage.locations())

    def wire(one: LocationRecord) -> ExternalLocationInfo:
        return marked(workspace, call, kind, one, _info(workspace, one))

    return page(call, "external_locations", found, lambda one: one.full_name, wire)


def get_external_location(workspace: Workspace, call: Call) -> ExternalLocationInfo:
    """One external location."""
    found = workspace.catalog.storage.location(call.path["name"])
    return marked(workspace, call, ObjectKind.EXTERNAL_LOCATION, found, _info(workspace, found))


def update_external_location(workspace: Workspace, call: Call) -> ExternalLocationInfo:
    """Change an external location."""
    known = ("url", "credential_name", "read_only", "fallback", "isolation_mode", "new_name")
    values = changes(workspace, call, "comment", "owner", *known, "force", "skip_validation")
    values |= {field: boolean(call, field) for field in ("read_only", "fallback") if field in call.body}
    values |= {"isolation_mode": isolation(call)} if "isolation_mode" in call.body else {}
    storage = workspace.catalog.storage
    if "url" in call.body:
        values["url"] = _url(call)
    if credential := text(call, "credential_name"):
        values["credential_id"] = storage.credential(credential).id
    if text(call, "new_name"):
        values["new_name"] = valid_name(call.body["new_name"], "new_name")
    by, force = call.principal.user_name, boolean(call, "force")
    return _info(workspace, storage.change_location(call.path["name"], by, values, force=force))


def delete_external_location(workspace: Workspace, call: Call) -> None:
    """Delete an external location; the files stay."""
    workspace.catalog.storage.delete_location(call.path["name"], force=flag(call, "force"))


def _url(call: Call) -> str:
    found = text(call, "url")
    if not found:
        raise InvalidParameterValue("url is required")
    return found


def _info(workspace: Workspace, record: LocationRecord) -> ExternalLocationInfo:
    from databricks.sdk.service.catalog import ExternalLocationInfo, IsolationMode

    return ExternalLocationInfo(
        name=record.name,
        url=record.url,
        credential_id=record.credential_id,
        credential_name=workspace.catalog.storage.credential_by_id(record.credential_id).name,
        comment=record.comment,
        owner=record.owner,
        read_only=record.read_only,
        fallback=record.fallback,
        isolation_mode=IsolationMode(record.isolation_mode),
        metastore_id=workspace.catalog.metastore_id,
        created_at=record.created_at,
        created_by=record.created_by,
        updated_at=record.updated_at,
        updated_by=record.updated_by,
    )
