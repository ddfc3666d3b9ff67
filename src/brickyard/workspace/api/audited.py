"""What a request leaves in the audit record: an event for each change and each refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.identity.audit import AuditEvent

if TYPE_CHECKING:
    from starlette.types import Scope

    from brickyard.workspace.api.base import Call, Operation
    from brickyard.workspace.identity import Principal

__all__ = ["described"]

_REFUSED = (401, 403)
# What names an object in a query or a body. Nothing else of them is kept: a value could be a secret.
_NAMES = [
    "path",
    "source_path",
    "destination_path",
    "job_id",
    "run_id",
    "scope",
    "key",
    "name",
    "full_name",
    "token_id",
    "principal",
    "experiment_id",
    "id",
    "userName",
    "displayName",
    "applicationId",
    "application_id",
    "git_provider",
]
_LONGEST = 300


def described(scope: Scope, status: int, error_code: str = "") -> AuditEvent | None:
    """The event of a request that was answered, or nothing where it neither changed anything nor was refused."""
    state = scope["state"]
    operation: Operation | None = state.get("operation")
    if status not in _REFUSED and (operation is None or not operation.changes):
        return None
    call: Call | None = state.get("call")
    principal: Principal | None = state.get("principal")
    family = state.get("family", "unknown")
    return AuditEvent(
        principal="" if principal is None else principal.user_name,
        source_address=(scope.get("client") or ("",))[0],
        action=f"{family}.{operation.name}" if operation else f"{scope['method']} {scope['path']}"[:_LONGEST],
        object="" if call is None else _object(call),
        status=status,
        error_code=error_code,
    )


def _object(call: Call) -> str:
    """The names in a call, as `job_id=12`."""
    named: dict[str, Any] = {}
    sources: tuple[Mapping[str, Any], ...] = (call.body, call.query)
    for source in sources:
        named |= {name: source[name] for name in _NAMES if isinstance(source.get(name), str | int)}
    named |= call.path
    return " ".join(f"{name}={str(value)[:_LONGEST]}" for name, value in named.items())
