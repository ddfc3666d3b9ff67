"""Permissions of jobs, notebooks, folders, experiments, endpoints and tokens, in the vendor's one shape for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace, ResourceDoesNotExist
from brickyard.workspace.api.securables import SECURABLES, SecurableKind
from brickyard.workspace.identity.permissions import LEVELS, Grant, Securable
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.iam import AccessControlResponse, GetPermissionLevelsResponse, ObjectPermissions

__all__ = ["family", "set_access_control"]

family = Family()
_OBJECT = "/api/2.0/permissions/{kind}/{id}"
_OWNED = ("jobs",)
_NAMES = {"user_name": Kind.USER, "group_name": Kind.GROUP, "service_principal_name": Kind.SERVICE_PRINCIPAL}
_NOT_HERE = (
    "alerts alertsv2 apps clusters cluster-policies dashboards database-instances database-projects dbsql-dashboards"
    " genie instance-pools knowledge-assistants pipelines queries supervisor-agents vector-search-endpoints warehouses"
)


def _may_look(workspace: Workspace, call: Call) -> None:
    securable = _securable(workspace, call)
    workspace.identity.permissions.require(call.principal, securable, LEVELS[securable.kind][0])


def _may_manage(workspace: Workspace, call: Call) -> None:
    workspace.identity.permissions.require(call.principal, _securable(workspace, call), "CAN_MANAGE")


@family.call("GET", _OBJECT, access=_may_look)
def get_permissions(workspace: Workspace, call: Call) -> ObjectPermissions:
    """Who may do what with an object, also by inheritance."""
    return _answer(workspace, call)


@family.call("PUT", _OBJECT, access=_may_manage)
def set_permissions(workspace: Workspace, call: Call) -> ObjectPermissions:
    """Replace what is granted on the object itself."""
    set_access_control(workspace, _securable(workspace, call), call.body.get("access_control_list") or [])
    return _answer(workspace, call)


@family.call("PATCH", _OBJECT, access=_may_manage)
def update_permissions(workspace: Workspace, call: Call) -> ObjectPermissions:
    """Add to what is granted on the object itself; a principal's earlier level is replaced."""
    securable = _securable(workspace, call)
    set_access_control(workspace, securable, call.body.get("access_control_list") or [], keep=True)
    return _answer(workspace, call)


@family.call("GET", _OBJECT + "/permissionLevels")
def get_permission_levels(workspace: Workspace, call: Call) -> GetPermissionLevelsResponse:
    """The levels that there are for this kind of object."""
    from databricks.sdk.service.iam import GetPermissionLevelsResponse, PermissionLevel, PermissionsDescription

    kind = _kind(call)
    levels = [level for level in LEVELS[kind.levels] if level != "CAN_MANAGE" or kind.levels != "authorization"]
    return GetPermissionLevelsResponse(
        [PermissionsDescription(kind.describe(level), PermissionLevel(level)) for level in levels]
    )


def set_access_control(workspace: Workspace, securable: Securable, entries: Any, *, keep: bool = False) -> None:
    """Grant what an access control list of the vendor's shape says.

    Args:
        workspace: Whose principals are meant.
        securable: On what.
        entries: The list: each entry names one principal and a level.
        keep: Whether what is granted already stays.

    Raises:
        InvalidParameterValue: The list is not of that shape, or would leave a job without its one owner.
        ResourceDoesNotExist: It names a principal that there is not.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise InvalidParameterValue("access_control_list must be a list of objects")
    wanted = {_principal(workspace, entry): _level(securable, entry) for entry in entries}
    permissions = workspace.identity.permissions
    if keep:
        granted = {
            grant.principal_id: grant.level for grant in permissions.grants(securable) if grant.source == securable
        }
        if "IS_OWNER" in wanted.values():  # the owner of before stays a manager
            granted = {one: "CAN_MANAGE" if level == "IS_OWNER" else level for one, level in granted.items()}
        wanted = granted | wanted
    _check_owner(workspace, securable, wanted)
    if securable == Securable("tree", "/") and wanted.get(workspace.identity.principals.admins) != "CAN_MANAGE":
        raise InvalidParameterValue("Cannot remove admins's CAN_MANAGE permission on 0")
    permissions.replace(securable, wanted)


def _check_owner(workspace: Workspace, securable: Securable, wanted: Mapping[int, str]) -> None:
    owners = [principal_id for principal_id, level in wanted.items() if level == "IS_OWNER"]
    if securable.kind in _OWNED and len(owners) != 1:
        raise InvalidParameterValue(f"The {securable.kind.removesuffix('s')} must have exactly one owner.")
    if any(workspace.identity.principals.describe(owner).kind is Kind.GROUP for owner in owners):
        raise InvalidParameterValue("Groups cannot be owners.")


def _principal(workspace: Workspace, entry: Mapping[str, Any]) -> int:
    named = {field: entry[field] for field in _NAMES if entry.get(field)}
    if len(named) != 1 or not all(isinstance(name, str) for name in named.values()):
        raise InvalidParameterValue(f"each entry must name exactly one of {', '.join(_NAMES)}")
    [(field, name)] = named.items()
    found = workspace.identity.principals.find(_NAMES[field], name)
    if found is None:
        label = {"user_name": "UserName", "group_name": "GroupName"}.get(field, "ServicePrincipalName")
        raise ResourceDoesNotExist(f"Principal: {label}({name}) does not exist")
    return found


def _level(securable: Securable, entry: Mapping[str, Any]) -> str:
    level, levels = entry.get("permission_level"), LEVELS[securable.kind]
    if level not in levels:
        raise InvalidParameterValue(f"permission_level {level!r} is not one of {', '.join(levels)}")
    return str(level)


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


def _answer(workspace: Workspace, call: Call) -> ObjectPermissions:
    from databricks.sdk.service.iam import ObjectPermissions

    kind, securable = _kind(call), _securable(workspace, call)
    by_principal: dict[int, list[Grant]] = {}
    for grant in workspace.identity.permissions.grants(securable):
        by_principal.setdefault(grant.principal_id, []).append(grant)
    entries = [_entry(workspace, kind, securable, *item) for item in by_principal.items()]
    if kind.root is not None and workspace.identity.principals.admins not in by_principal:
        entries.append(_administrators(workspace, kind.root))
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
    field = next(name for name, one in _NAMES.items() if one is who.kind)
    display = None if who.kind is Kind.GROUP else who.display_name
    return AccessControlResponse.from_dict(
        {field: who.name, "display_name": display, "all_permissions": [one.as_dict() for one in found]}
    )


def _administrators(workspace: Workspace, root: str) -> AccessControlResponse:
    from databricks.sdk.service.iam import AccessControlResponse, Permission, PermissionLevel

    inherited = Permission(inherited=True, inherited_from_object=[root], permission_level=PermissionLevel.CAN_MANAGE)
    return AccessControlResponse([inherited], group_name="admins")
