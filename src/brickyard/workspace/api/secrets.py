"""Secrets: scopes, values; access lists are refused by name."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import BadRequest, InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.workspace import GetSecretResponse, ListScopesResponse, ListSecretsResponse

__all__ = ["family"]

family = Family()


@family.call("POST", "/api/2.0/secrets/scopes/create")
def create_scope(workspace: Workspace, call: Call) -> None:
    """Make a scope whose values the workspace keeps itself."""
    backend = call.body.get("scope_backend_type") or "DATABRICKS"
    if backend != "DATABRICKS" or call.body.get("backend_azure_keyvault"):
        raise NotImplementedByWorkspace(f"secret scopes with the backend {backend} are not implemented; DATABRICKS is")
    if call.body.get("initial_manage_principal") not in (None, "", "users"):
        raise InvalidParameterValue("initial_manage_principal can only be 'users'")
    workspace.secrets.create_scope(_text(call.body, "scope"), call.principal.user_name)


@family.call("GET", "/api/2.0/secrets/scopes/list")
def list_scopes(workspace: Workspace, call: Call) -> ListScopesResponse:
    """All scopes."""
    from databricks.sdk.service.workspace import ListScopesResponse, ScopeBackendType, SecretScope

    names = workspace.secrets.scopes()
    return ListScopesResponse([SecretScope(name=name, backend_type=ScopeBackendType.DATABRICKS) for name in names])


@family.call("POST", "/api/2.0/secrets/scopes/delete")
def delete_scope(workspace: Workspace, call: Call) -> None:
    """Delete a scope with its secrets."""
    workspace.secrets.delete_scope(_text(call.body, "scope"))


@family.call("POST", "/api/2.0/secrets/put")
def put_secret(workspace: Workspace, call: Call) -> None:
    """Put a value, given as text or as base64 bytes."""
    workspace.secrets.put(_text(call.body, "scope"), _text(call.body, "key"), _value(call.body))


@family.call("GET", "/api/2.0/secrets/get")
def get_secret(workspace: Workspace, call: Call) -> GetSecretResponse:
    """A value, as base64."""
    from databricks.sdk.service.workspace import GetSecretResponse

    key = _text(call.query, "key")
    value = workspace.secrets.get(_text(call.query, "scope"), key)
    return GetSecretResponse(key=key, value=base64.b64encode(value).decode())


@family.call("GET", "/api/2.0/secrets/list")
def list_secrets(workspace: Workspace, call: Call) -> ListSecretsResponse:
    """The keys of a scope, without values."""
    from databricks.sdk.service.workspace import ListSecretsResponse, SecretMetadata

    found = workspace.secrets.list(_text(call.query, "scope"))
    return ListSecretsResponse([SecretMetadata(key=one.key, last_updated_timestamp=one.updated_at) for one in found])


@family.call("POST", "/api/2.0/secrets/delete")
def delete_secret(workspace: Workspace, call: Call) -> None:
    """Delete a secret."""
    workspace.secrets.delete(_text(call.body, "scope"), _text(call.body, "key"))


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidParameterValue(f"{name} is required")
    return value


def _value(fields: Mapping[str, Any]) -> bytes:
    """The value of a request; no message repeats any of it."""
    text, encoded = fields.get("string_value"), fields.get("bytes_value")
    if (text is None) == (encoded is None):
        raise BadRequest("exactly one of string_value and bytes_value is required")
    try:
        return text.encode() if isinstance(text, str) else base64.b64decode(encoded or "", validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidParameterValue("string_value must be text, and bytes_value base64") from error
