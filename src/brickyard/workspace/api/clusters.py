"""Clusters: `/api/2.1/clusters`, and `/api/2.0/clusters` for older clients.

Wire types: `databricks.sdk.service.compute`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import Access, admins_only, anyone
from brickyard.workspace.api.base import Call, Family, Handler
from brickyard.workspace.api.cluster_access import cluster_of, on_cluster
from brickyard.workspace.api.cluster_lists import cluster_page, event_page
from brickyard.workspace.clusters.runtimes import node_types as all_node_types
from brickyard.workspace.clusters.runtimes import spark_versions as all_spark_versions
from brickyard.workspace.clusters.wire import details_of
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.compute import (
        ClusterDetails,
        CreateClusterResponse,
        GetSparkVersionsResponse,
        ListAvailableZonesResponse,
        ListNodeTypesResponse,
    )

__all__ = ["family"]

family = Family()


def _call(method: str, name: str, access: Access, *, changes: bool | None = None) -> Callable[[Handler], Handler]:
    """Declare an operation under both versions of the API."""

    def declare(function: Handler) -> Handler:
        for version in ("2.1", "2.0"):
            family.call(method, f"/api/{version}/clusters/{name}", access=access, changes=changes)(function)
        return function

    return declare


def _may_create(workspace: Workspace, call: Call) -> None:
    """Who makes a copy of a cluster must see that one; whether they may make clusters follows from the definition."""
    source = call.body.get("clone_from")
    if isinstance(source, dict) and isinstance(source.get("source_cluster_id"), str):
        securable = workspace.clusters.securable(source["source_cluster_id"])
        workspace.identity.permissions.require(call.principal, securable, "CAN_ATTACH_TO")


@_call("POST", "create", _may_create)
def create(workspace: Workspace, call: Call) -> CreateClusterResponse:
    """Make a cluster, and start it."""
    from databricks.sdk.service.compute import CreateClusterResponse

    return CreateClusterResponse(cluster_id=workspace.clusters.create(call.body, call.principal).id)


@_call("POST", "edit", on_cluster("CAN_MANAGE"))
def edit(workspace: Workspace, call: Call) -> None:
    """Replace a cluster's definition; one that runs is restarted."""
    workspace.clusters.edit(cluster_of(workspace, call), call.body, call.principal)


@_call("POST", "update", on_cluster("CAN_MANAGE"))
def update(workspace: Workspace, call: Call) -> None:
    """Change some fields of a cluster's definition; one that runs is restarted."""
    workspace.clusters.update(cluster_of(workspace, call), call.body, call.principal)


@_call("POST", "start", on_cluster("CAN_RESTART"))
def start(workspace: Workspace, call: Call) -> None:
    """Start a terminated cluster."""
    workspace.clusters.start(cluster_of(workspace, call), call.principal.user_name)


@_call("POST", "restart", on_cluster("CAN_RESTART"))
def restart(workspace: Workspace, call: Call) -> None:
    """Restart a running cluster."""
    workspace.clusters.restart(cluster_of(workspace, call), call.principal.user_name)


@_call("POST", "resize", on_cluster("CAN_MANAGE"))
def resize(workspace: Workspace, call: Call) -> None:
    """Give a running cluster another number of workers."""
    workspace.clusters.resize(cluster_of(workspace, call), call.body, call.principal)


@_call("POST", "delete", on_cluster("CAN_RESTART"))
def delete(workspace: Workspace, call: Call) -> None:
    """Terminate a cluster; its definition stays."""
    workspace.clusters.terminate(cluster_of(workspace, call), call.principal.user_name)


@_call("POST", "permanent-delete", on_cluster("CAN_MANAGE"))
def permanent_delete(workspace: Workspace, call: Call) -> None:
    """Terminate a cluster and forget it."""
    workspace.clusters.delete(cluster_of(workspace, call))


@_call("POST", "pin", admins_only)
def pin(workspace: Workspace, call: Call) -> None:
    """Keep a cluster in lists however long it has been terminated."""
    workspace.clusters.pin(cluster_of(workspace, call), call.principal.user_name)


@_call("POST", "unpin", admins_only)
def unpin(workspace: Workspace, call: Call) -> None:
    """Keep a cluster no longer than others."""
    workspace.clusters.unpin(cluster_of(workspace, call), call.principal.user_name)


@_call("POST", "change-owner", admins_only)
def change_owner(workspace: Workspace, call: Call) -> None:
    """Give a terminated cluster to somebody else."""
    cluster = cluster_of(workspace, call)
    workspace.clusters.change_owner(cluster, workspace.identity.principal_named(call.required("owner_username")))


@_call("GET", "get", on_cluster("CAN_ATTACH_TO"))
def get(workspace: Workspace, call: Call) -> ClusterDetails:
    """A cluster, and how it stands."""
    return details_of(cluster_of(workspace, call))


@family.call("GET", "/api/2.1/clusters/list", access=anyone)
def list_clusters(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The clusters that the caller may see, page by page."""
    return cluster_page(workspace, call)


@family.call("GET", "/api/2.0/clusters/list", access=anyone)
def list_all_clusters(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The clusters that the caller may see, all at once."""
    return {"clusters": cluster_page(workspace, call, paged=False)["clusters"]}


@_call("POST", "events", on_cluster("CAN_ATTACH_TO"), changes=False)
def events(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What happened to a cluster."""
    return event_page(workspace, cluster_of(workspace, call), call.body)


@_call("GET", "spark-versions", anyone)
def spark_versions(workspace: Workspace, call: Call) -> GetSparkVersionsResponse:
    """The runtimes that there are."""
    from databricks.sdk.service.compute import GetSparkVersionsResponse

    return GetSparkVersionsResponse.from_dict({"versions": list(all_spark_versions())})


@_call("GET", "list-node-types", anyone)
def list_node_types(workspace: Workspace, call: Call) -> ListNodeTypesResponse:
    """The node types that there are."""
    from databricks.sdk.service.compute import ListNodeTypesResponse

    return ListNodeTypesResponse.from_dict({"node_types": list(all_node_types())})


@_call("GET", "list-zones", anyone)
def list_zones(workspace: Workspace, call: Call) -> ListAvailableZonesResponse:
    """Where clusters can be: on this machine."""
    from databricks.sdk.service.compute import ListAvailableZonesResponse

    return ListAvailableZonesResponse(default_zone="local", zones=["local"])
