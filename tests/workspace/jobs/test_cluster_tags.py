"""The tags of jobs on their clusters: policies and limits count for them as for the clusters' own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.policies.compliance import enforce_job, violations_of_job
from tests.workspace.jobs.lab import CLUSTER, Lab, task


def with_policy(lab: Lab, **rules: Any) -> dict[str, Any]:
    """The definition of a cluster with a policy of these rules."""
    policy = lab.workspace.policies.create({"name": "p", "definition": json.dumps(rules)}, lab.owner)
    return {**CLUSTER, "policy_id": policy.id}


def teams(*names: str) -> dict[str, Any]:
    """The rule that a cluster is of one of these teams, or of none."""
    return {"custom_tags.team": {"type": "allowlist", "values": names, "isOptional": True}}


def on(cluster: dict[str, Any], **tags: str) -> dict[str, Any]:
    """A task on a cluster of its own."""
    return {**task("a"), "new_cluster": {**cluster, "custom_tags": tags} if tags else cluster}


def test_tag_of_a_job_that_a_policy_does_not_allow_is_refused(lab: Lab) -> None:
    cluster = with_policy(lab, **teams("maps", "roads"))
    with pytest.raises(InvalidParameterValue, match="team"):
        lab.job(on(cluster), tags={"team": "anybody"})
    with pytest.raises(InvalidParameterValue, match="team"):
        lab.jobs.update(lab.job(on(cluster)), {"tags": {"team": "anybody"}}, [], lab.owner)
    run, _ = lab.done(on(cluster, team="maps"), tags={"team": "anybody", "stage": "dev"})
    [made] = lab.workspace.clusters.store.all()
    assert run.state.result == "SUCCESS"
    assert made.definition["custom_tags"] == {"team": "maps", "stage": "dev"}, "the cluster's own are before the job's"


def test_tags_of_a_job_count_for_the_limit_of_a_cluster(lab: Lab) -> None:
    own = {f"own{number}": "x" for number in range(30)}
    lab.job(on(CLUSTER, **own), tags={f"tag{number}": "x" for number in range(15)})
    with pytest.raises(InvalidParameterValue, match="more than 45 custom_tags, with those of the job"):
        lab.job(on(CLUSTER, **own), tags={f"tag{number}": "x" for number in range(16)})


def test_policy_that_changes_is_enforced_on_what_a_job_s_tags_make_of_its_cluster(lab: Lab) -> None:
    cluster = with_policy(lab, **teams("maps", "roads"))
    policies = lab.workspace.policies
    job = lab.job(on(cluster), tags={"team": "roads", "stage": "dev"})
    settings = lab.jobs.get(job).settings
    assert violations_of_job(policies, settings) == {}
    fixed = {"custom_tags.team": {"type": "fixed", "value": "maps"}}
    policies.edit(policies.get(cluster["policy_id"]), {"name": "p", "definition": json.dumps(fixed)})
    assert list(violations_of_job(policies, settings)) == ["a.custom_tags.team"]
    task_run = lab.last(lab.ended(lab.run(job)).run_id)["a"]
    assert task_run.state.code == "INVALID_CLUSTER_REQUEST" and "team" in task_run.state.message
    done = enforce_job(policies, settings)
    assert done.made["tasks"][0]["new_cluster"]["custom_tags"] == {"team": "maps"}
    assert [(one.field, one.previous, one.new) for one in done.changes] == [("a.custom_tags.team", "roads", "maps")]
    assert violations_of_job(policies, done.made) == {}


def test_clusters_that_were_made_before_jobs_had_tags_name_their_job(lab: Lab) -> None:
    run, _ = lab.done(on(CLUSTER))
    with lab.workspace.store.write() as connection:  # as schema 4 had it
        connection.exec_driver_sql("UPDATE clusters SET tags = NULL")
    [made] = lab.workspace.clusters.store.all()
    assert made.default_tags["JobId"] == str(run.job_id)
