"""Cluster policies and their families, through the SDK."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.compute import (
    ClusterPoliciesAPI,
    ClusterPolicyAccessControlRequest,
    ClusterPolicyPermissionLevel,
    Library,
    ListSortColumn,
    ListSortOrder,
    PolicyFamiliesAPI,
    PythonPyPiLibrary,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (ClusterPoliciesAPI, PolicyFamiliesAPI)
LIMITED = json.dumps({"num_workers": {"type": "range", "maxValue": 3, "defaultValue": 1}})


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    first, libraries = name(), [Library(pypi=PythonPyPiLibrary("requests"))]
    made = w.cluster_policies.create(
        name=first, definition=LIMITED, description="d", libraries=libraries, max_clusters_per_user=2
    )
    policy_id = made.policy_id or ""
    found = w.cluster_policies.get(policy_id)
    assert (found.name, found.description, found.max_clusters_per_user, found.is_default) == (first, "d", 2, False)
    assert json.loads(found.definition or "") == json.loads(LIMITED) and found.libraries == libraries
    assert found.creator_user_name == w.current_user.me().user_name
    overrides = json.dumps({"autotermination_minutes": {"type": "fixed", "value": 30}})
    w.cluster_policies.edit(
        policy_id, name=first, policy_family_id="personal-vm", policy_family_definition_overrides=overrides
    )
    merged = json.loads(w.cluster_policies.get(policy_id).definition or "")
    assert merged["autotermination_minutes"] == {"type": "fixed", "value": 30}
    assert merged["num_workers"] == {"type": "fixed", "value": 0, "hidden": True}
    listed = w.cluster_policies.list(sort_column=ListSortColumn.POLICY_NAME, sort_order=ListSortOrder.ASC)
    assert {"Personal Compute", "Job Compute", first} <= {one.name for one in listed}

    assert w.cluster_policies.get_permission_levels(policy_id).permission_levels
    use = ClusterPolicyAccessControlRequest(
        permission_level=ClusterPolicyPermissionLevel.CAN_USE, service_principal_name=robot.name
    )
    assert [one.name for one in robot.client.cluster_policies.list()] == ["Personal Compute"]
    w.cluster_policies.set_permissions(policy_id, access_control_list=[use])
    w.cluster_policies.update_permissions(policy_id, access_control_list=[use])
    holders = w.cluster_policies.get_permissions(policy_id).access_control_list or []
    assert {one.service_principal_name or one.group_name for one in holders} == {robot.name, "admins"}
    assert [one.name for one in robot.client.cluster_policies.list()] == [first, "Personal Compute"]

    families = {one.policy_family_id or "": one for one in w.policy_families.list(max_results=3)}
    assert set(families) == {"personal-vm", "shared-compute", "power-user", "job-cluster"}
    assert w.policy_families.get("job-cluster") == families["job-cluster"]
    w.cluster_policies.delete(policy_id)
    with pytest.raises(NotFound, match="Can't find a cluster policy"):
        w.cluster_policies.get(policy_id)


def test_what_there_cannot_be(w: WorkspaceClient, name: Callable[[], str]) -> None:
    default = next(one for one in w.cluster_policies.list() if one.name == "Shared Compute")
    wrongs: list[tuple[str, dict[str, Any]]] = [
        ("greater than 0", {"name": name(), "max_clusters_per_user": 0}),
        ("already exists", {"name": "Shared Compute"}),
        ("1 to 100 characters", {"name": "x" * 101}),
        ("unsupported path nothing", {"name": name(), "definition": '{"nothing": {"type": "forbidden"}}'}),
        ("cannot be given with", {"name": name(), "definition": LIMITED, "policy_family_id": "job-cluster"}),
        ("does not exist", {"name": name(), "policy_family_id": "none"}),
        ("only be given with", {"name": name(), "policy_family_definition_overrides": LIMITED}),
    ]
    for message, wrong in wrongs:
        with pytest.raises(InvalidParameterValue, match=message):
            w.cluster_policies.create(**wrong)
    with pytest.raises(InvalidParameterValue, match="cannot be deleted"):
        w.cluster_policies.delete(default.policy_id or "")
    with pytest.raises(InvalidParameterValue, match="family cannot be changed"):
        w.cluster_policies.edit(default.policy_id or "", name="Shared Compute", definition=LIMITED)
    with pytest.raises(NotFound):
        w.policy_families.get("none")


def test_only_administrators_change_policies(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    policy_id = w.cluster_policies.create(name=name()).policy_id or ""
    calls: list[Callable[[], object]] = [
        lambda: robot.client.cluster_policies.create(name=name()),
        lambda: robot.client.cluster_policies.edit(policy_id, name=name()),
        lambda: robot.client.cluster_policies.delete(policy_id),
        lambda: robot.client.cluster_policies.get(policy_id),
        lambda: robot.client.cluster_policies.get_permissions(policy_id),
        lambda: robot.client.cluster_policies.update_permissions(policy_id, access_control_list=[]),
    ]
    for call in calls:
        with pytest.raises(PermissionDenied):
            call()
    w.cluster_policies.delete(policy_id)
