"""Instance pools: `/api/2.0/instance-pools`. Wire types: `databricks.sdk.service.compute`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone, levels_on
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.identity.entitlement import require_entitlement
from brickyard.workspace.pools.records import PoolRecord
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.compute import CreateInstancePoolResponse, GetInstancePool

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/instance-pools"
_on = levels_on(lambda workspace, call: _pool(workspace, call).securable)


def _may_create(workspace: Workspace, call: Call) -> None:
    """Administrators, and who is entitled to."""
    require_entitlement(call.principal, "allow-instance-pool-create", "instance pools")


@family.call("POST", f"{_ROOT}/create", access=_may_create)
def create(workspace: Workspace, call: Call) -> CreateInstancePoolResponse:
    """Make a pool."""
    from databricks.sdk.service.compute import CreateInstancePoolResponse

    return CreateInstancePoolResponse(workspace.pools.create(call.body, call.principal).id)


@family.call("POST", f"{_ROOT}/edit", access=_on("CAN_MANAGE"))
def edit(workspace: Workspace, call: Call) -> None:
    """Change settings."""
    workspace.pools.edit(_pool(workspace, call), call.body)


@family.call("POST", f"{_ROOT}/delete", access=_on("CAN_MANAGE"))
def delete(workspace: Workspace, call: Call) -> None:
    """Delete a pool."""
    workspace.pools.delete(_pool(workspace, call))


@family.call("GET", f"{_ROOT}/get", access=_on("CAN_ATTACH_TO"))
def get(workspace: Workspace, call: Call) -> GetInstancePool:
    """A pool, and how much of it is used."""
    from databricks.sdk.service.compute import GetInstancePool

    return GetInstancePool.from_dict(_wire(workspace, _pool(workspace, call)))


@family.call("GET", f"{_ROOT}/list", access=anyone)
def list_instance_pools(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The pools that the caller may use."""
    allows = workspace.identity.permissions.allows
    found = [one for one in workspace.pools.all() if allows(call.principal, one.securable, "CAN_ATTACH_TO")]
    return {"instance_pools": [_wire(workspace, one) for one in found]}


def _pool(workspace: Workspace, call: Call) -> PoolRecord:
    return workspace.pools.get(call.required("instance_pool_id"))


def _wire(workspace: Workspace, pool: PoolRecord) -> dict[str, Any]:
    from databricks.sdk.service.compute import InstancePoolAndStats

    tags = {
        "Vendor": "Databricks",
        "DatabricksInstancePoolCreatorId": str(pool.creator_id),
        "DatabricksInstancePoolId": pool.id,
    }
    return InstancePoolAndStats.from_dict(
        {
            **pool.settings,
            "instance_pool_id": pool.id,
            "instance_pool_name": pool.name,
            "default_tags": tags,
            "state": "ACTIVE",
            "stats": workspace.pools.stats(pool),
            "status": {},
        }
    ).as_dict()
