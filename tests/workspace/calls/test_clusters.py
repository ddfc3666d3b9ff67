"""Every operation of clusters, through the SDK; one cluster, which goes through all of its states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.compute import (
    AutoScale,
    ClusterAccessControlRequest,
    ClusterPermissionLevel,
    ClustersAPI,
    EventType,
    ListClustersFilterBy,
    ListClustersSortBy,
    ListClustersSortByField,
    State,
    UpdateClusterResource,
)

from tests.support import LocalWorkspace, wait_for
from tests.workspace.calls.conftest import Robot

FAMILIES = (ClustersAPI,)
SIZE: dict[str, Any] = {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 0}


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    family, called = w.clusters, name()
    version, node = family.select_spark_version(long_term_support=True), family.select_node_type(local_disk=True)
    assert version == SIZE["spark_version"] and node in {
        one.node_type_id for one in family.list_node_types().node_types
    }
    assert family.list_zones().default_zone == "local" and family.spark_versions().versions
    created = family.create(version, cluster_name=called, node_type_id=node, autoscale=AutoScale(2, 1))
    made = created.result()
    mine = made.cluster_id or ""
    assert (made.state, made.cluster_name, made.cluster_cores) == (State.RUNNING, called, 8.0)
    family.resize(mine, num_workers=2)
    assert family.get(mine).num_workers == 2
    family.restart(mine)
    _in(family, mine, State.RUNNING)
    changes = UpdateClusterResource(custom_tags={"team": "ml"}, num_workers=1)
    family.update(mine, "custom_tags,num_workers", cluster=changes)
    _in(family, mine, State.RUNNING)
    assert (family.get(mine).custom_tags, family.get(mine).num_workers) == ({"team": "ml"}, 1)
    family.delete(mine)
    _in(family, mine, State.TERMINATED)
    family.edit(mine, cluster_name=called, **SIZE)
    assert (family.get(mine).custom_tags, family.get(mine).state) == (None, State.TERMINATED)
    _permissions(family, mine, robot)
    _places(family, mine, called)
    _events(family, mine)
    family.start(mine)
    family.permanent_delete(mine)
    with pytest.raises(NotFound, match=f"Cluster {mine} does not exist") as gone:
        family.get(mine)
    assert gone.value.error_code == "INVALID_PARAMETER_VALUE"  # which the SDK makes a NotFound of


def _in(family: ClustersAPI, cluster_id: str, state: State) -> None:
    """Waits, more often than the SDK does."""
    wait_for(lambda: family.get(cluster_id).state is state)


def _permissions(family: ClustersAPI, mine: str, robot: Robot) -> None:
    levels = family.get_permission_levels(mine).permission_levels or []
    assert [one.permission_level for one in levels] == [
        ClusterPermissionLevel.CAN_ATTACH_TO,
        ClusterPermissionLevel.CAN_RESTART,
        ClusterPermissionLevel.CAN_MANAGE,
    ]
    with pytest.raises(PermissionDenied):
        robot.client.clusters.get(mine)
    attach = ClusterAccessControlRequest(
        service_principal_name=robot.name, permission_level=ClusterPermissionLevel.CAN_ATTACH_TO
    )
    family.update_permissions(mine, access_control_list=[attach])
    assert robot.client.clusters.get(mine).cluster_id == mine
    with pytest.raises(PermissionDenied):
        robot.client.clusters.start(mine)
    family.set_permissions(mine, access_control_list=[])
    assert robot.name not in str(family.get_permissions(mine).as_dict())
    assert [one.cluster_id for one in robot.client.clusters.list()] == []


def _places(family: ClustersAPI, mine: str, called: str) -> None:
    family.pin(mine)
    pinned = list(family.list(filter_by=ListClustersFilterBy(is_pinned=True, cluster_states=[State.TERMINATED])))
    assert [one.cluster_id for one in pinned] == [mine]
    with pytest.raises(BadRequest, match="unpin the cluster first"):
        family.permanent_delete(mine)
    family.unpin(mine)
    by_name = ListClustersSortBy(field=ListClustersSortByField.CLUSTER_NAME)
    assert called in [one.cluster_name for one in family.list(page_size=1, sort_by=by_name)]
    owner = family.get(mine).creator_user_name or ""
    family.change_owner(mine, owner)
    assert family.get(mine).creator_user_name == owner


def _events(family: ClustersAPI, mine: str) -> None:
    happened = [one.type for one in family.events(mine, limit=2)][::-1]
    assert happened == [
        EventType.CREATING,
        EventType.RUNNING,
        EventType.RESIZING,
        EventType.UPSIZE_COMPLETED,
        EventType.RESTARTING,
        EventType.RUNNING,
        EventType.EDITED,
        EventType.RESTARTING,
        EventType.RUNNING,
        EventType.TERMINATING,
        EventType.EDITED,
        EventType.PINNED,
        EventType.UNPINNED,
    ]
    edits = list(family.events(mine, event_types=[EventType.EDITED]))
    assert [(one.details and one.details.user) for one in edits] == [family.get(mine).creator_user_name] * 2


def test_states(workspace: LocalWorkspace) -> None:
    family = workspace.client().clusters
    first = family._api.do("POST", "/api/2.0/clusters/create", body={**SIZE, "idempotency_token": "once"})
    again = family._api.do("POST", "/api/2.0/clusters/create", body={**SIZE, "idempotency_token": "once"})
    mine = first["cluster_id"]
    assert again == first
    _in(family, mine, State.RUNNING)
    with pytest.raises(BadRequest, match=f"Cluster {mine} is in unexpected state Running"):
        family.start(mine)
    family.delete(mine)
    _in(family, mine, State.TERMINATED)
    family.delete(mine)
    with pytest.raises(BadRequest, match="is in unexpected state Terminated"):
        family.restart(mine)
    with pytest.raises(BadRequest, match="is in unexpected state Terminated"):
        family.resize(mine, num_workers=1)
    family.ensure_cluster_is_running(mine)
    listed = family._api.do("GET", "/api/2.0/clusters/list")["clusters"]
    assert [one["state"] for one in listed if one["cluster_id"] == mine] == ["RUNNING"]
    family.permanent_delete(mine)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"spark_version": ""}, "Missing required field: spark_version"),
        ({"spark_version": "latest"}, "Invalid spark version latest"),
        ({"node_type_id": None}, "Missing required field: node_type_id"),
        ({"num_workers": None}, "Exactly 1 of .*num_workers or autoscale"),
        ({"autotermination_minutes": 5}, "10 to 10000"),
        ({"docker_image": {"url": "x"}}, "docker_image is not supported"),
        ({"init_scripts": [{"abfss": {"destination": "abfss://a@b/c"}}]}, "scripts in abfss are not supported"),
        ({"init_scripts": [{}]}, r"init_scripts\[0\] must have exactly one of"),
        ({"is_single_node": True}, "only be used with kind CLASSIC_PREVIEW"),
        ({"data_security_mode": "OPEN"}, "data_security_mode cannot be 'OPEN'"),
        ({"spark_conf": {"spark.databricks.cluster.profile": "singleNode"}, "num_workers": 1}, "num_workers 0"),
    ],
)
def test_what_cannot_be(workspace: LocalWorkspace, wrong: dict[str, Any], said: str) -> None:
    body = {name: value for name, value in {**SIZE, **wrong}.items() if value is not None}
    with pytest.raises(InvalidParameterValue, match=said):
        workspace.client().api_client.do("POST", "/api/2.1/clusters/create", body=body)


def test_who_may_create(workspace: LocalWorkspace) -> None:
    w = workspace.client()
    robot = w.service_principals.create(display_name="no-clusters").application_id or ""
    token = w.token_management.create_obo_token(robot, lifetime_seconds=600).token_value
    other = WorkspaceClient(host=workspace.host, token=token, auth_type="pat")
    with pytest.raises(PermissionDenied, match="allow-cluster-create"):
        other.clusters.create(**SIZE)


def test_single_nodes_of_newer_clients(workspace: LocalWorkspace) -> None:
    w = workspace.client()
    body = {"spark_version": "16.4.x-scala2.12", "node_type_id": "n", "kind": "CLASSIC_PREVIEW", "is_single_node": True}
    made = w.api_client.do("POST", "/api/2.1/clusters/create", body={**body, "use_ml_runtime": True})
    found = w.clusters.get(made["cluster_id"])
    assert (found.num_workers, found.custom_tags) == (0, {"ResourceClass": "SingleNode"})
    assert (found.spark_conf or {})["spark.databricks.cluster.profile"] == "singleNode"
    w.clusters.permanent_delete(made["cluster_id"])
