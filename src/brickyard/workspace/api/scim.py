"""SCIM: users, groups, service principals, and who calls.

Everybody may read names and numbers; what else there is of others, and all changes, are for administrators.
Source: https://docs.databricks.com/dev-tools/api/latest/scim/ and RFC 7644.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import admins_only, anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.api.scim_lists import answer_list
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.identity.records import Account, Group
from brickyard.workspace.identity.scim.errors import ScimError
from brickyard.workspace.identity.scim.patches import apply_patch
from brickyard.workspace.identity.scim.reading import identifier, read_account, read_group, schema_of
from brickyard.workspace.identity.scim.schema import GROUP
from brickyard.workspace.identity.scim.writing import account_json, group_json, publicly, selected, user_json
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from brickyard.workspace.identity import Principal

__all__ = ["family"]

_ROOT = "/api/2.0/preview/scim/v2"
_KINDS = {"Users": Kind.USER, "ServicePrincipals": Kind.SERVICE_PRINCIPAL}
_OWN_SHAPE = (400, 403, 404, 409, 413)


class _ScimFamily(Family):
    """Refusals come in the shape of SCIM."""

    async def handle(self, workspace: Workspace, principal: Principal, request: Request) -> Response:
        try:
            return await super().handle(workspace, principal, request)
        except ScimError:
            raise
        except ApiError as error:
            if error.status not in _OWN_SHAPE:
                raise
            kind = "invalidSyntax" if error.status == 400 else ""
            raise ScimError(error.status, error.message, kind) from error


family = _ScimFamily()


@family.call("GET", _ROOT + "/Me", access=anyone)
def me(workspace: Workspace, call: Call) -> Response:
    """The principal behind the token; a service principal has the shape of a user here."""
    account = workspace.identity.directory.account(call.principal.kind, call.principal.id)
    return _answer(_selected(call, user_json(account)))


def _list_accounts(kind: Kind, workspace: Workspace, call: Call) -> Response:
    resources = [account_json(one) for one in workspace.identity.directory.accounts(kind)]
    return _answer(answer_list(schema_of(kind), [_visible(call, one) for one in resources], call.query))


def _get_account(kind: Kind, workspace: Workspace, call: Call) -> Response:
    account = workspace.identity.directory.account(kind, _number(kind, call))
    return _answer(_selected(call, _visible(call, account_json(account))))


def _create_account(kind: Kind, workspace: Workspace, call: Call) -> Response:
    created = workspace.identity.directory.create_account(read_account(kind, call.body))
    return _answer(account_json(created), 201)


def _replace_account(kind: Kind, workspace: Workspace, call: Call) -> Response:
    def edit(before: Account) -> Account:
        return read_account(kind, call.body, before)

    directory = workspace.identity.directory
    return _answer(account_json(directory.change_account(kind, _number(kind, call), edit, call.principal)))


def _patch_account(kind: Kind, workspace: Workspace, call: Call) -> Response:
    def edit(before: Account) -> Account:
        return read_account(kind, apply_patch(schema_of(kind), account_json(before), call.body), before)

    directory = workspace.identity.directory
    return _answer(account_json(directory.change_account(kind, _number(kind, call), edit, call.principal)))


def _delete_account(kind: Kind, workspace: Workspace, call: Call) -> Response:
    workspace.identity.directory.delete_account(kind, _number(kind, call), call.principal)
    return _gone()


@family.call("GET", _ROOT + "/Users", access=anyone)
def list_users(workspace: Workspace, call: Call) -> Response:
    """Users."""
    return _list_accounts(Kind.USER, workspace, call)


@family.call("POST", _ROOT + "/Users", access=admins_only)
def create_user(workspace: Workspace, call: Call) -> Response:
    """Add a user."""
    return _create_account(Kind.USER, workspace, call)


@family.call("GET", _ROOT + "/Users/{id}", access=anyone)
def get_user(workspace: Workspace, call: Call) -> Response:
    """One user."""
    return _get_account(Kind.USER, workspace, call)


@family.call("PUT", _ROOT + "/Users/{id}", access=admins_only)
def update_user(workspace: Workspace, call: Call) -> Response:
    """Replace what is known of a user."""
    return _replace_account(Kind.USER, workspace, call)


@family.call("PATCH", _ROOT + "/Users/{id}", access=admins_only)
def patch_user(workspace: Workspace, call: Call) -> Response:
    """Change parts of a user."""
    return _patch_account(Kind.USER, workspace, call)


@family.call("DELETE", _ROOT + "/Users/{id}", access=admins_only)
def delete_user(workspace: Workspace, call: Call) -> Response:
    """End a user."""
    return _delete_account(Kind.USER, workspace, call)


@family.call("GET", _ROOT + "/ServicePrincipals", access=anyone)
def list_service_principals(workspace: Workspace, call: Call) -> Response:
    """Service principals."""
    return _list_accounts(Kind.SERVICE_PRINCIPAL, workspace, call)


@family.call("POST", _ROOT + "/ServicePrincipals", access=admins_only)
def create_service_principal(workspace: Workspace, call: Call) -> Response:
    """Add a service principal; without an application id, it gets a new one."""
    return _create_account(Kind.SERVICE_PRINCIPAL, workspace, call)


@family.call("GET", _ROOT + "/ServicePrincipals/{id}", access=anyone)
def get_service_principal(workspace: Workspace, call: Call) -> Response:
    """One service principal."""
    return _get_account(Kind.SERVICE_PRINCIPAL, workspace, call)


@family.call("PUT", _ROOT + "/ServicePrincipals/{id}", access=admins_only)
def update_service_principal(workspace: Workspace, call: Call) -> Response:
    """Replace what is known of a service principal."""
    return _replace_account(Kind.SERVICE_PRINCIPAL, workspace, call)


@family.call("PATCH", _ROOT + "/ServicePrincipals/{id}", access=admins_only)
def patch_service_principal(workspace: Workspace, call: Call) -> Response:
    """Change parts of a service principal."""
    return _patch_account(Kind.SERVICE_PRINCIPAL, workspace, call)


@family.call("DELETE", _ROOT + "/ServicePrincipals/{id}", access=admins_only)
def delete_service_principal(workspace: Workspace, call: Call) -> Response:
    """End a service principal."""
    return _delete_account(Kind.SERVICE_PRINCIPAL, workspace, call)


@family.call("GET", _ROOT + "/Groups", access=anyone)
def list_groups(workspace: Workspace, call: Call) -> Response:
    """Groups."""
    resources = [group_json(one) for one in workspace.identity.directory.groups()]
    return _answer(answer_list(GROUP, [_visible(call, one) for one in resources], call.query))


@family.call("POST", _ROOT + "/Groups", access=admins_only)
def create_group(workspace: Workspace, call: Call) -> Response:
    """Add a group."""
    return _answer(group_json(workspace.identity.directory.create_group(read_group(call.body))), 201)


@family.call("GET", _ROOT + "/Groups/{id}", access=anyone)
def get_group(workspace: Workspace, call: Call) -> Response:
    """One group."""
    group = workspace.identity.directory.group(_number(Kind.GROUP, call))
    return _answer(_selected(call, _visible(call, group_json(group))))


@family.call("PUT", _ROOT + "/Groups/{id}", access=admins_only)
def update_group(workspace: Workspace, call: Call) -> Response:
    """Replace what is known of a group, also its members."""

    def edit(before: Group) -> Group:
        return read_group(call.body, before)

    return _answer(group_json(workspace.identity.directory.change_group(_number(Kind.GROUP, call), edit)))


@family.call("PATCH", _ROOT + "/Groups/{id}", access=admins_only)
def patch_group(workspace: Workspace, call: Call) -> Response:
    """Change parts of a group, such as single members."""

    def edit(before: Group) -> Group:
        return read_group(apply_patch(GROUP, group_json(before), call.body), before)

    return _answer(group_json(workspace.identity.directory.change_group(_number(Kind.GROUP, call), edit)))


@family.call("DELETE", _ROOT + "/Groups/{id}", access=admins_only)
def delete_group(workspace: Workspace, call: Call) -> Response:
    """End a group."""
    workspace.identity.directory.delete_group(_number(Kind.GROUP, call))
    return _gone()


def _number(kind: Kind, call: Call) -> int:
    return identifier(schema_of(kind), call.path["id"])


def _visible(call: Call, resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the caller may see: all of itself and, as an administrator, of everybody."""
    if call.principal.is_admin or resource["id"] == str(call.principal.id):
        return resource
    return publicly(resource)


def _selected(call: Call, resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return selected(resource, call.query.get("attributes"), call.query.get("excludedAttributes"))


def _answer(body: Mapping[str, Any], status: int = 200) -> Response:
    from starlette.responses import Response

    return Response(json.dumps(body), status_code=status, media_type="application/scim+json")


def _gone() -> Response:
    from starlette.responses import Response

    return Response(status_code=204)
