"""Storage credentials: `w.storage_credentials` of the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.unity.guards import caller, manages, needs, sees, shown
from brickyard.workspace.api.unity.requests import boolean, changes, flag, isolation, only, page, text
from brickyard.workspace.catalog.names import valid_name
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import CredentialRecord
from brickyard.workspace.catalog.urls import address
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import (
        StorageCredentialInfo,
        ValidateStorageCredentialResponse,
        ValidationResultResult,
    )

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog/storage-credentials"
#: Whose identity in which cloud a credential is; without one it is that of the server's own user.
_IDENTITIES = (
    "aws_iam_role",
    "azure_managed_identity",
    "azure_service_principal",
    "cloudflare_api_token",
    "databricks_gcp_service_account",
)
#: They would be used for nothing here, so they are not kept.
_SECRETS = ("client_secret", "secret_access_key")


def declare(family: Family) -> None:
    """Add these calls to the family."""
    kind = ObjectKind.STORAGE_CREDENTIAL
    creates = needs(ObjectKind.METASTORE, lambda call: "", "CREATE_STORAGE_CREDENTIAL")
    family.call("POST", _BASE, access=creates)(create_storage_credential)
    family.call("GET", _BASE, access=anyone)(list_storage_credentials)
    family.call("GET", _BASE + "/{name}", access=sees(kind))(get_storage_credential)
    family.call("PATCH", _BASE + "/{name}", access=manages(kind))(update_storage_credential)
    family.call("DELETE", _BASE + "/{name}", access=manages(kind))(delete_storage_credential)
    validate = "/api/2.1/unity-catalog/validate-storage-credentials"
    family.call("POST", validate, access=_validates, changes=False)(validate_storage_credential)


def create_storage_credential(workspace: Workspace, call: Call) -> StorageCredentialInfo:
    """Keep a storage credential."""
    only(call, "name", "comment", "read_only", "skip_validation", *_IDENTITIES)
    made = workspace.catalog.storage.create_credential(
        valid_name(call.body.get("name")),
        call.principal.user_name,
        comment=text(call, "comment"),
        identity=_identity(call),
        read_only=boolean(call, "read_only"),
        isolation_mode="ISOLATION_MODE_OPEN",
    )
    return _info(workspace, made)


def list_storage_credentials(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The storage credentials that the caller may see."""
    found = shown(workspace, call, ObjectKind.STORAGE_CREDENTIAL, workspace.catalog.storage.credentials())
    return page(call, "storage_credentials", found, lambda one: one.full_name, lambda one: _info(workspace, one))


def get_storage_credential(workspace: Workspace, call: Call) -> StorageCredentialInfo:
    """One storage credential."""
    return _info(workspace, workspace.catalog.storage.credential(call.path["name"]))


def update_storage_credential(workspace: Workspace, call: Call) -> StorageCredentialInfo:
    """Change a storage credential."""
    known = ("read_only", "isolation_mode", "force", "skip_validation", "new_name", *_IDENTITIES)
    values = changes(workspace, call, "comment", "owner", *known)
    values |= {"read_only": boolean(call, "read_only")} if "read_only" in call.body else {}
    values |= {"isolation_mode": isolation(call)} if "isolation_mode" in call.body else {}
    values |= {"identity": _identity(call)} if any(call.body.get(one) for one in _IDENTITIES) else {}
    if text(call, "new_name"):
        values["new_name"] = valid_name(call.body["new_name"], "new_name")
    by = call.principal.user_name
    return _info(workspace, workspace.catalog.storage.change_credential(call.path["name"], by, values))


def delete_storage_credential(workspace: Workspace, call: Call) -> None:
    """Delete a storage credential."""
    workspace.catalog.storage.delete_credential(call.path["name"], force=flag(call, "force"))


def _validates(workspace: Workspace, call: Call) -> None:
    """Whoever may make external locations of the credential, or one that names none yet."""
    if call.principal.is_admin:
        return
    may = caller(workspace, call)
    location, credential = text(call, "external_location_name"), text(call, "storage_credential_name")
    if location:
        may.require_management(ObjectKind.EXTERNAL_LOCATION, location)
    elif credential:
        may.require_management(ObjectKind.STORAGE_CREDENTIAL, credential, "CREATE_EXTERNAL_LOCATION")
    else:
        may.require(ObjectKind.METASTORE, "", "CREATE_STORAGE_CREDENTIAL")


def validate_storage_credential(workspace: Workspace, call: Call) -> ValidateStorageCredentialResponse:
    """Try what a credential can do at a url: on this machine it is tried, in a cloud it is said that it was not."""
    from databricks.sdk.service.catalog import (
        ValidateStorageCredentialResponse,
        ValidationResult,
        ValidationResultOperation,
    )

    storage = workspace.catalog.storage
    location = text(call, "external_location_name")
    url = storage.location(location).url if location else text(call, "url")
    if not url:
        raise InvalidParameterValue("url or external_location_name is required")
    if name := text(call, "storage_credential_name"):
        storage.credential(name)
    local = address(url, workspace.data.resolve()).local
    results = []
    for operation in ("PATH_EXISTS", "LIST", "READ", "WRITE", "DELETE"):
        result, message = _tried(operation, local, url, read_only=boolean(call, "read_only"))
        results.append(ValidationResult(message, ValidationResultOperation(operation), result))
    return ValidateStorageCredentialResponse(is_dir=local is not None and local.is_dir(), results=results)


def _tried(operation: str, local: Any, url: str, *, read_only: bool) -> tuple[ValidationResultResult, str | None]:
    import os

    from databricks.sdk.service.catalog import ValidationResultResult as Result

    writes = operation in ("WRITE", "DELETE")
    if local is None:
        return Result.SKIP, f"A local workspace has no way to {url}; nothing was tried."
    if writes and read_only:
        return Result.SKIP, "read only"
    needed = os.W_OK | os.X_OK if writes else os.R_OK | os.X_OK
    passed = local.is_dir() if operation == "PATH_EXISTS" else os.access(local, needed)
    return (Result.PASS, None) if passed else (Result.FAIL, f"The server's user cannot do this in {local}.")


def _identity(call: Call) -> dict[str, Any] | None:
    given = {name: call.body[name] for name in _IDENTITIES if call.body.get(name)}
    if len(given) > 1:
        raise InvalidParameterValue(f"A storage credential is one identity, not {', '.join(given)}.")
    for name, value in given.items():
        if not isinstance(value, dict):
            raise InvalidParameterValue(f"{name} must be an object")
        given[name] = {field: each for field, each in value.items() if field not in _SECRETS}
    return given or None


def _info(workspace: Workspace, record: CredentialRecord) -> StorageCredentialInfo:
    from databricks.sdk.service.catalog import StorageCredentialInfo

    return StorageCredentialInfo.from_dict(
        {
            **(record.identity or {}),
            "name": record.name,
            "full_name": record.full_name,
            "id": record.id,
            "comment": record.comment,
            "owner": record.owner,
            "read_only": record.read_only,
            "isolation_mode": record.isolation_mode,
            "used_for_managed_storage": False,
            "metastore_id": workspace.catalog.metastore_id,
            "created_at": record.created_at,
            "created_by": record.created_by,
            "updated_at": record.updated_at,
            "updated_by": record.updated_by,
        }
    )
