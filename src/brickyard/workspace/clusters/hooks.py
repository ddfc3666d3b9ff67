"""Where policies, pools, libraries and global init scripts take part in the life of a cluster.

Each of these families is a module of its own, which is called from here and nowhere else:

- `complete_definition` is on the way of every definition: create, edit, update and job clusters. A policy fills in what
  is fixed or a default there, and refuses what it does not allow; a pool (`instance_pool_id`) gives its node type.
- `global_scripts` gives the scripts that run before a cluster's own when it starts.
- `installed` gives what is imported from: it installs the cluster's libraries when it starts, before its engine does.
  What is installed later, while the cluster runs, is put before the engine with `Clusters.add_search_path`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.clusters.records import ClusterRecord, Json

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["complete_definition", "global_scripts", "installed"]

_NOT_YET = ("policy_id", "instance_pool_id", "driver_instance_pool_id")


def complete_definition(workspace: Workspace, definition: Json, by: Principal) -> Json:
    """A definition with what its policy and its pools add to it.

    Args:
        workspace: Whose policies and pools they are.
        definition: The vendor's `ClusterSpec` as the caller gave it; types are right, values are not checked yet.
        by: Who makes or changes the cluster, and must be allowed to use the policy.

    Raises:
        ApiError: The policy does not allow it, or there is no such policy or pool.
    """
    for name in _NOT_YET:
        if definition.get(name):
            raise InvalidParameterValue(f"{name} is not supported by the local workspace")
    return definition


def global_scripts(workspace: Workspace, cluster: ClusterRecord) -> list[tuple[str, Path]]:
    """The enabled global init scripts, in their order: the name of each, and a file with its text."""
    return []


def installed(workspace: Workspace, cluster: ClusterRecord) -> list[str]:
    """Directories from which everything on the cluster imports, with its libraries installed in them.

    It may take its time: the cluster is PENDING meanwhile. A library that cannot be installed does not keep the
    cluster from starting, as on the service; its status says so.
    """
    return []
