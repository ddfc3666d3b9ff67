"""SQL warehouses: `/api/2.0/sql/warehouses`. Wire types: `databricks.sdk.service.sql`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from brickyard.workspace.api.access import admins_only, anyone, levels_on
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.identity.entitlement import require_entitlement
from brickyard.workspace.sql.records import WarehouseRecord
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.sql import GetWarehouseResponse, GetWorkspaceWarehouseConfigResponse

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/sql/warehouses"
_ONE = _ROOT + "/{id}"
_on = levels_on(lambda workspace, call: _warehouse(workspace, call).securable)


def _may_create(workspace: Workspace, call: Call) -> None:
    """Administrators, and who is entitled to create clusters, as on the service."""
    require_entitlement(call.principal, "allow-cluster-create", "SQL warehouses")


@family.call("POST", _ROOT, access=_may_create)
def create(workspace: Workspace, call: Call) -> dict[str, str]:
    """Make a warehouse, and start it."""
    return {"id": workspace.sql.warehouses.create(call.body, call.principal).id}


@family.call("GET", _ROOT, access=anyone)
def list_warehouses(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The warehouses that the caller may see."""
    allows = workspace.identity.permissions.allows
    found = [one for one in workspace.sql.warehouses.all() if allows(call.principal, one.securable, "CAN_VIEW")]
    return {"warehouses": [_wire(workspace, one).as_dict() for one in found]}


@family.call("GET", _ONE, access=_on("CAN_VIEW"))
def get(workspace: Workspace, call: Call) -> GetWarehouseResponse:
    """A warehouse, and whether it runs."""
    return _wire(workspace, _warehouse(workspace, call))


@family.call("POST", _ONE + "/edit", access=_on("CAN_MANAGE"))
def edit(workspace: Workspace, call: Call) -> None:
    """Change settings."""
    workspace.sql.warehouses.edit(_warehouse(workspace, call), call.body)


@family.call("DELETE", _ONE, access=_on("CAN_MANAGE"))
def delete(workspace: Workspace, call: Call) -> None:
    """Stop and delete a warehouse."""
    workspace.sql.warehouses.delete(_warehouse(workspace, call))


@family.call("POST", _ONE + "/start", access=_on("CAN_USE"))
def start(workspace: Workspace, call: Call) -> None:
    """Start a warehouse."""
    workspace.sql.warehouses.start(_warehouse(workspace, call), call.principal)


@family.call("POST", _ONE + "/stop", access=_on("CAN_MANAGE"))
def stop(workspace: Workspace, call: Call) -> None:
    """Stop a warehouse; what it executes fails."""
    workspace.sql.warehouses.stop(_warehouse(workspace, call))


@family.call("GET", "/api/2.0/sql/config/warehouses", access=anyone)
def get_workspace_warehouse_config(workspace: Workspace, call: Call) -> GetWorkspaceWarehouseConfigResponse:
    """What all warehouses of the workspace have."""
    from databricks.sdk.service.sql import GetWorkspaceWarehouseConfigResponse

    return GetWorkspaceWarehouseConfigResponse.from_dict(workspace.sql.config.get())


@family.call("PUT", "/api/2.0/sql/config/warehouses", access=admins_only)
def set_workspace_warehouse_config(workspace: Workspace, call: Call) -> None:
    """Set what all warehouses have; those that run are stopped, and start with it."""
    workspace.sql.config.change(call.body)
    workspace.sql.warehouses.stop_all()


def _warehouse(workspace: Workspace, call: Call) -> WarehouseRecord:
    return workspace.sql.warehouses.get(call.path["id"])


def _wire(workspace: Workspace, one: WarehouseRecord) -> GetWarehouseResponse:
    from databricks.sdk.service.sql import GetWarehouseResponse

    warehouses = workspace.sql.warehouses
    state, address = warehouses.state(one.id), urlsplit(workspace.url)
    path = f"/sql/1.0/warehouses/{one.id}"
    port = address.port or (443 if address.scheme == "https" else 80)
    jdbc = f"jdbc:spark://{address.hostname}:{port}/default;transportMode=http;ssl={int(address.scheme == 'https')}"
    return GetWarehouseResponse.from_dict(
        {
            **one.settings,
            "id": one.id,
            "name": one.name,
            "creator_name": one.creator_name,
            "state": state,
            "num_clusters": int(state in ("STARTING", "RUNNING")),
            "num_active_sessions": warehouses.sessions(one.id),
            "health": {"status": "HEALTHY"} if state == "RUNNING" else {},
            "jdbc_url": f"{jdbc};AuthMech=3;httpPath={path};",
            "odbc_params": {"hostname": address.hostname, "path": path, "port": port, "protocol": address.scheme},
        }
    )
