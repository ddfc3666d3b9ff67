"""Privileges on objects of Unity Catalog: `w.grants` of the SDK."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.unity.guards import caller
from brickyard.workspace.api.unity.requests import only
from brickyard.workspace.catalog.errors import does_not_exist
from brickyard.workspace.catalog.grants import Change
from brickyard.workspace.catalog.hive import refuse_grants
from brickyard.workspace.catalog.principals import holder_id, holder_name
from brickyard.workspace.catalog.privileges import APPLICABLE, ObjectKind
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from brickyard.workspace.catalog.objects import UnityObject

__all__ = ["declare"]

_OBJECT = "{type}/{full_name:path}"
_BASE = "/api/2.1/unity-catalog"
_LARGEST_PAGE = 1000  # in privileges, as the vendor counts
_SMALLEST_PAGE = 150
_KINDS = {kind.value: kind for kind in ObjectKind} | {
    "REGISTERED_MODEL": ObjectKind.MODEL,
}
_NOT_HERE = frozenset(
    {
        "AGENT_SERVICE",
        "CLEAN_ROOM",
        "CONNECTION",
        "CREDENTIAL",
        "EXTERNAL_METADATA",
        "MCP_SERVICE",
        "MODEL_PROVIDER_SERVICE",
        "MODEL_SERVICE",
        "PIPELINE",
        "PROVIDER",
        "RECIPIENT",
        "SHARE",
        "SKILL",
        "STAGING_TABLE",
    }
)

Assignment = dict[str, Any]


def declare(family: Family) -> None:
    """Add these calls to the family."""
    family.call("GET", f"{_BASE}/permissions/{_OBJECT}", access=_looks)(get)
    family.call("PATCH", f"{_BASE}/permissions/{_OBJECT}", access=_grants)(update)
    family.call("GET", f"{_BASE}/effective-permissions/{_OBJECT}", access=_looks)(get_effective)
    family.call("GET", f"{_BASE}/privilege-assignments/{_OBJECT}", access=_looks)(list_assignments)
    family.call("GET", f"{_BASE}/effective-privilege-assignments/{_OBJECT}", access=_looks)(list_effective)


def _looks(workspace: Workspace, call: Call) -> None:
    """Whoever may know of the object; who does not manage it is shown what counts for the caller alone."""
    if call.principal.is_admin:
        return
    kind, name = _kind(workspace, call), _name(workspace, call)
    if kind is not ObjectKind.METASTORE:
        caller(workspace, call).require_sight(kind, name, browse=True)


def _grants(workspace: Workspace, call: Call) -> None:
    """Whoever owns the object or one that it is in, or has MANAGE."""
    if not call.principal.is_admin:
        caller(workspace, call).require_management(_kind(workspace, call), _name(workspace, call))


def get(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What is granted on the object itself."""
    return _page(call, "max_results", "privilege_assignments", _own(workspace, call))


