"""Secrets of service principals: what they exchange for access tokens."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import admins_only
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.api.tokens import check_scopes
from brickyard.workspace.identity.oauth import LONGEST_SECRET_SECONDS
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.oauth2 import (
        CreateServicePrincipalSecretResponse,
        ListServicePrincipalSecretsResponse,
    )

    from brickyard.workspace.identity.oauth import SecretRecord

__all__ = ["family"]

family = Family()
_SECRETS = "/api/2.0/accounts/servicePrincipals/{service_principal_id}/credentials/secrets"


@family.call("POST", _SECRETS, access=admins_only)
def create_secret(workspace: Workspace, call: Call) -> CreateServicePrincipalSecretResponse:
    """Make a secret; the answer is the only time its value is shown."""
    from databricks.sdk.service.oauth2 import CreateServicePrincipalSecretResponse

    check_scopes(call.body)
    value, record = workspace.identity.oauth.create_secret(_number(call), _lifetime(call.body.get("lifetime")))
    return CreateServicePrincipalSecretResponse.from_dict(_info(record) | {"secret": value})


@family.call("GET", _SECRETS, access=admins_only)
def list_secrets(workspace: Workspace, call: Call) -> ListServicePrincipalSecretsResponse:
    """The secrets, without their values: there are never so many that they need pages."""
    from databricks.sdk.service.oauth2 import ListServicePrincipalSecretsResponse

    _check_exists(workspace, _number(call))
    records = workspace.identity.oauth.secrets_of(_number(call))
    return ListServicePrincipalSecretsResponse.from_dict({"secrets": [_info(record) for record in records]})


@family.call("DELETE", _SECRETS + "/{secret_id}", access=admins_only)
def delete_secret(workspace: Workspace, call: Call) -> None:
    """End a secret."""
    workspace.identity.oauth.delete_secret(_number(call), call.path["secret_id"])


def _number(call: Call) -> int:
    text = call.path["service_principal_id"]
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ResourceDoesNotExist(f"Service principal {text} does not exist; its number is asked for")
    return int(text)


def _check_exists(workspace: Workspace, principal_id: int) -> None:
    from brickyard.workspace.identity.principals import Kind

    if workspace.identity.principals.describe(principal_id).kind is not Kind.SERVICE_PRINCIPAL:
        raise ResourceDoesNotExist(f"Service principal {principal_id} does not exist")


def _lifetime(text: Any) -> int:
    """Seconds, from the form `3600s`."""
    if text is None:
        return LONGEST_SECRET_SECONDS
    found = re.fullmatch("([0-9]{1,12})s", text) if isinstance(text, str) else None
    if found is None or not 0 < int(found[1]) <= LONGEST_SECRET_SECONDS:
        raise InvalidParameterValue(f"lifetime must be seconds, from `1s` to `{LONGEST_SECRET_SECONDS}s`")
    return int(found[1])


def _info(record: SecretRecord) -> dict[str, str]:
    return {
        "id": record.id,
        "secret_hash": record.hash,
        "status": "ACTIVE",
        "create_time": _time(record.created_at),
        "update_time": _time(record.created_at),
        "expire_time": _time(record.expires_at),
    }


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
