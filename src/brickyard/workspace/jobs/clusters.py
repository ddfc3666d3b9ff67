"""What a job's clusters give to their tasks; see `brickyard.workspace.clusters.values`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.clusters.values import ClusterValues, SecretUnavailable, check_values, values_of
from brickyard.workspace.jobs.records import Json

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["ClusterValues", "SecretUnavailable", "check_cluster", "cluster_values"]

#: What changes the code that runs; without it a task would do something else than it does on the service.
_NOT_OF_CLUSTERS = ("init_scripts", "docker_image")


def check_cluster(where: str, cluster: Json) -> None:
    """Refuse what a task could not be given.

    Args:
        where: The task or job cluster, for the message.
        cluster: The vendor's `ClusterSpec`.

    Raises:
        InvalidParameterValue: It has what is not supported, or wrong values; see `check_values`.
    """
    for name in _NOT_OF_CLUSTERS:
        if cluster.get(name):
            raise InvalidParameterValue(f"{where}: {name} is not supported by the local workspace")
    check_values(where, cluster)


def cluster_values(workspace: Workspace, definition: Json, settings: Json, run_as: str, use: str) -> ClusterValues:
    """What the cluster of a task gives to it, with the secrets' values as they are now.

    Args:
        workspace: Whose secrets they are.
        definition: The task.
        settings: The job's settings.
        run_as: The principal that the run runs as; it needs READ on the secrets' scopes.
        use: What the values are for, as the audit record names it.

    Raises:
        SecretUnavailable: A secret does not exist, may not be read, or cannot be such a value.
    """
    return values_of(workspace, _cluster_of(definition, settings), run_as, use)


def _cluster_of(definition: Json, settings: Json) -> Json:
    cluster: Json = definition.get("new_cluster", {})
    for one in settings.get("job_clusters", []):
        if one["job_cluster_key"] == definition.get("job_cluster_key"):
            cluster = one["new_cluster"]
    return cluster
