"""Permissions of folders, notebooks, jobs, experiments, models, endpoints and tokens, in one shape for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import admins_only
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.securables import SECURABLES, SecurableKind
from brickyard.workspace.identity.access_lists import PRINCIPAL_FIELDS, replace, update
from brickyard.workspace.identity.permissions import LEVELS, Grant, Securable
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.iam import AccessControlResponse, GetPermissionLevelsResponse, ObjectPermissions

__all__ = ["family"]

family = Family()
_OBJECT = "/api/2.0/permissions/{kind}/{id}"
_NOT_HERE = (
    "alerts alertsv2 apps dashboards database-instances database-projects dbsql-dashboards"
    " genie knowledge-assistants pipelines supervisor-agents vector-search-endpoints"
)


def _may_look(workspace: Workspace, call: Call) -> None:
    securable = _securable(workspace, call)
    _require(workspace, call, securable, LEVELS[securable.kind][0])


def _may_manage(workspace: Workspace, call: Call) -> None:
    _require(workspace, call, _securable(workspace, call), "CAN_MANAGE")


def _require(workspace: Workspace, call: Call, securable: Securable, level: str) -> None:
    if securable.kind in ("authorization", "cluster-policies"):  # those who may use it have nothing to manage in it
        admins_only(workspace, call)
    workspace.identity.permissions.require(call.principal, securable, level)


@family.call("GET", _OBJECT, access=_may_look)
def get_permissions(workspace: Workspace, call: Call) -> ObjectPermissions:
    """Who may do what with an object, also by inheritance."""
    return _answer(workspace, call)


@family.call("PUT", _OBJECT, access=_may_manage)
def set_permissions(workspace: Workspace, call: Call) -> ObjectPermissions:
    """Replace what is granted on the object itself."""
    replace(workspace.identity, _securable(workspace, call), _wanted(call), call.principal)
    return _answer(workspace, call)


@family.call("PATCH", _OBJECT, access=_may_manage)
def update_permissions(workspace: Workspace, call: Call) -> ObjectPermissions:
    """Add to what is granted on the object itself; a principal's earlier level is replaced."""
    update(workspace.identity, _securable(workspace, call), _wanted(call), call.principal)
    return _answer(workspace, call)


@family.call("GET", _OBJECT + "/permissionLevels", access=_may_look)
def get_permission_levels(workspace: Workspace, call: Call) -> GetPermissionLevelsResponse:
    """The levels that there are for this kind of object."""
    from databricks.sdk.service.iam import GetPermissionLevelsResponse, PermissionLevel, PermissionsDescription

    kind = _kind(call)
    return GetPermissionLevelsResponse(
        [PermissionsDescription(kind.describe(level), PermissionLevel(level)) for level in LEVELS[kind.levels]]
    )


def _kind(call: Call) -> SecurableKind:
    name = call.path["kind"]
    kind = SECURABLES.get(name)
    if kind is not None:
        return kind
    if name in _NOT_HERE.split():
        raise NotImplementedByWorkspace(f"permissions of {name} are not implemented: the local workspace has no {name}")
    raise InvalidParameterValue(f"{name!r} is not a type of object; known are {', '.join(SECURABLES)}")


def _securable(workspace: Workspace, call: Call) -> Securable:
    return _kind(call).find(workspace, call.path["id"])


def _wanted(call: Call) -> Any:
    wanted = call.body.get("access_control_list")
    return [] if wanted is None else wanted


def _answer(workspace: Workspace, call: Call) -> ObjectPermissions:
    from databricks.sdk.service.iam import ObjectPermissions

    kind, securable = _kind(call), _securable(workspace, call)
    grants = workspace.identity.permissions.grants(securable)
    admins = workspace.identity.principals.admins
    if kind.root is not None and not any(one.principal_id == admins and one.source != securable for one in grants):
        grants.append(Grant(admins, kind.highest, kind.root))
    by_principal: dict[int, list[Grant]] = {}
    for grant in grants:
        by_principal.setdefault(grant.principal_id, []).append(grant)
    entries = [_entry(workspace, kind, securable, *item) for item in by_principal.items()]
    return ObjectPermissions(entries, f"/{call.path['kind']}/{call.path['id']}", kind.type_of(call.path["id"]))


def _entry(
    workspace: Workspace, kind: SecurableKind, securable: Securable, principal_id: int, grants: list[Grant]
) -> AccessControlResponse:
    from databricks.sdk.service.iam import AccessControlResponse, Permission, PermissionLevel

    found = [
        Permission(
            inherited=grant.source != securable,
            inherited_from_object=None if grant.source == securable else [kind.address(workspace, grant.source)],
            permission_level=PermissionLevel(grant.level),
        )
        for grant in grants
    ]
    who = workspace.identity.principals.describe(principal_id)
    field = next(name for name, one in PRINCIPAL_FIELDS.items() if one is who.kind)
    display = None if who.kind is Kind.GROUP else who.display_name
    return AccessControlResponse.from_dict(
        {field: who.name, "display_name": display, "all_permissions": [one.as_dict() for one in found]}
    )
