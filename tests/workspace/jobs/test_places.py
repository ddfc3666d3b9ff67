"""Where tasks run: when clusters are made and ended, and what a restart finds; with scripted compute."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs import wire
from tests.support import wait_for
from tests.workspace.jobs.lab import BROKEN, CLUSTER, OK, Lab, task

MAIN = [{"job_cluster_key": "main", "new_cluster": CLUSTER}]


def clusters(lab: Lab) -> list[str]:
    """The states of all clusters, oldest first."""
    return [one.state for one in sorted(lab.workspace.clusters.store.all(), key=lambda one: one.created_at)]


def shared(key: str, *after: str, **more: Any) -> dict[str, Any]:
    """A task on the shared cluster."""
    return task(key, *after, job_cluster_key="main", **more)


def test_shared_cluster_ends_with_the_last_task_that_needs_it(lab: Lab) -> None:
    lab.compute.behaviours |= {"b": lambda _: None, "c": lambda _: None}
    run_id = lab.run(lab.job(task("first"), shared("a", "first"), shared("b", "a"), task("c", "b"), job_clusters=MAIN))
    lab.running("b")
    assert clusters(lab) == ["RUNNING"] and len({spec.cluster_id for spec in lab.compute.started[1:]}) == 1
    assert lab.compute.started[0].cluster_id == "" and lab.compute.started[1].remote.startswith("sc://")
    lab.compute.finish("b")
    lab.running("c")
    wait_for(lambda: clusters(lab) == ["TERMINATED"])
    assert not lab.jobs.run(run_id)[0].state.ended, "before the run has ended"
    lab.compute.finish("c")
    assert lab.ended(run_id).state.result == "SUCCESS"


def test_cluster_that_was_lost_fails_its_task_and_the_retry_has_another(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda spec: None if len(lab.compute.started) == 1 else OK
    run_id = lab.run(lab.job(shared("a", max_retries=1), job_clusters=MAIN))
    handle = lab.running("a")
    lab.compute.deaf = True
    [running] = lab.workspace.clusters.lifecycle.all()
    running._ended("was ended by SIGKILL")
    wait_for(lambda: handle.stopping)
    assert handle.stopping == "FAILED" and handle.code == "CLUSTER_ERROR"
    assert "terminated during the run (cluster state message: The Spark engine was ended by SIGKILL" in handle.why
    lab.compute.deaf = False
    lab.compute.finish("a", TaskOutcome("FAILED", handle.why, code=handle.code))
    assert lab.ended(run_id).state.result == "SUCCESS"
    first, second = (spec.cluster_id for spec in lab.compute.started)
    assert first != second
    wait_for(lambda: clusters(lab) == ["TERMINATED", "TERMINATED"])


def test_task_that_waited_for_its_cluster_when_the_workspace_ended_waits_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = lab.compute.start_engine
    monkeypatch.setattr(lab.compute, "start_engine", lambda own, heard, ended: slow(own, lambda said: None, ended))
    run_id = lab.run(lab.job(shared("a", max_retries=0), job_clusters=MAIN))

    def state() -> Any:
        return lab.jobs.tasks(run_id)[0].state

    wait_for(lambda: state().message == "Waiting for cluster")
    shown = wire.run(*lab.jobs.run(run_id), "", wire.Shown()).as_dict()["tasks"][0]
    assert shown["state"]["life_cycle_state"] == shown["status"]["state"] == "PENDING"
    lab.die()
    lab.start()
    lab.workspace.clusters.recover()
    lab.jobs.recover()
    assert lab.ended(run_id).state.result == "SUCCESS"
    assert len(lab.jobs.tasks(run_id)) == 1 and lab.compute.keys() == ["a"]
    wait_for(lambda: clusters(lab) == ["TERMINATED", "TERMINATED"])


def test_repair_makes_a_new_cluster_and_each_attempt_its_own(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: BROKEN
    run, _ = lab.done(shared("a"), task("own", new_cluster=CLUSTER, max_retries=0), job_clusters=MAIN)
    lab.compute.behaviours["a"] = lambda _: OK
    lab.jobs.repair(run.run_id, {"rerun_tasks": ["a", "own"]})
    assert lab.ended(run.run_id).state.result == "SUCCESS"
    assert len({spec.cluster_id for spec in lab.compute.started}) == 4
    wait_for(lambda: clusters(lab) == ["TERMINATED"] * 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"tasks": [shared("a")], "job_clusters": [{"job_cluster_key": "main", "new_cluster": {}}]},
            "job cluster 'main'",
        ),
        ({"tasks": [task("a", new_cluster={"num_workers": 1})]}, "task 'a': Cluster validation error"),
        ({"tasks": [task("a", new_cluster=CLUSTER | {"instance_pool_id": "none"})]}, "none"),
        ({"tasks": [task("a", new_cluster=CLUSTER, existing_cluster_id="x")]}, "only one of"),
    ],
)
def test_clusters_that_cannot_be_are_refused_when_the_job_is_made(lab: Lab, settings: Any, message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        lab.jobs.create({"name": "j", **settings}, lab.owner)
