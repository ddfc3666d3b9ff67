"""Libraries of clusters: `/api/2.0/libraries`. Wire types: `databricks.sdk.service.compute`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.cluster_access import cluster_of, on_cluster
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from brickyard.workspace.clusters.records import ClusterRecord

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/libraries"


@family.call("POST", f"{_ROOT}/install", access=on_cluster("CAN_MANAGE"))
def install(workspace: Workspace, call: Call) -> None:
    """Give libraries to a cluster."""
    workspace.libraries.install(cluster_of(workspace, call), call.body.get("libraries"), call.principal)


@family.call("POST", f"{_ROOT}/uninstall", access=on_cluster("CAN_MANAGE"))
def uninstall(workspace: Workspace, call: Call) -> None:
    """Take libraries from a cluster, with its next restart."""
    workspace.libraries.uninstall(cluster_of(workspace, call), call.body.get("libraries"))


@family.call("GET", f"{_ROOT}/cluster-status", access=on_cluster("CAN_ATTACH_TO"))
def cluster_status(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What became of each library of a cluster."""
    return _wire(workspace, cluster_of(workspace, call))


@family.call("GET", f"{_ROOT}/all-cluster-statuses", access=anyone)
def all_cluster_statuses(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What became of the libraries of all clusters that the caller may use."""
    allows = workspace.identity.permissions.allows
    found = [workspace.clusters.store.find(one) for one in workspace.libraries.clusters()]
    seen = [one for one in found if one is not None and allows(call.principal, one.securable, "CAN_ATTACH_TO")]
    return {"statuses": [_wire(workspace, one) for one in seen]}


def _wire(workspace: Workspace, cluster: ClusterRecord) -> dict[str, Any]:
    from databricks.sdk.service.compute import ClusterLibraryStatuses

    statuses = [{**one, "is_library_for_all_clusters": False} for one in workspace.libraries.statuses(cluster)]
    answer = ClusterLibraryStatuses.from_dict({"cluster_id": cluster.id, "library_statuses": statuses}).as_dict()
    for one, status in zip(answer.get("library_statuses", []), statuses, strict=True):
        one["messages"] = status["messages"]
    return answer
