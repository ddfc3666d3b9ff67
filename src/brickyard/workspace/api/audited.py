"""What a request leaves in the audit record: an event for each change and each refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.audited_grants import granted
from brickyard.workspace.identity.audit import AuditEvent

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

    from brickyard.workspace.api.base import Call, Operation
    from brickyard.workspace.identity import Principal

__all__ = ["described", "error_code"]

_REFUSED = (401, 403)
# What names an object in a query or a body. Nothing else of them is kept: a value could be a secret.
_NAMES = [
    "path",
    "source_path",
    "destination_path",
    "job_id",
    "cluster_id",
    "clusterId",
    "contextId",
    "commandId",
    "cluster_name",
    "owner_username",
    "run_id",
    "scope",
    "key",
    "name",
    "full_name",
    "token_id",
    "principal",
    "permission",
    "owner",
    "experiment_id",
    "run_uuid",
    "model_id",
    "version",
    "alias",
    "id",
    "userName",
    "displayName",
    "applicationId",
    "application_id",
    "git_provider",
]
_LONGEST = 300
_LONGEST_ERROR = 64 * 1024


def described(scope: Scope, status: int, error_code: str = "") -> AuditEvent | None:
    """The event of a request that was answered, or nothing where it neither changed anything nor was refused."""
    state = scope["state"]
    operation: Operation | None = state.get("operation")
    changes = state.get("changes", False) if operation is None else operation.changes
    if status not in _REFUSED and not changes:
        return None
    call: Call | None = state.get("call")
    principal: Principal | None = state.get("principal")
    return AuditEvent(
        principal="" if principal is None else principal.user_name,
        source_address=(scope.get("client") or ("",))[0],
        action=_action(scope)[:_LONGEST],
        object="" if call is None else _object(call),
        status=status,
        error_code=error_code,
    )


def error_code(response: Response) -> str:
    """The code in an error that a library or an application wrote itself; empty where there is none."""
    body = getattr(response, "body", b"")
    if response.status_code < 400 or len(body) > _LONGEST_ERROR:
        return ""
    try:
        fields = json.loads(body)
    except ValueError:
        return ""
    found = (fields.get("error_code") or fields.get("error") or "") if isinstance(fields, dict) else ""
    return str(found)[:_LONGEST]


def _action(scope: Scope) -> str:
    """The family and what was called: an operation, what a mounted application calls it, or an address."""
    state = scope["state"]
    operation: Operation | None = state.get("operation")
    family = state.get("family", "unknown")
    name = state.get("action") if operation is None else operation.name
    if name is None:
        return f"{scope['method']} {scope['path']}"
    if name.startswith("_"):  # one function answers for many operations; the address tells which
        name = scope["path"].partition(f"/{family}/")[2] or scope["path"]
    return f"{family}.{name}"


def _object(call: Call) -> str:
    """The names in a call, as `job_id=12`."""
    named: dict[str, Any] = {}
    sources: tuple[Mapping[str, Any], ...] = (call.body, call.query)
    for source in sources:
        named |= {name: source[name] for name in _NAMES if isinstance(source.get(name), str | int)}
    named |= {name: value for name, value in call.path.items() if name != "rest"}
    parts = [f"{name}={str(value)[:_LONGEST]}" for name, value in named.items()]
    return " ".join([*parts, *granted(call.body)])
