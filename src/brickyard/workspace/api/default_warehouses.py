"""Whose default is which SQL warehouse: `/api/warehouses/v1`. Wire types: `databricks.sdk.service.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()
_KIND = "default-warehouse-overrides"
_ROOT = f"/api/warehouses/v1/{_KIND}"
_ONE = _ROOT + "/{id}"
_PAGE = 100


def _own(workspace: Workspace, call: Call) -> None:
    """The user, and administrators."""
    if _user(workspace, call) != str(call.principal.id) and not call.principal.is_admin:
        raise PermissionDenied("Only administrators can see or change the default warehouse of other users.")


@family.call("POST", _ROOT, access=_own)
def create_default_warehouse_override(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Choose a default."""
    user = _user(workspace, call)
    return _wire(user, workspace.sql.overrides.create(user, call.body))


@family.call("GET", _ROOT, access=anyone)
def list_default_warehouse_overrides(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What users have chosen; who is no administrator sees the own choice."""
    found = sorted(workspace.sql.overrides.all().items())
    seen = [(user, one) for user, one in found if call.principal.is_admin or user == str(call.principal.id)]
    after, size = call.query.get("page_token", ""), _size(call)
    rest = [(user, one) for user, one in seen if user > after]
    answer: dict[str, Any] = {_KIND.replace("-", "_"): [_wire(*pair) for pair in rest[:size]]}
    return answer | ({"next_page_token": rest[size - 1][0]} if len(rest) > size else {})


@family.call("GET", _ONE, access=_own)
def get_default_warehouse_override(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What a user has chosen."""
    user = _user(workspace, call)
    return _wire(user, workspace.sql.overrides.get(user))


@family.call("PATCH", _ONE, access=_own)
def update_default_warehouse_override(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Choose otherwise."""
    user, mask = _user(workspace, call), frozenset(call.query.get("update_mask", "*").split(","))
    names = frozenset({"warehouseId": "warehouse_id"}.get(name, name) for name in mask)
    for unknown in names - {"*", "type", "warehouse_id"}:
        raise InvalidParameterValue(f"update_mask names {unknown!r}, which cannot be changed")
    missing = call.query.get("allow_missing", "").lower() == "true"
    return _wire(user, workspace.sql.overrides.update(user, call.body, names, allow_missing=missing))


@family.call("DELETE", _ONE, access=_own)
def delete_default_warehouse_override(workspace: Workspace, call: Call) -> None:
    """Take the choice back."""
    workspace.sql.overrides.delete(_user(workspace, call))


def _user(workspace: Workspace, call: Call) -> str:
    """The number of the user that a call is about."""
    given = call.path.get("id") or call.query.get("default_warehouse_override_id") or ""
    if given == "me":
        return str(call.principal.id)
    if not given.isascii() or not given.isdecimal() or len(given) > 18:
        raise InvalidParameterValue('default_warehouse_override_id must be the number of a user, or "me"')
    return str(workspace.identity.principals.get(int(given)).id)


def _size(call: Call) -> int:
    text = call.query.get("page_size") or str(_PAGE)
    if not text.isdecimal() or not 0 < int(text) <= _PAGE:
        raise InvalidParameterValue(f"page_size must be 1 to {_PAGE}")
    return int(text)


def _wire(user: str, one: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": f"{_KIND}/{user}", "default_warehouse_override_id": user, **one}
