"""Personal access tokens of everybody, for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.access import admins_only
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.api.shape import MAX_INTEGER
from brickyard.workspace.api.tokens import asked_comment, asked_lifetime, check_scopes, new_comment, require_token_use
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.settings import (
        CreateOboTokenResponse,
        GetTokenResponse,
        ListTokensResponse,
        TokenInfo,
    )

    from brickyard.workspace.identity.service import TokenRecord

__all__ = ["family"]

family = Family()
_TOKENS = "/api/2.0/token-management/tokens"


@family.call("GET", _TOKENS, access=admins_only)
def list_all_tokens(workspace: Workspace, call: Call) -> ListTokensResponse:
    """Everybody's tokens, or those that one principal made."""
    from databricks.sdk.service.settings import ListTokensResponse

    maker = _maker(workspace, call)
    records = [] if maker == 0 else workspace.identity.tokens.records(created_by=maker)
    return ListTokensResponse([_info(workspace, record) for record in records])


@family.call("GET", _TOKENS + "/{token_id}", access=admins_only)
def get_token(workspace: Workspace, call: Call) -> GetTokenResponse:
    """What is known of a token, without its value."""
    from databricks.sdk.service.settings import GetTokenResponse

    return GetTokenResponse(_info(workspace, workspace.identity.tokens.get(call.path["token_id"])))


@family.call("DELETE", _TOKENS + "/{token_id}", access=admins_only)
def delete_token(workspace: Workspace, call: Call) -> None:
    """End a token at once."""
    workspace.identity.tokens.delete(call.path["token_id"])


@family.call("PATCH", _TOKENS + "/{token_id}", access=admins_only)
def update_token(workspace: Workspace, call: Call) -> TokenInfo:
    """Change the comment of a token."""
    return _info(workspace, workspace.identity.tokens.rename(call.path["token_id"], new_comment(call.body)))


@family.call("POST", "/api/2.0/token-management/on-behalf-of/tokens", access=admins_only)
def create_obo_token(workspace: Workspace, call: Call) -> CreateOboTokenResponse:
    """Issue a token to a service principal; the answer is the only time its value is shown."""
    from databricks.sdk.service.settings import CreateOboTokenResponse

    check_scopes(call.body)
    identity, application = workspace.identity, call.body.get("application_id")
    if not isinstance(application, str) or not application:
        raise InvalidParameterValue("application_id is required: the application id of a service principal")
    who = identity.principal_named(application)
    if who.kind is not Kind.SERVICE_PRINCIPAL:
        raise ResourceDoesNotExist(f"There is no service principal with the application id {application}")
    require_token_use(workspace, who)
    lifetime = identity.token_lifetime(asked_lifetime(call.body))
    comment = asked_comment(call.body)
    value, record = identity.tokens.create(who, comment, lifetime, created_by=call.principal)
    return CreateOboTokenResponse(token_info=_info(workspace, record), token_value=value)


def _maker(workspace: Workspace, call: Call) -> int | None:
    """The number of the principal whose tokens are asked for; 0 where there is no such principal."""
    number, name = call.query.get("created_by_id"), call.query.get("created_by_username")
    if number:
        if not (number.isascii() and number.isdecimal()) or len(number) > 18 or int(number) > MAX_INTEGER:
            raise InvalidParameterValue(f"created_by_id must be the number of a principal, not {number[:80]!r}")
        return int(number)
    if name:
        find = workspace.identity.principals.find
        return find(Kind.USER, name) or find(Kind.SERVICE_PRINCIPAL, name) or 0
    return None


def _info(workspace: Workspace, record: TokenRecord) -> TokenInfo:
    from databricks.sdk.service.settings import TokenInfo

    return TokenInfo(
        token_id=record.id,
        comment=record.comment,
        creation_time=record.created_at,
        expiry_time=-1 if record.expires_at is None else record.expires_at,
        created_by_id=record.created_by,
        created_by_username=_name(workspace, record.created_by),
        owner_id=record.owner_id,
        last_used_day=record.used_on,
        workspace_id=workspace.workspace_id,
    )


def _name(workspace: Workspace, principal_id: int) -> str | None:
    try:
        return workspace.identity.principals.describe(principal_id).name
    except ResourceDoesNotExist:
        return None  # who made it is no longer there
