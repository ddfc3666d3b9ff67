"""Who may not create unrestricted clusters needs a policy for every cluster: also in edits, and in jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service.compute import (
    ClusterPolicyAccessControlRequest,
    ClusterPolicyPermissionLevel,
    ClusterSpec,
    State,
    UpdateClusterResource,
)
from databricks.sdk.service.iam import Patch, PatchOp, PatchSchema
from databricks.sdk.service.jobs import (
    ForEachTask,
    JobAccessControlRequest,
    JobCluster,
    JobPermissionLevel,
    JobSettings,
    NotebookTask,
    SubmitTask,
    Task,
)

from tests.support import wait_for
from tests.workspace.calls.conftest import Robot
from tests.workspace.calls.test_clusters import SIZE
from tests.workspace.calls.test_policy_compliance import SPREAD, change, policy_id

__all__ = ["policy_id"]

NOTEBOOK = NotebookTask("/Shared/none")
FREE = ClusterSpec.from_dict(SIZE)
DENIED = "allow-cluster-create"


@pytest.fixture
def limited(w: WorkspaceClient, robot: Robot, policy_id: str) -> str:
    """A policy that the robot may use."""
    use = ClusterPolicyAccessControlRequest(
        permission_level=ClusterPolicyPermissionLevel.CAN_USE, service_principal_name=robot.name
    )
    w.cluster_policies.set_permissions(policy_id, access_control_list=[use])
    return policy_id


@pytest.fixture
def cluster_id(w: WorkspaceClient, robot: Robot, limited: str) -> Iterator[str]:
    """The robot's cluster, terminated."""
    made = robot.client.clusters.create(**SIZE, policy_id=limited).response.cluster_id or ""
    w.clusters.delete(made)
    wait_for(lambda: w.clusters.get(made).state is State.TERMINATED)
    yield made
    w.clusters.permanent_delete(made)


def test_a_cluster_keeps_a_policy(w: WorkspaceClient, robot: Robot, limited: str, cluster_id: str) -> None:
    clusters = robot.client.clusters
    clusters.edit(cluster_id, **SIZE, policy_id=limited, cluster_name="edited")
    clusters.update(cluster_id, "cluster_name", cluster=UpdateClusterResource(cluster_name="updated"))
    with pytest.raises(PermissionDenied, match=DENIED):
        clusters.edit(cluster_id, **SIZE)
    with pytest.raises(PermissionDenied, match=DENIED):
        clusters.update(cluster_id, "policy_id", cluster=UpdateClusterResource())
    not_granted = next(one.policy_id for one in w.cluster_policies.list() if one.name == "Power User Compute")
    with pytest.raises(PermissionDenied, match="does not have Use permissions"):
        clusters.edit(cluster_id, **SIZE, policy_id=not_granted)
    copy = {"clone_from": {"source_cluster_id": cluster_id}, "policy_id": ""}
    with pytest.raises(PermissionDenied, match=DENIED):
        robot.client.api_client.do("POST", "/api/2.1/clusters/create", body=copy)
    found = w.clusters.get(cluster_id)
    assert (found.cluster_name, found.policy_id) == ("updated", limited)
    entitled = Patch(op=PatchOp.ADD, path="entitlements", value=[{"value": "allow-cluster-create"}])
    schemas = [PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]
    w.service_principals.patch(robot.id, operations=[entitled], schemas=schemas)
    clusters.edit(cluster_id, **SIZE)
    assert not w.clusters.get(cluster_id).policy_id


def test_clusters_of_jobs_need_one(robot: Robot, limited: str, name: Callable[[], str]) -> None:
    jobs, bound = robot.client.jobs, ClusterSpec.from_dict({**SIZE, "policy_id": limited})
    inner = Task("inner", notebook_task=NOTEBOOK, new_cluster=FREE)
    tasks = [
        Task("t", notebook_task=NOTEBOOK, new_cluster=FREE),
        Task("each", for_each_task=ForEachTask("[1]", inner)),
    ]
    for task in tasks:
        with pytest.raises(PermissionDenied, match=DENIED):
            jobs.create(name=name(), tasks=[task])
    with pytest.raises(PermissionDenied, match="job cluster 'main'.*" + DENIED):
        jobs.create(name=name(), job_clusters=[JobCluster("main", FREE)])
    with pytest.raises(PermissionDenied, match=DENIED):
        jobs.submit(tasks=[SubmitTask("t", notebook_task=NOTEBOOK, new_cluster=FREE)])
    made = jobs.create(name=name(), job_clusters=[JobCluster("main", bound)]).job_id or 0
    free = JobSettings(name=name(), job_clusters=[JobCluster("main", FREE)])
    with pytest.raises(PermissionDenied, match=DENIED):
        jobs.reset(made, free)
    with pytest.raises(PermissionDenied, match=DENIED):
        jobs.update(made, new_settings=free)
    jobs.delete(made)


def test_who_manages_a_job_keeps_its_clusters(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    made = w.jobs.create(name=name(), job_clusters=[JobCluster("main", FREE)]).job_id or 0
    manages = JobAccessControlRequest(permission_level=JobPermissionLevel.CAN_MANAGE, service_principal_name=robot.name)
    w.jobs.update_permissions(str(made), access_control_list=[manages])
    robot.client.jobs.update(made, new_settings=JobSettings(name="renamed"))
    larger = ClusterSpec.from_dict({**SIZE, "num_workers": 8})
    with pytest.raises(PermissionDenied, match=DENIED):
        robot.client.jobs.update(made, new_settings=JobSettings(job_clusters=[JobCluster("main", larger)]))
    w.jobs.delete(made)


def test_policies_bind_repeated_tasks(w: WorkspaceClient, policy_id: str, name: Callable[[], str]) -> None:
    cluster = ClusterSpec.from_dict({**SIZE, "num_workers": 2, "policy_id": policy_id})
    inner = Task("inner", notebook_task=NOTEBOOK, new_cluster=cluster)
    made = w.jobs.create(name=name(), tasks=[Task("each", for_each_task=ForEachTask("[1]", inner))]).job_id or 0
    change(w, policy_id, SPREAD)
    compliance = w.policy_compliance_for_jobs
    assert list(compliance.get_compliance(made).violations or {}) == ["inner.num_workers"]
    assert [one.job_id for one in compliance.list_compliance(policy_id)] == [made]
    done = compliance.enforce_compliance(made)
    assert [one.field for one in done.job_cluster_changes or []] == ["inner.num_workers"]
    (task,) = w.jobs.get(made).settings.tasks
    assert task.for_each_task.task.new_cluster.num_workers == 0
    assert compliance.get_compliance(made).is_compliant
    w.jobs.delete(made)
