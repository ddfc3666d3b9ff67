"""Sessions of SQL connectors: `/api/2.0/sql/sessions`.

The SDK does not have them; the calls are those of `databricks-sql-connector` with `use_sea` or `use_kernel`.
"""

from __future__ import annotations

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/sql/sessions"


def _uses(workspace: Workspace, call: Call) -> None:
    """Whoever may use the warehouse."""
    warehouse = workspace.sql.warehouses.get(str(call.body.get("warehouse_id")))
    workspace.identity.permissions.require(call.principal, warehouse.securable, "CAN_USE")


@family.call("POST", _ROOT, access=_uses)
def create_session(workspace: Workspace, call: Call) -> dict[str, str]:
    """Open a session on a warehouse."""
    return {"session_id": workspace.sql.sessions.open(call.body, call.principal).id}


@family.call("DELETE", _ROOT + "/{session_id}", access=anyone)
def delete_session(workspace: Workspace, call: Call) -> None:
    """Close a session."""
    workspace.sql.sessions.close(call.path["session_id"], call.principal)
