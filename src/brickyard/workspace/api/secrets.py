"""Secrets: scopes, values and access lists."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import Access, admins_only, anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, MalformedRequest
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.workspace import (
        AclItem,
        GetSecretResponse,
        ListAclsResponse,
        ListScopesResponse,
        ListSecretsResponse,
        SecretScope,
    )

    from brickyard.workspace.secrets.key_vault_address import KeyVaultAddress
    from brickyard.workspace.secrets.scopes import Acl, Scope

__all__ = ["family"]

family = Family()
_BACKENDS = ("DATABRICKS", "AZURE_KEYVAULT")


def _on_scope(permission: str) -> Access:
    def check(workspace: Workspace, call: Call) -> None:
        workspace.secrets.scopes.require(call.principal, _scope(workspace, call), permission)

    return check


@family.call("POST", "/api/2.0/secrets/scopes/create", access=anyone)
def create_scope(workspace: Workspace, call: Call) -> None:
    """Make a scope whose values the workspace keeps itself, or one that shows those of an Azure Key Vault."""
    name, vault = _text(call.body, "scope"), _key_vault(call.body)
    if vault is not None:  # it is read with the credential of whoever runs the workspace
        admins_only(workspace, call)
    if call.body.get("initial_manage_principal") not in (None, "", "users"):
        raise InvalidParameterValue("initial_manage_principal can only be 'users'")
    everybody = call.body.get("initial_manage_principal") == "users"
    manager = workspace.identity.principals.users if everybody else call.principal.id
    workspace.secrets.scopes.create(name, call.principal, manager, vault)


@family.call("GET", "/api/2.0/secrets/scopes/list", access=anyone)
def list_scopes(workspace: Workspace, call: Call) -> ListScopesResponse:
    """The scopes that the caller may read."""
    from databricks.sdk.service.workspace import ListScopesResponse

    return ListScopesResponse([_shown(scope) for scope in workspace.secrets.scopes.readable(call.principal)])


@family.call("POST", "/api/2.0/secrets/scopes/delete", access=_on_scope("MANAGE"))
def delete_scope(workspace: Workspace, call: Call) -> None:
    """Delete a scope with its secrets; a Key Vault keeps its own."""
    workspace.secrets.scopes.delete(_scope(workspace, call))


@family.call("POST", "/api/2.0/secrets/put", access=_on_scope("WRITE"))
def put_secret(workspace: Workspace, call: Call) -> None:
    """Put a value, given as text or as base64 bytes."""
    workspace.secrets.put(_scope(workspace, call), _text(call.body, "key"), _value(call.body))


@family.call("GET", "/api/2.0/secrets/get", access=_on_scope("READ"))
def get_secret(workspace: Workspace, call: Call) -> GetSecretResponse:
    """A value, as base64."""
    from databricks.sdk.service.workspace import GetSecretResponse

    key = _text(call.query, "key")
    value = workspace.secrets.get(_scope(workspace, call), key)
    return GetSecretResponse(key=key, value=base64.b64encode(value).decode())


@family.call("GET", "/api/2.0/secrets/list", access=_on_scope("READ"))
def list_secrets(workspace: Workspace, call: Call) -> ListSecretsResponse:
    """The keys of a scope, without values."""
    from databricks.sdk.service.workspace import ListSecretsResponse, SecretMetadata

    found = workspace.secrets.list(_scope(workspace, call))
    return ListSecretsResponse([SecretMetadata(key=one.key, last_updated_timestamp=one.updated_at) for one in found])


@family.call("POST", "/api/2.0/secrets/delete", access=_on_scope("WRITE"))
def delete_secret(workspace: Workspace, call: Call) -> None:
    """Delete a secret."""
    workspace.secrets.delete(_scope(workspace, call), _text(call.body, "key"))


@family.call("POST", "/api/2.0/secrets/acls/put", access=_on_scope("MANAGE"))
def put_acl(workspace: Workspace, call: Call) -> None:
    """Grant a permission on a scope to a user, a group or a service principal."""
    principal, permission = _text(call.body, "principal"), _text(call.body, "permission")
    workspace.secrets.scopes.put_acl(_scope(workspace, call), principal, permission)


@family.call("GET", "/api/2.0/secrets/acls/get", access=_on_scope("MANAGE"))
def get_acl(workspace: Workspace, call: Call) -> AclItem:
    """What one principal was granted on a scope."""
    return _item(workspace.secrets.scopes.acl(_scope(workspace, call), _text(call.query, "principal")))


@family.call("GET", "/api/2.0/secrets/acls/list", access=_on_scope("MANAGE"))
def list_acls(workspace: Workspace, call: Call) -> ListAclsResponse:
    """What was granted on a scope."""
    from databricks.sdk.service.workspace import ListAclsResponse

    return ListAclsResponse([_item(acl) for acl in workspace.secrets.scopes.acls(_scope(workspace, call))])


@family.call("POST", "/api/2.0/secrets/acls/delete", access=_on_scope("MANAGE"))
def delete_acl(workspace: Workspace, call: Call) -> None:
    """Take back what a principal was granted on a scope."""
    workspace.secrets.scopes.delete_acl(_scope(workspace, call), _text(call.body, "principal"))


def _scope(workspace: Workspace, call: Call) -> Scope:
    fields = call.query if call.request.method == "GET" else call.body
    return workspace.secrets.scopes.get(_text(fields, "scope"))


def _item(acl: Acl) -> AclItem:
    from databricks.sdk.service.workspace import AclItem, AclPermission

    return AclItem(principal=acl.principal, permission=AclPermission(acl.permission))


def _shown(scope: Scope) -> SecretScope:
    from databricks.sdk.service.workspace import AzureKeyVaultSecretScopeMetadata, ScopeBackendType, SecretScope

    vault = scope.key_vault
    if vault is None:
        return SecretScope(name=scope.name, backend_type=ScopeBackendType.DATABRICKS)
    metadata = AzureKeyVaultSecretScopeMetadata(resource_id=vault.resource_id, dns_name=vault.dns_name)
    return SecretScope(name=scope.name, backend_type=ScopeBackendType.AZURE_KEYVAULT, keyvault_metadata=metadata)


def _key_vault(body: Mapping[str, Any]) -> KeyVaultAddress | None:
    """The vault that a new scope is to show; nothing where the workspace keeps its values."""
    from brickyard.workspace.secrets.key_vault_address import KeyVaultAddress
    from brickyard.workspace.secrets.key_vaults import require_libraries

    given = body.get("backend_azure_keyvault")
    backend = str(body.get("scope_backend_type") or ("DATABRICKS" if given is None else "AZURE_KEYVAULT")).upper()
    if backend not in _BACKENDS:
        raise InvalidParameterValue(f"scope_backend_type {backend!r} is not one of {', '.join(_BACKENDS)}")
    if backend == "DATABRICKS":
        if given:
            raise InvalidParameterValue("backend_azure_keyvault needs the scope_backend_type AZURE_KEYVAULT")
        return None
    fields: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    missing = [f"backend_azure_keyvault.{name}" for name in ("resource_id", "dns_name") if not fields.get(name)]
    if missing:
        raise InvalidParameterValue(f"Missing required fields: {', '.join(missing)}")
    address = KeyVaultAddress(_text(fields, "resource_id"), _text(fields, "dns_name"))
    address.check()
    require_libraries()
    return address


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value in (None, ""):
        raise InvalidParameterValue(f"Missing required field: {name}")
    if not isinstance(value, str):
        raise InvalidParameterValue(f"{name} must be a string")
    return value


def _value(fields: Mapping[str, Any]) -> bytes:
    """The value of a request; no message repeats any of it."""
    text, encoded = fields.get("string_value"), fields.get("bytes_value")
    if (text is None) == (encoded is None):
        raise MalformedRequest("exactly one of string_value and bytes_value is required")
    if isinstance(text, str):
        return text.encode()
    try:
        return base64.b64decode(encoded if isinstance(encoded, str) else "%", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidParameterValue("string_value must be text, and bytes_value base64") from error
