"""To which workspaces catalogs, credentials and locations are bound: `w.workspace_bindings` of the SDK.

There is one workspace here. What is isolated is bound to it, and cannot be taken from it: nobody could use it then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.unity.guards import caller
from brickyard.workspace.api.unity.requests import only
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.workspace import Workspace

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog"
_KINDS: Mapping[str, ObjectKind] = {
    "catalog": ObjectKind.CATALOG,
    "storage_credential": ObjectKind.STORAGE_CREDENTIAL,
    "external_location": ObjectKind.EXTERNAL_LOCATION,
}
_BOUND = "bindings"
_READ_WRITE, _READ_ONLY = "BINDING_TYPE_READ_WRITE", "BINDING_TYPE_READ_ONLY"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    old, new = f"{_BASE}/workspace-bindings/catalogs/{{name}}", f"{_BASE}/bindings/{{type}}/{{name}}"
    family.call("GET", old, access=_manages)(get)
    family.call("PATCH", old, access=_manages)(update)
    family.call("GET", new, access=_manages)(get_bindings)
    family.call("PATCH", new, access=_manages)(update_bindings)


def _manages(workspace: Workspace, call: Call) -> None:
    """Whoever owns the object or has MANAGE."""
    caller(workspace, call).require_management(_kind(call), call.path["name"])


def _kind(call: Call) -> ObjectKind:
    name = call.path.get("type", "catalog").lower()
    if name not in _KINDS:
        raise NotImplementedByWorkspace(f"bindings of {name} are not implemented; there are {', '.join(_KINDS)}")
    return _KINDS[name]


def get(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The workspaces of a catalog."""
    return {"workspaces": list(_bound(workspace, call))}


def update(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Bind a catalog to workspaces, and end that."""
    only(call, "name", "assign_workspaces", "unassign_workspaces")
    add = [{"workspace_id": one} for one in _list(call, "assign_workspaces")]
    remove = [{"workspace_id": one} for one in _list(call, "unassign_workspaces")]
    return {"workspaces": list(_changed(workspace, call, add, remove))}


def get_bindings(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The workspaces of an object, and how each may use it."""
    return _wire(_bound(workspace, call))


def update_bindings(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Bind an object to workspaces, and end that."""
    only(call, "securable_type", "securable_name", "add", "remove")
    return _wire(_changed(workspace, call, _list(call, "add"), _list(call, "remove")))


def _wire(bound: Mapping[int, str]) -> dict[str, Any]:
    return {"bindings": [{"workspace_id": one, "binding_type": kind} for one, kind in bound.items()]}


def _list(call: Call, field: str) -> list[Any]:
    value = call.body.get(field) or []
    if not isinstance(value, list):
        raise InvalidParameterValue(f"{field} must be a list")
    return value


def _bound(workspace: Workspace, call: Call) -> dict[int, str]:
    target = caller(workspace, call).object(_kind(call), call.path["name"])
    kept = workspace.catalog.attributes.of(target.id).get(_BOUND, {})
    return {workspace.workspace_id: _READ_WRITE} | {int(one): kind for one, kind in kept.items()}


def _changed(workspace: Workspace, call: Call, add: list[Any], remove: list[Any]) -> dict[int, str]:
    bound = _bound(workspace, call)
    for one in remove:
        number, _ = _binding(one)
        if number == workspace.workspace_id:
            raise NotImplementedByWorkspace(f"{call.path['name']} cannot be taken from this workspace, the only one.")
        bound.pop(number, None)
    for one in add:
        number, kind = _binding(one)
        if number == workspace.workspace_id and kind == _READ_ONLY:
            raise NotImplementedByWorkspace("A binding for reading only is not acted on by the local workspace.")
        bound[number] = kind
    target = caller(workspace, call).object(_kind(call), call.path["name"])
    workspace.catalog.attributes.put(target.id, {_BOUND: {str(one): kind for one, kind in bound.items()}})
    return bound


def _binding(value: Any) -> tuple[int, str]:
    number = value.get("workspace_id") if isinstance(value, dict) else None
    kind = (value.get("binding_type") if isinstance(value, dict) else None) or _READ_WRITE
    if not isinstance(number, int) or isinstance(number, bool) or kind not in (_READ_WRITE, _READ_ONLY):
        raise InvalidParameterValue("a binding has a workspace_id, a number, and one of the vendor's binding_types")
    return number, kind
