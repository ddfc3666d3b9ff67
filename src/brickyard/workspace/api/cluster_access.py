"""The cluster that a call is about, and who may call operations on it."""

from __future__ import annotations

from brickyard.workspace.api.access import levels_on
from brickyard.workspace.api.base import Call
from brickyard.workspace.clusters.records import ClusterRecord
from brickyard.workspace.workspace import Workspace

__all__ = ["cluster_of", "on_cluster"]


def cluster_of(workspace: Workspace, call: Call) -> ClusterRecord:
    """The cluster that the call names in `cluster_id`.

    Raises:
        InvalidParameterValue: It names none, or there is none of that id.
    """
    return workspace.clusters.get(call.required("cluster_id"))


#: For whoever has a level on that cluster.
on_cluster = levels_on(lambda workspace, call: cluster_of(workspace, call).securable)
