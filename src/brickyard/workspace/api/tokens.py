"""Personal access tokens of the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.settings import CreateTokenResponse, ListPublicTokensResponse, PublicTokenInfo

    from brickyard.workspace.identity.service import TokenRecord

__all__ = ["family"]

family = Family()
_LONGEST_LIFETIME = 100 * 366 * 24 * 3600  # about a century, so that times stay numbers of the database


@family.call("POST", "/api/2.0/token/create")
def create(workspace: Workspace, call: Call) -> CreateTokenResponse:
    """Issue a token; the answer is the only time its value is shown."""
    from databricks.sdk.service.settings import CreateTokenResponse

    lifetime = call.body.get("lifetime_seconds")
    if lifetime is not None and (type(lifetime) is not int or lifetime <= 0):
        raise InvalidParameterValue("lifetime_seconds must be a positive number of seconds")
    comment = call.body.get("comment") or ""
    if not isinstance(comment, str):
        raise InvalidParameterValue("comment must be text")
    if lifetime is not None and lifetime > _LONGEST_LIFETIME:
        raise InvalidParameterValue(f"lifetime_seconds must be at most {_LONGEST_LIFETIME}")
    value, record = workspace.identity.create_token(call.principal, comment, lifetime)
    return CreateTokenResponse(token_value=value, token_info=_info(record))


@family.call("GET", "/api/2.0/token/list")
def list_tokens(workspace: Workspace, call: Call) -> ListPublicTokensResponse:
    """The caller's tokens, without their values."""
    from databricks.sdk.service.settings import ListPublicTokensResponse

    records = workspace.identity.list_tokens(call.principal)
    return ListPublicTokensResponse(token_infos=[_info(record) for record in records])


@family.call("POST", "/api/2.0/token/delete")
def delete(workspace: Workspace, call: Call) -> None:
    """End a token at once."""
    token_id = call.body.get("token_id")
    if not isinstance(token_id, str) or not token_id:
        raise InvalidParameterValue("token_id is required")
    workspace.identity.delete_token(call.principal, token_id)


def _info(record: TokenRecord) -> PublicTokenInfo:
    from databricks.sdk.service.settings import PublicTokenInfo

    return PublicTokenInfo(
        token_id=record.id,
        comment=record.comment,
        creation_time=record.created_at,
        expiry_time=-1 if record.expires_at is None else record.expires_at,
    )
