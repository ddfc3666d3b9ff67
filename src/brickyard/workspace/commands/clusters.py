"""Attaching contexts to clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import BadRequest, InvalidParameterValue, NotFound
from brickyard.workspace.clusters.claims import ClusterUnavailable

if TYPE_CHECKING:
    from brickyard.workspace.clusters.claims import Claim
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["attach"]


def attach(workspace: Workspace, cluster_id: str, principal: Principal) -> Claim:
    """Use a cluster that runs; none is started for it.

    Raises:
        NotFound: There is no such cluster.
        PermissionDenied: The principal may not attach to it.
        BadRequest: It does not run. Clients try again what a cluster is not ready for that is being started.
    """
    try:
        cluster = workspace.clusters.get(cluster_id)
    except InvalidParameterValue as error:
        raise NotFound(f"ClusterNotFoundException: Cluster not found: {cluster_id}") from error
    workspace.identity.permissions.require(principal, cluster.securable, "CAN_ATTACH_TO")
    if cluster.state in ("PENDING", "RESTARTING"):
        raise BadRequest(f"ClusterNotReadyException: Cluster {cluster_id} is being started")
    if cluster.state not in ("RUNNING", "RESIZING"):
        raise BadRequest(f"Cluster {cluster_id} is in unexpected state {cluster.state.title()}. Start it first.")
    try:
        return workspace.clusters.claim(cluster_id, principal, timeout=0)
    except ClusterUnavailable as error:
        raise BadRequest(str(error)) from error
