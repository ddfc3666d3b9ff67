"""Cluster policies and their families: `/api/2.0/policies/clusters`, `/api/2.0/policy-families`.

Wire types: `databricks.sdk.service.compute`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from brickyard.workspace.api.access import admins_only, anyone, levels_on
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.policies.families import FAMILIES
from brickyard.workspace.policies.families import Family as FamilyOfPolicies
from brickyard.workspace.policies.records import PolicyRecord
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.compute import (
        CreatePolicyResponse,
        ListPoliciesResponse,
        ListPolicyFamiliesResponse,
        Policy,
        PolicyFamily,
    )

__all__ = ["family"]

family = Family()
_ROOT, _FAMILIES = "/api/2.0/policies/clusters", "/api/2.0/policy-families"
_MOST_FAMILIES = 100
_SORTED_BY = {"POLICY_CREATION_TIME": "created_at", "POLICY_NAME": "name"}
_on = levels_on(lambda workspace, call: _policy(workspace, call).securable)


@family.call("POST", f"{_ROOT}/create", access=admins_only)
def create(workspace: Workspace, call: Call) -> CreatePolicyResponse:
    """Make a policy."""
    from databricks.sdk.service.compute import CreatePolicyResponse

    return CreatePolicyResponse(workspace.policies.create(call.body, call.principal).id)


@family.call("POST", f"{_ROOT}/edit", access=admins_only)
def edit(workspace: Workspace, call: Call) -> None:
    """Replace a policy's settings."""
    workspace.policies.edit(_policy(workspace, call), call.body)


@family.call("POST", f"{_ROOT}/delete", access=admins_only)
def delete(workspace: Workspace, call: Call) -> None:
    """Delete a policy."""
    workspace.policies.delete(_policy(workspace, call))


@family.call("GET", f"{_ROOT}/get", access=_on("CAN_USE"))
def get(workspace: Workspace, call: Call) -> Policy:
    """A policy, with the definition that holds."""
    return _policy(workspace, call).wire()


@family.call("GET", f"{_ROOT}/list", access=anyone)
def list_policies(workspace: Workspace, call: Call) -> ListPoliciesResponse:
    """The policies that the caller may use."""
    from databricks.sdk.service.compute import ListPoliciesResponse

    column, order = call.query.get("sort_column", "POLICY_CREATION_TIME"), call.query.get("sort_order", "DESC")
    if column not in _SORTED_BY or order not in ("ASC", "DESC"):
        raise InvalidParameterValue(f"sort_column is one of {', '.join(_SORTED_BY)}, and sort_order ASC or DESC")
    allows = workspace.identity.permissions.allows
    found = [one for one in workspace.policies.all() if allows(call.principal, one.securable, "CAN_USE")]
    found.sort(key=lambda one: getattr(one, _SORTED_BY[column]), reverse=order == "DESC")
    return ListPoliciesResponse([one.wire() for one in found])


@family.call("GET", _FAMILIES, access=anyone)
def list_policy_families(workspace: Workspace, call: Call) -> ListPolicyFamiliesResponse:
    """The families that policies can inherit from."""
    from databricks.sdk.service.compute import ListPolicyFamiliesResponse

    limit, token = call.query.get("max_results") or str(_MOST_FAMILIES), call.query.get("page_token") or "0"
    if not all(one.isascii() and one.isdecimal() and len(one) < 10 for one in (limit, token)) or not int(limit):
        raise InvalidParameterValue("max_results is a number from 1 to 100, and page_token one of this listing")
    first, size = int(token), min(int(limit), _MOST_FAMILIES)
    shown = [_wire(one) for one in FAMILIES.values()][first : first + size]
    return ListPolicyFamiliesResponse(str(first + size) if first + size < len(FAMILIES) else None, shown)


@family.call("GET", _FAMILIES + "/{id}", access=anyone)
def get_policy_family(workspace: Workspace, call: Call) -> PolicyFamily:
    """A family, and the definition that policies inherit from it."""
    found = FAMILIES.get(call.path["id"])
    if found is None:
        raise ResourceDoesNotExist(f"Can't find a policy family with id: {call.path['id']}.")
    return _wire(found)


def _policy(workspace: Workspace, call: Call) -> PolicyRecord:
    return workspace.policies.get(call.required("policy_id"))


def _wire(one: FamilyOfPolicies) -> PolicyFamily:
    from databricks.sdk.service.compute import PolicyFamily

    return PolicyFamily(json.dumps(one.definition), one.description, one.name, one.id)
