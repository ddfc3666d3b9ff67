"""Clusters and events in the vendor's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.clusters import states
from brickyard.workspace.clusters.records import ClusterRecord, EventRecord, Json

if TYPE_CHECKING:
    from databricks.sdk.service.compute import ClusterDetails, ClusterEvent

__all__ = ["details_of", "event_of"]

_PORT = 10000
#: What clusters on Azure answer that say nothing of it; those of pools have what their pool has.
_AZURE = {"first_on_demand": 1, "availability": "ON_DEMAND_AZURE", "spot_bid_max_price": -1.0}


def details_of(cluster: ClusterRecord) -> ClusterDetails:
    """A cluster, and how it stands."""
    from databricks.sdk.service.compute import ClusterDetails

    up = cluster.state in ("RUNNING", "RESIZING")
    given = cluster.definition.get("azure_attributes", {})
    found: Json = {
        "enable_local_disk_encryption": False,
        **cluster.definition,
        "azure_attributes": given if cluster.definition.get("instance_pool_id") else {**_AZURE, **given},
        "cluster_id": cluster.id,
        "creator_user_name": cluster.creator_name,
        "cluster_source": cluster.source,
        "state": cluster.state,
        "state_message": cluster.state_message,
        "start_time": cluster.started_at,
        "last_restarted_time": cluster.restarted_at,
        "terminated_time": cluster.terminated_at,
        "last_state_loss_time": cluster.restarted_at or 0,
        "termination_reason": cluster.reason,
        "spark_context_id": cluster.context_id,
        "cluster_log_status": cluster.log_status,
        "default_tags": cluster.default_tags,
        "spec": cluster.given,
    }
    if up:
        found |= {"driver": _node(cluster), "executors": [], "jdbc_port": _PORT, **_of_nodes(cluster.definition)}
    return ClusterDetails.from_dict(found)


def event_of(event: EventRecord) -> ClusterEvent:
    """Something that happened to a cluster."""
    from databricks.sdk.service.compute import ClusterEvent

    return ClusterEvent.from_dict(vars(event))


def _node(cluster: ClusterRecord) -> Mapping[str, Any]:
    return {"host_private_ip": "127.0.0.1", "private_ip": "127.0.0.1", "start_timestamp": cluster.restarted_at}


def _of_nodes(definition: Json) -> Json:
    """Cores and memory as the definition's node types have them, where they are known."""
    from brickyard.workspace.clusters.runtimes import node_types

    known = {one["node_type_id"]: one for one in node_types()}
    driver, worker = known.get(definition.get("driver_node_type_id")), known.get(definition.get("node_type_id"))
    if driver is None or worker is None:
        return {}
    count = states.workers(definition)
    cores, memory = (driver[name] + count * worker[name] for name in ("num_cores", "memory_mb"))
    return {"cluster_cores": cores, "cluster_memory_mb": memory}
