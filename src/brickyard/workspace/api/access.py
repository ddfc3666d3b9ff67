"""Who may call an operation: declared with it, and checked before it runs.

An operation says `access=anyone` where every principal may call it (lists, which show only what the caller may see,
and creation), `access=admins_only`, or a function of the family that looks at the object the call is about, for example

    @family.call("POST", "/api/2.2/jobs/delete", access=on_job("CAN_MANAGE"))

where `on_job` answers a function that calls `workspace.identity.permissions.require`. Of an `async` operation the
function may be `async`, where it never waits for anything; others are called in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from brickyard.workspace.api.errors import PermissionDenied

if TYPE_CHECKING:
    from brickyard.workspace.api.base import Call
    from brickyard.workspace.workspace import Workspace

__all__ = ["Access", "admins_only", "anyone"]

Access: TypeAlias = Callable[["Workspace", "Call"], Any]


def anyone(workspace: Workspace, call: Call) -> None:
    """Every principal of the workspace may call this."""


def admins_only(workspace: Workspace, call: Call) -> None:
    """Only administrators of the workspace may call this.

    Raises:
        PermissionDenied: The caller is none.
    """
    if not call.principal.is_admin:
        raise PermissionDenied("Only administrators of the workspace (members of the group `admins`) may do this.")
