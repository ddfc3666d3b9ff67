"""Personal access tokens of the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotFound, NotImplementedByWorkspace
from brickyard.workspace.identity.service import TOKEN_USE
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.settings import (
        CreateTokenResponse,
        ListPublicTokensResponse,
        PublicTokenInfo,
        UpdateTokenResponse,
    )

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.identity.service import TokenRecord

__all__ = ["asked_comment", "asked_lifetime", "check_scopes", "family", "require_token_use"]

family = Family()
_LONGEST_COMMENT = 2000


def require_token_use(workspace: Workspace, principal: Principal) -> None:
    """Refuse a principal that may not make personal access tokens.

    Raises:
        PermissionDenied: It has not been granted CAN_USE on tokens.
    """
    workspace.identity.permissions.require(principal, TOKEN_USE, "CAN_USE")


def _may_use_tokens(workspace: Workspace, call: Call) -> None:
    require_token_use(workspace, call.principal)


@family.call("POST", "/api/2.0/token/create", access=_may_use_tokens)
def create(workspace: Workspace, call: Call) -> CreateTokenResponse:
    """Issue a token; the answer is the only time its value is shown."""
    from databricks.sdk.service.settings import CreateTokenResponse

    check_scopes(call.body)
    identity = workspace.identity
    lifetime = identity.token_lifetime(asked_lifetime(call.body))
    value, record = identity.create_token(call.principal, asked_comment(call.body), lifetime)
    return CreateTokenResponse(token_value=value, token_info=_info(record))


@family.call("GET", "/api/2.0/token/list", access=anyone)
def list_tokens(workspace: Workspace, call: Call) -> ListPublicTokensResponse:
    """The caller's tokens, without their values."""
    from databricks.sdk.service.settings import ListPublicTokensResponse

    records = workspace.identity.tokens.records(call.principal)
    return ListPublicTokensResponse(token_infos=[_info(record) for record in records])


@family.call("POST", "/api/2.0/token/delete", access=anyone)
def delete(workspace: Workspace, call: Call) -> None:
    """End a token at once."""
    workspace.identity.delete_token(call.principal, call.required("token_id"))


@family.call("PATCH", "/api/2.0/token/{token_id}", access=anyone)
def update(workspace: Workspace, call: Call) -> UpdateTokenResponse:
    """Change the comment of one of the caller's tokens."""
    from databricks.sdk.service.settings import UpdateTokenResponse

    from brickyard.workspace.api.errors import ResourceDoesNotExist

    try:
        workspace.identity.tokens.rename(call.path["token_id"], new_comment(call.body), call.principal)
    except ResourceDoesNotExist as error:
        raise NotFound(error.message) from error  # the code that the vendor documents for this one
    return UpdateTokenResponse()


def new_comment(body: Mapping[str, Any]) -> str:
    """The comment that a token is to get, from `token` and `update_mask`.

    Raises:
        InvalidParameterValue: Something else is to be changed, or nothing.
        NotImplementedByWorkspace: The scopes are to be changed.
    """
    token, mask = body.get("token"), body.get("update_mask")
    if not isinstance(token, Mapping) or not isinstance(mask, str):
        raise InvalidParameterValue("token and update_mask are required")
    fields = {name.strip() for name in mask.split(",")}
    if "scopes" in fields:
        check_scopes(token)
    unknown = fields - {"comment", "scopes", "*"}
    if unknown or fields == {"scopes"}:
        raise InvalidParameterValue(f"update_mask must be `comment`, not {mask[:80]!r}: nothing else can be changed")
    return asked_comment(token)


def asked_lifetime(body: Mapping[str, Any]) -> int | None:
    """The lifetime that a body asks for, in seconds; nothing where it asks for none.

    Raises:
        InvalidParameterValue: It is no positive number.
    """
    lifetime = body.get("lifetime_seconds")
    if lifetime is not None and (type(lifetime) is not int or lifetime <= 0):
        raise InvalidParameterValue("lifetime_seconds must be a positive number of seconds")
    return lifetime


def asked_comment(body: Mapping[str, Any]) -> str:
    """The comment in a body, empty where there is none.

    Raises:
        InvalidParameterValue: It is no text, or longer than a comment can be.
    """
    comment = body.get("comment") or ""
    if not isinstance(comment, str) or len(comment) > _LONGEST_COMMENT or "\0" in comment:
        raise InvalidParameterValue(f"comment must be text of at most {_LONGEST_COMMENT} characters")
    return comment


def check_scopes(body: Mapping[str, Any]) -> None:
    """Refuse tokens that may do less than their owner: the local workspace has none.

    Raises:
        NotImplementedByWorkspace: The body asks for scopes other than `all-apis`.
    """
    if body.get("scopes") not in (None, [], ["all-apis"]) or body.get("autoscope_enabled"):
        raise NotImplementedByWorkspace("tokens with scopes are not implemented: every token is for `all-apis`")


def _info(record: TokenRecord) -> PublicTokenInfo:
    from databricks.sdk.service.settings import PublicTokenInfo

    return PublicTokenInfo(
        token_id=record.id,
        comment=record.comment,
        creation_time=record.created_at,
        expiry_time=-1 if record.expires_at is None else record.expires_at,
    )
