"""Whether clusters and jobs keep to policies that have changed, and how they are made to, through the SDK."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.compute import (
    ClusterSpec,
    EnforcePolicyComplianceForClusterEnforceMode,
    EnforcePolicyComplianceForClusterResponseEnforceResult,
    PolicyComplianceForClustersAPI,
    State,
)
from databricks.sdk.service.jobs import JobCluster, NotebookTask, PolicyComplianceForJobsAPI, Task

from tests.support import wait_for
from tests.workspace.calls.conftest import Robot
from tests.workspace.calls.test_clusters import SIZE

FAMILIES = (PolicyComplianceForClustersAPI, PolicyComplianceForJobsAPI)
TAGGED = {"custom_tags.team": {"type": "fixed", "value": "ml"}}
SPREAD = {"num_workers": {"type": "range", "maxValue": 0, "defaultValue": 0}}


@pytest.fixture
def policy_id(w: WorkspaceClient, name: Callable[[], str]) -> Iterator[str]:
    """A policy without rules."""
    made = w.cluster_policies.create(name=name()).policy_id or ""
    yield made
    w.cluster_policies.delete(made)


def change(w: WorkspaceClient, policy_id: str, definition: dict[str, Any]) -> None:
    called = w.cluster_policies.get(policy_id).name
    w.cluster_policies.edit(policy_id, name=called, definition=json.dumps(definition))


@pytest.fixture
def cluster_id(w: WorkspaceClient, policy_id: str, name: Callable[[], str]) -> Iterator[str]:
    """A terminated cluster with that policy."""
    wanted = {**SIZE, "num_workers": 2, "policy_id": policy_id, "cluster_name": name()}
    made = w.clusters.create(**wanted).response.cluster_id or ""
    w.clusters.delete(made)
    wait_for(lambda: w.clusters.get(made).state is State.TERMINATED)
    yield made
    w.clusters.permanent_delete(made)


def job(w: WorkspaceClient, policy_id: str, called: str) -> int:
    cluster = ClusterSpec.from_dict({**SIZE, "num_workers": 2, "policy_id": policy_id})
    task = Task("t", notebook_task=NotebookTask("/Shared/none"), job_cluster_key="main")
    return w.jobs.create(name=called, tasks=[task], job_clusters=[JobCluster("main", cluster)]).job_id or 0


def test_every_operation(
    w: WorkspaceClient, robot: Robot, policy_id: str, cluster_id: str, name: Callable[[], str]
) -> None:
    of_clusters, of_jobs = w.policy_compliance_for_clusters, w.policy_compliance_for_jobs
    job_id = job(w, policy_id, name())
    assert of_clusters.get_compliance(cluster_id).is_compliant and of_jobs.get_compliance(job_id).is_compliant
    assert of_clusters.enforce_compliance(cluster_id).has_changes is False
    change(w, policy_id, TAGGED | SPREAD)
    assert of_clusters.get_compliance(cluster_id).violations == {
        "num_workers": 'Validation failed for num_workers, the value must be at most 0 (is "2")'
    }
    assert list(of_jobs.get_compliance(job_id).violations or {}) == ["main.num_workers"]
    (one,) = of_clusters.list_compliance(policy_id, page_size=1)
    assert (one.cluster_id, one.is_compliant) == (cluster_id, False)
    (other,) = of_jobs.list_compliance(policy_id)
    assert (other.job_id, other.is_compliant) == (job_id, False)

    shown = of_clusters.enforce_compliance(cluster_id, validate_only=True)
    fields = [(change.field, change.previous_value, change.new_value) for change in shown.changes or []]
    assert fields == [("custom_tags.team", "", "ml"), ("num_workers", "2", "0")]
    assert w.clusters.get(cluster_id).num_workers == 2
    done = of_clusters.enforce_compliance(cluster_id)
    assert done.enforce_result is EnforcePolicyComplianceForClusterResponseEnforceResult.APPLIED
    found = w.clusters.get(cluster_id)
    assert (found.num_workers, found.custom_tags, found.state) == (0, {"team": "ml"}, State.TERMINATED)
    assert of_clusters.get_compliance(cluster_id).is_compliant

    _deferred(w, policy_id, cluster_id)
    shown_job = of_jobs.enforce_compliance(job_id, validate_only=True)
    assert [one.field for one in shown_job.job_cluster_changes or []] == ["main.custom_tags.team", "main.num_workers"]
    assert not of_jobs.get_compliance(job_id).is_compliant
    assert of_jobs.enforce_compliance(job_id).has_changes
    (cluster,) = (w.jobs.get(job_id).settings or shown_job.settings).job_clusters or []
    assert (cluster.new_cluster.num_workers, cluster.new_cluster.custom_tags) == (0, {"team": "ml"})
    assert of_jobs.get_compliance(job_id).is_compliant
    w.jobs.delete(job_id)


def _deferred(w: WorkspaceClient, policy_id: str, cluster_id: str) -> None:
    """Of a cluster that runs, the policy is enforced when it ends."""
    family, later = w.policy_compliance_for_clusters, EnforcePolicyComplianceForClusterEnforceMode.WAIT_FOR_TERMINATION
    w.clusters.start(cluster_id)
    wait_for(lambda: w.clusters.get(cluster_id).state is State.RUNNING)
    change(w, policy_id, {"custom_tags.team": {"type": "fixed", "value": "data"}} | SPREAD)
    done = family.enforce_compliance(cluster_id, enforce_mode=later)
    assert done.enforce_result is EnforcePolicyComplianceForClusterResponseEnforceResult.DEFERRED
    pending = family.get_compliance(cluster_id).pending_enforcement
    assert pending and pending.initiator_user == w.current_user.me().user_name
    assert [(one.field, one.new_value) for one in pending.target_changes or []] == [("custom_tags.team", "data")]
    family.cancel_pending_cluster_enforcement(cluster_id)
    assert family.get_compliance(cluster_id).pending_enforcement is None
    with pytest.raises(NotFound, match="no pending enforcement"):
        family.cancel_pending_cluster_enforcement(cluster_id)
    family.cancel_pending_cluster_enforcement(cluster_id, allow_missing=True)
    family.enforce_compliance(cluster_id, enforce_mode=later)
    assert w.clusters.get(cluster_id).custom_tags == {"team": "ml"}
    w.clusters.delete(cluster_id)
    wait_for(lambda: w.clusters.get(cluster_id).state is State.TERMINATED)
    assert w.clusters.get(cluster_id).custom_tags == {"team": "data"}
    assert family.get_compliance(cluster_id).pending_enforcement is None
    change(w, policy_id, TAGGED | SPREAD)


def test_what_cannot_be_enforced(w: WorkspaceClient, robot: Robot, policy_id: str, cluster_id: str) -> None:
    change(w, policy_id, {"node_type_id": {"type": "regex", "pattern": "Standard_E.*"}})
    with pytest.raises(InvalidParameterValue, match=r"node_type_id, the value must match the pattern Standard_E\.\*"):
        w.policy_compliance_for_clusters.enforce_compliance(cluster_id)
    calls: list[Callable[[], object]] = [
        lambda: robot.client.policy_compliance_for_clusters.get_compliance(cluster_id),
        lambda: robot.client.policy_compliance_for_clusters.enforce_compliance(cluster_id),
        lambda: list(robot.client.policy_compliance_for_clusters.list_compliance(policy_id)),
    ]
    for call in calls:
        with pytest.raises(PermissionDenied):
            call()