def list_assignments(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What is granted on the object itself, in pages."""
    return _page(call, "page_size", "privilege_assignments", _own(workspace, call))


def get_effective(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What is granted on the object, and what it inherits."""
    return _page(call, "max_results", "privilege_assignments", _effective(workspace, call))


def list_effective(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What is granted on the object, and what it inherits, in pages."""
    return _page(call, "page_size", "effective_privilege_assignments", _effective(workspace, call))


def update(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Grant and revoke: all of the changes, or none."""
    only(call, "changes", "omit_permissions_in_response", "securable_type", "full_name")
    wanted = call.body.get("changes") or []
    if not isinstance(wanted, list) or not all(isinstance(change, dict) for change in wanted):
        raise InvalidParameterValue("changes must be a list of objects")
    target = _target(workspace, call)
    if target.kind.is_in_catalogs:
        refuse_grants(target.full_name)
    workspace.catalog.grants.change(target, [_change(workspace, target, change) for change in wanted])
    if call.body.get("omit_permissions_in_response"):
        return {}
    return {"privilege_assignments": _own(workspace, call)}


def _kind(workspace: Workspace, call: Call) -> ObjectKind:
    name = call.path["type"].upper()
    if name in _NOT_HERE:
        raise NotImplementedByWorkspace(f"grants on {name} are not implemented: the local workspace has no such object")
    if name not in _KINDS:
        raise InvalidParameterValue(
            f"{call.path['type']!r} is not a type of securable; known are {', '.join(_KINDS).lower()}"
        )
    if name == "FUNCTION" and not workspace.catalog.functions.has(call.path["full_name"]):
        return ObjectKind.MODEL  # models are functions, too, for who grants on them
    return _KINDS[name]


def _name(workspace: Workspace, call: Call) -> str:
    name = call.path["full_name"]
    if _kind(workspace, call) is ObjectKind.METASTORE and name != workspace.catalog.metastore_id:
        raise does_not_exist("METASTORE", name)
    return name


def _target(workspace: Workspace, call: Call) -> UnityObject:
    return caller(workspace, call).object(_kind(workspace, call), _name(workspace, call))


def _change(workspace: Workspace, target: UnityObject, change: Mapping[str, Any]) -> Change:
    for field in change:
        if field not in ("principal", "add", "remove"):
            raise NotImplementedByWorkspace(f"the field {field!r} of a change of permissions is not implemented")
    principal = change.get("principal")
    if not isinstance(principal, str) or not principal:
        raise InvalidParameterValue("principal is required in every change of permissions")
    add, remove = (_privileges(target, change.get(field)) for field in ("add", "remove"))
    return Change(holder_id(workspace.identity.principals, principal), add, remove)


def _privileges(target: UnityObject, value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidParameterValue("add and remove must be lists of privileges")
    found = frozenset(one.upper().replace(" ", "_") for one in value)
    for privilege in sorted(found - APPLICABLE[target.kind]):
        raise InvalidParameterValue(
            f"Privilege {privilege} is not applicable to this entity [{target.kind.securable_type} {target.full_name}]."
            f" Applicable are {', '.join(sorted(APPLICABLE[target.kind]))}."
        )
    return found


def _own(workspace: Workspace, call: Call) -> list[Assignment]:
    target = _target(workspace, call)
    only_for = _only_for(workspace, call, target)
    found = workspace.catalog.grants.on(target)
    return _named(workspace, {one: sorted(held) for one, held in found.items()}, only_for)


def _effective(workspace: Workspace, call: Call) -> list[Assignment]:
    target = _target(workspace, call)
    only_for = _only_for(workspace, call, target)
    found: dict[int, list[dict[str, str]]] = {}
    for source in reversed(target.path()):
        inherited = {"inherited_from_type": source.kind.securable_type, "inherited_from_name": source.full_name}
        for one, held in workspace.catalog.grants.on(source).items():
            entries = [{"privilege": each} | ({} if source is target else inherited) for each in sorted(held)]
            found.setdefault(one, []).extend(entries)
    return _named(workspace, found, only_for)


def _only_for(workspace: Workspace, call: Call, target: UnityObject) -> frozenset[int] | None:
    """Of which principals the caller is told; nothing means of all."""
    may = caller(workspace, call)
    told = None if may.manages(target) else call.principal.holders
    if wanted := call.query.get("principal"):
        one = frozenset({holder_id(workspace.identity.principals, wanted)})
        return one if told is None else one & told
    return told


def _named(workspace: Workspace, found: Mapping[int, list[Any]], only_for: frozenset[int] | None) -> list[Assignment]:
    names = {
        one: holder_name(workspace.identity.principals, one) for one in found if only_for is None or one in only_for
    }
    assignments = [{"principal": name, "privileges": found[one]} for one, name in names.items() if name]
    return sorted(assignments, key=lambda one: str(one["principal"]))


def _page(call: Call, parameter: str, key: str, found: Iterable[Assignment]) -> dict[str, Any]:
    """The assignments that fit into a page of so many privileges; those of one principal are never divided."""
    size = _size(call.query.get(parameter), parameter)
    after = _after(call.query.get("page_token"))
    answer: list[Assignment] = []
    room = size
    for one in found:
        if after is not None and one["principal"] <= after:
            continue
        if answer and len(one["privileges"]) > room:
            token = base64.urlsafe_b64encode(answer[-1]["principal"].encode()).decode()
            return {key: answer, "next_page_token": token}
        answer.append(one)
        room -= len(one["privileges"])
    return {key: answer}


def _size(text: str | None, parameter: str) -> int:
    if not text or text == "0":
        return _LARGEST_PAGE
    if not text.isdecimal() or len(text) > 9 or int(text) < _SMALLEST_PAGE:
        raise InvalidParameterValue(f"{parameter} must be 0, or at least {_SMALLEST_PAGE}")
    return min(int(text), _LARGEST_PAGE)


def _after(token: str | None) -> str | None:
    if not token:
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError as error:  # also of base64 and of text
        raise InvalidParameterValue("page_token is not one of this listing") from error
