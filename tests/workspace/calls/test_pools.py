"""Instance pools, through the SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.compute import (
    InstancePoolAccessControlRequest,
    InstancePoolPermissionLevel,
    InstancePoolsAPI,
    InstancePoolState,
)
from databricks.sdk.service.iam import Patch, PatchSchema

from tests.workspace.calls.conftest import Robot

FAMILIES = (InstancePoolsAPI,)
NODE = "Standard_DS3_v2"
PATCH = PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    first = name()
    pool_id = w.instance_pools.create(first, NODE, min_idle_instances=1, max_capacity=4).instance_pool_id or ""
    found = w.instance_pools.get(pool_id)
    assert (found.instance_pool_name, found.node_type_id, found.state) == (first, NODE, InstancePoolState.ACTIVE)
    assert (found.min_idle_instances, found.max_capacity, found.idle_instance_autotermination_minutes) == (1, 4, 60)
    assert found.stats and (found.stats.used_count, found.stats.idle_count) == (0, 1)
    second = name()
    w.instance_pools.edit(pool_id, second, NODE, max_capacity=2, custom_tags={"team": "ml"})
    found = w.instance_pools.get(pool_id)
    assert (found.instance_pool_name, found.max_capacity, found.custom_tags) == (second, 2, {"team": "ml"})
    assert second in [one.instance_pool_name for one in w.instance_pools.list()]

    assert len(w.instance_pools.get_permission_levels(pool_id).permission_levels or []) == 2
    use = InstancePoolAccessControlRequest(
        permission_level=InstancePoolPermissionLevel.CAN_ATTACH_TO, service_principal_name=robot.name
    )
    assert not list(robot.client.instance_pools.list())
    w.instance_pools.set_permissions(pool_id, access_control_list=[use])
    w.instance_pools.update_permissions(pool_id, access_control_list=[use])
    assert w.instance_pools.get_permissions(pool_id).access_control_list
    assert [one.instance_pool_id for one in robot.client.instance_pools.list()] == [pool_id]
    with pytest.raises(PermissionDenied):
        robot.client.instance_pools.delete(pool_id)
    w.instance_pools.delete(pool_id)
    with pytest.raises(NotFound, match="Can't find an instance pool"):
        w.instance_pools.get(pool_id)


def test_what_there_cannot_be(w: WorkspaceClient, name: Callable[[], str]) -> None:
    taken = name()
    pool_id = w.instance_pools.create(taken, NODE).instance_pool_id or ""
    wrongs: list[tuple[str, dict[str, Any]]] = [
        ("already exists", {"instance_pool_name": taken}),
        ("1 to 100 characters", {"instance_pool_name": ""}),
        ("0 or more", {"min_idle_instances": -1}),
        ("at least 1 and min_idle_instances", {"min_idle_instances": 3, "max_capacity": 2}),
        ("at most 10000", {"idle_instance_autotermination_minutes": 10_001}),
        ("at most one", {"preloaded_spark_versions": ["a", "b"]}),
        ("node_type_id is required", {"node_type_id": ""}),
    ]
    for message, wrong in wrongs:
        with pytest.raises(InvalidParameterValue, match=message):
            w.instance_pools.create(**{"instance_pool_name": name(), "node_type_id": NODE, **wrong})
    with pytest.raises(InvalidParameterValue, match="cannot be changed"):
        w.instance_pools.edit(pool_id, taken, "Standard_DS4_v2")
    w.instance_pools.delete(pool_id)


def test_who_may_create_pools(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    with pytest.raises(PermissionDenied, match="allow-instance-pool-create"):
        robot.client.instance_pools.create(name(), NODE)
    entitled = {"op": "add", "path": "entitlements", "value": [{"value": "allow-instance-pool-create"}]}
    w.service_principals.patch(robot.id, operations=[Patch.from_dict(entitled)], schemas=[PATCH])
    made = robot.client.instance_pools.create(name(), NODE)
    robot.client.instance_pools.delete(made.instance_pool_id or "")
