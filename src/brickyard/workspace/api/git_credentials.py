"""Git credentials of the caller; an administrator also manages those of service principals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied, ResourceDoesNotExist
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.workspace import (
        CreateCredentialsResponse,
        GetCredentialsResponse,
        ListCredentialsResponse,
    )

    from brickyard.workspace.identity.git_credentials import GitCredential

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/git-credentials"


@family.call("POST", _ROOT, access=anyone)
def create_git_credential(workspace: Workspace, call: Call) -> CreateCredentialsResponse:
    """Keep a credential."""
    from databricks.sdk.service.workspace import CreateCredentialsResponse

    created = workspace.files.git_credentials.create(_whose(workspace, call, call.body), call.body)
    return CreateCredentialsResponse.from_dict(_wire(created))


@family.call("GET", _ROOT, access=anyone)
def list_git_credentials(workspace: Workspace, call: Call) -> ListCredentialsResponse:
    """The caller's credentials, without their tokens."""
    from databricks.sdk.service.workspace import CredentialInfo, ListCredentialsResponse

    found = workspace.files.git_credentials.list(_whose(workspace, call, call.query))
    return ListCredentialsResponse([CredentialInfo.from_dict(_wire(one)) for one in found])


@family.call("GET", _ROOT + "/{credential_id}", access=anyone)
def get_git_credential(workspace: Workspace, call: Call) -> GetCredentialsResponse:
    """One credential, without its token."""
    from databricks.sdk.service.workspace import GetCredentialsResponse

    found = workspace.files.git_credentials.get(_whose(workspace, call, call.query), _id(call))
    return GetCredentialsResponse.from_dict(_wire(found))


@family.call("PATCH", _ROOT + "/{credential_id}", access=anyone)
def update_git_credential(workspace: Workspace, call: Call) -> None:
    """Change a credential."""
    workspace.files.git_credentials.update(_whose(workspace, call, call.body), _id(call), call.body)


@family.call("DELETE", _ROOT + "/{credential_id}", access=anyone)
def delete_git_credential(workspace: Workspace, call: Call) -> None:
    """Forget a credential."""
    workspace.files.git_credentials.delete(_whose(workspace, call, call.query), _id(call))


def _whose(workspace: Workspace, call: Call, fields: Any) -> int:
    """The caller, or the service principal that the call names."""
    wanted = str(fields.get("principal_id") or call.principal.id)
    if not wanted.isdecimal() or len(wanted) > 18:
        raise InvalidParameterValue("principal_id must be a number")
    if int(wanted) != call.principal.id and not call.principal.is_admin:
        raise PermissionDenied("Only administrators manage the Git credentials of others.")
    return workspace.identity.principals.describe(int(wanted)).id


def _id(call: Call) -> int:
    if not call.path["credential_id"].isdecimal() or len(call.path["credential_id"]) > 18:
        raise ResourceDoesNotExist(f"Git credential {call.path['credential_id']} does not exist.")
    return int(call.path["credential_id"])


def _wire(credential: GitCredential) -> dict[str, Any]:
    return {
        "credential_id": credential.id,
        "git_provider": credential.provider,
        "git_username": credential.username,
        "git_email": credential.email,
        "name": credential.name,
        "is_default_for_provider": credential.is_default,
    }
