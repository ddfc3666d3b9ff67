"""Who may call an operation: declared with it, and checked before it runs.

An operation says `access=anyone` where every principal may call it (lists, which show only what the caller may see,
and creation), `access=admins_only`, or a function of the family that looks at the object the call is about, for example

    on_job = levels_on(lambda workspace, call: workspace.jobs.securable(number(call.fields, "job_id")))

    @family.call("POST", "/api/2.2/jobs/delete", access=on_job("CAN_MANAGE"))

Of an `async` operation the function may be `async`, where it never waits for anything; others are called in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from brickyard.workspace.api.errors import PermissionDenied

if TYPE_CHECKING:
    from brickyard.workspace.api.base import Call
    from brickyard.workspace.identity.permissions import Securable
    from brickyard.workspace.workspace import Workspace

__all__ = ["Access", "admins_only", "anyone", "levels_on"]

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


def levels_on(find: Callable[[Workspace, Call], Securable]) -> Callable[[str], Access]:
    """What makes the access of operations on one object: for whoever has the level on it that the operation asks for.

    Args:
        find: What permissions are granted on, from the call.
    """

    def on(level: str) -> Access:
        def check(workspace: Workspace, call: Call) -> None:
            workspace.identity.permissions.require(call.principal, find(workspace, call), level)

        return check

    return on
