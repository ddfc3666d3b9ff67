"""Where policies, pools, libraries and global init scripts take part in the life of a cluster.

Each of these families is a module of its own, which is called from here and nowhere else:

- `with_policy_and_pools` is on the way of every definition: create, edit, update and job clusters. A policy fills in
  what is fixed or a default there, and refuses what it does not allow; a pool (`instance_pool_id`) gives its node type.
- `check_start` is on the way of every start, also that of a new cluster: what was deleted meanwhile, and limits.
- `begun` and `ended` say when installers of its libraries may run.
- `policy_changes` changes a cluster that ends or restarts, where its policy was to be enforced then.
- `global_scripts` gives the scripts that run before a cluster's own when it starts.
- `installed` gives what is imported from: it installs the cluster's libraries when it starts, before its engine does.
  What is installed later, while the cluster runs, is put before the engine with `Clusters.add_search_path`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.clusters.records import LIVE, ClusterRecord, Json

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = [
    "begun",
    "check_start",
    "ended",
    "forget",
    "global_scripts",
    "installed",
    "policy_changes",
    "with_policy_and_pools",
]


def with_policy_and_pools(workspace: Workspace, definition: Json, by: Principal, source: str = "API") -> Json:
    """A definition with what its policy and its pools add to it.

    Args:
        workspace: Whose policies and pools they are.
        definition: The vendor's `ClusterSpec` as the caller gave it; types are right, values are not checked yet.
        by: Who makes or changes the cluster, and must be allowed to use the policy and the pools.
        source: `API`, `UI` or `JOB`.

    Raises:
        ApiError: The policy does not allow it, or there is no such policy or pool.
    """
    with_pools = workspace.pools.apply(definition, by)
    limited = workspace.policies.apply(with_pools, by, source)
    return workspace.pools.apply(limited, by)  # the policy may have named one


def check_start(workspace: Workspace, cluster: ClusterRecord) -> None:
    """Refuse the start of a cluster for which there is no place in its pools, or that is one too many of its policy.

    Raises:
        ApiError: A pool was deleted or is full, or the cluster's owner has as many clusters as the policy allows.
    """
    live = [one for one in workspace.clusters.store.all() if one.state in LIVE and one.id != cluster.id]
    workspace.policies.check_number(cluster, live)
    workspace.pools.check_room(cluster, live)


def global_scripts(workspace: Workspace, cluster: ClusterRecord) -> list[tuple[str, Path]]:
    """The enabled global init scripts, in their order: the name of each, and a file with its text."""
    return workspace.global_scripts.files(workspace.root / "clusters" / cluster.id / "global_init_scripts")


def installed(workspace: Workspace, cluster: ClusterRecord) -> list[str]:
    """Directories from which everything on the cluster imports, with its libraries installed in them.

    It may take its time: the cluster is PENDING meanwhile. A library that cannot be installed does not keep the
    cluster from starting, as on the service; its status says so.
    """
    return workspace.libraries.at_start(cluster)


def begun(workspace: Workspace, cluster: ClusterRecord) -> None:
    """A cluster's life begins."""
    workspace.libraries.begin(cluster.id)


def ended(workspace: Workspace, cluster: ClusterRecord) -> None:
    """A cluster's life is over: what is still being installed for it ends."""
    workspace.libraries.stop(cluster.id)


def forget(workspace: Workspace, cluster: ClusterRecord) -> None:
    """Remove what is known of a cluster that is gone."""
    workspace.libraries.forget(cluster.id)
    workspace.policies.pending.cancel(cluster.id)


def policy_changes(workspace: Workspace, cluster: ClusterRecord) -> Json:
    """What of a cluster changes now that it ends or restarts, as its policy was to be enforced then.

    It is arguments of `ClusterStore.change`: columns, and what is written with them.
    """
    return workspace.policies.pending.take(cluster)
