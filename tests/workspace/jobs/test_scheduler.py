"""Runs from start to end: states, retries, limits, cancelling, parameters, and what a restart finds."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from brickyard.workspace.api.errors import (
    InvalidParameterValue,
    InvalidState,
    Unauthenticated,
)
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs.run_store import RunFilter
from tests.support import wait_for
from tests.workspace.jobs.lab import BROKEN, CLUSTER, OK, Lab, task


def hold(_: Any) -> None:
    """The task runs until something ends it."""


def test_run_succeeds_and_tasks_run_in_order(lab: Lab) -> None:
    run, tasks = lab.done(task("c", "b"), task("b", "a"), task("a"))
    assert (run.state.life_cycle, run.state.result, run.state.code) == ("TERMINATED", "SUCCESS", "SUCCESS")
    assert lab.compute.keys() == ["a", "b", "c"]
    assert {one.state.result for one in tasks.values()} == {"SUCCESS"}
    assert run.started_at and run.ended_at and run.ended_at >= run.started_at >= run.created_at


def test_failed_task_fails_the_run_and_says_which(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: BROKEN
    run, tasks = lab.done(task("a"), task("b", "a"))
    assert (run.state.life_cycle, run.state.result) == ("INTERNAL_ERROR", "FAILED")
    assert run.state.message.startswith(
        "Task a failed with message: Workload failed, see run output for details. This caused all downstream tasks"
    )
    assert (tasks["a"].state.life_cycle, tasks["a"].state.code) == ("TERMINATED", "RUN_EXECUTION_ERROR")
    assert tasks["b"].state.result == "UPSTREAM_FAILED" and lab.compute.keys() == ["a"]


def test_retries_make_attempts_with_run_ids_of_their_own(lab: Lab) -> None:
    outcomes = iter([BROKEN, BROKEN, OK])
    lab.compute.behaviours["a"] = lambda _: next(outcomes)
    run_id = lab.run(lab.job(task("a", max_retries=2, min_retry_interval_millis=20), task("b", "a")))
    assert lab.ended(run_id).state.result == "SUCCESS"
    attempts = [one for one in lab.jobs.tasks(run_id) if one.task_key == "a"]
    assert [(one.attempt, one.state.result) for one in attempts] == [(0, "FAILED"), (1, "FAILED"), (2, "SUCCESS")]
    assert len({one.run_id for one in attempts}) == 3
    assert all(later.started_at >= earlier.started_at + 20 for earlier, later in itertools.pairwise(attempts))


def test_retry_waits_from_the_start_of_the_attempt_that_failed(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: BROKEN
    run_id = lab.run(lab.job(task("a", max_retries=1, min_retry_interval_millis=600_000)))
    waiting = wait_for(lambda: [one for one in lab.jobs.tasks(run_id) if one.state.life_cycle == "WAITING_FOR_RETRY"])
    assert waiting[0].due_at == (lab.jobs.tasks(run_id)[0].started_at or 0) + 600_000
    lab.jobs.cancel(run_id)
    assert lab.ended(run_id).state.result == "CANCELED"


def test_retries_end_and_a_timeout_is_retried_only_where_asked(lab: Lab) -> None:
    late = TaskOutcome("TIMEDOUT")
    lab.compute.behaviours |= {"a": lambda _: BROKEN, "b": lambda _: late, "c": lambda _: late}
    run, tasks = lab.done(
        task("a", max_retries=1), task("b", max_retries=1), task("c", max_retries=1, retry_on_timeout=True)
    )
    assert {key: one.attempt for key, one in tasks.items()} == {"a": 1, "b": 0, "c": 1}
    assert run.state.result == "FAILED" and tasks["c"].state.result == "TIMEDOUT"


def test_cancel_stops_what_runs_and_what_waits(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    run_id = lab.run(lab.job(task("a", max_retries=3), task("b", "a")))
    lab.running("a")
    lab.jobs.cancel(run_id)
    run = lab.ended(run_id)
    assert (run.state.life_cycle, run.state.result, run.state.code) == ("TERMINATED", "CANCELED", "USER_CANCELED")
    assert {one.state.result for one in lab.jobs.tasks(run_id)} == {"CANCELED"}
    assert lab.compute.keys() == ["a"]


def test_cancelling_one_task_cancels_what_follows_it(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    run_id = lab.run(lab.job(task("a"), task("b", "a"), task("clean", "a", run_if="ALL_DONE")))
    lab.running("a")
    lab.jobs.cancel(lab.last(run_id)["a"].run_id)
    lab.ended(run_id)
    results = {key: one.state.result for key, one in lab.last(run_id).items()}
    assert results == {"a": "CANCELED", "b": "UPSTREAM_CANCELED", "clean": "SUCCESS"}


def test_run_over_its_time_limit_is_stopped(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    run, tasks = lab.done(task("a", max_retries=1), task("b", "a"), timeout_seconds=1)
    assert (run.state.life_cycle, run.state.result) == ("TERMINATED", "TIMEDOUT")
    assert "1 seconds" in run.state.message and tasks["a"].state.result == "TIMEDOUT"


def test_run_over_the_limit_of_runs_is_skipped(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    job_id = lab.job(task("a"))
    first, second = lab.run(job_id), lab.run(job_id)
    skipped = lab.jobs.run(second)[0]
    assert (skipped.state.life_cycle, skipped.state.result) == ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED")
    lab.running("a")
    lab.compute.finish("a")
    assert lab.ended(first).state.result == "SUCCESS"


def test_queue_runs_them_in_turn(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    job_id = lab.job(task("a"), queue={"enabled": True})
    runs = [lab.run(job_id) for _ in range(3)]
    waiting = lab.jobs.run(runs[1])[0].state
    assert waiting.life_cycle == "QUEUED" and "maximum concurrent runs of 1" in waiting.message
    lab.jobs.cancel(runs[1])
    assert lab.ended(runs[1]).state.result == "CANCELED"
    lab.running("a")
    lab.compute.behaviours.clear()
    lab.compute.finish("a")
    assert lab.ended(runs[2]).state.result == "SUCCESS"
    assert [spec.job_run_id for spec in lab.compute.started] == [runs[0], runs[2]]


def test_only_so_many_tasks_run_at_once_and_all_get_their_turn(lab: Lab) -> None:
    lab.compute.behaviours |= {f"t{one}": hold for one in range(12)}
    run_id = lab.run(lab.job(*(task(f"t{one}") for one in range(12))))
    for one in range(12):
        key = wait_for(lambda: next((k for k, h in lab.compute.handles.items() if h.outcome is None), None))
        assert isinstance(key, str), one
        lab.compute.finish(key)
    assert lab.ended(run_id).state.result == "SUCCESS"
    assert lab.compute.most_at_once == max(2, os.cpu_count() or 2)


def test_same_idempotency_token_is_the_same_run(lab: Lab) -> None:
    job_id = lab.job(task("a"))
    first = lab.run(job_id, idempotency_token="once")
    assert lab.run(job_id, idempotency_token="once") == first
    lab.ended(first)
    assert lab.run(job_id, idempotency_token="once") == first and lab.compute.keys() == ["a"]
    assert lab.run(lab.job(task("b")), idempotency_token="once") != first, "another job's tokens are others"
    lab.jobs.delete_run(lab.ended(first).run_id)
    with pytest.raises(InvalidParameterValue, match="with this idempotency_token was deleted"):
        lab.run(job_id, idempotency_token="once")
    assert lab.jobs.runs(RunFilter(job_id=job_id), 9) == []
    with pytest.raises(InvalidParameterValue, match="does not exist"):
        lab.jobs.run(first)


def test_parameters_reach_tasks_with_references_resolved(lab: Lab) -> None:
    notebook = {
        "notebook_path": "/n",
        "base_parameters": {"day": "own", "run": "{{job.run_id}}", "me": "{{task.name}}"},
    }
    script = {"python_file": "/f.py", "parameters": ["--day", "{{job.parameters.day}}", "{{workspace.id}}"]}
    wheel = {"package_name": "p", "entry_point": "main", "named_parameters": {"k": "{{job.name}}"}}
    run_id = lab.run(
        lab.job(
            {"task_key": "n", "notebook_task": notebook},
            {"task_key": "s", "spark_python_task": script},
            {"task_key": "w", "python_wheel_task": wheel},
            parameters=[{"name": "day", "default": "{{job.start_time.iso_date}}"}, {"name": "x", "default": "1"}],
        ),
        job_parameters={"x": "2"},
    )
    lab.ended(run_id)
    given = {spec.task_key: spec for spec in lab.compute.started}
    day = given["n"].parameters["day"]
    assert len(day) == 10 and day[4] == "-"
    assert given["n"].parameters == {"day": day, "run": str(run_id), "me": "n", "x": "2"}
    assert given["s"].parameters == ["--day", day, "77"] and given["s"].kind == "spark_python"
    assert given["w"].parameters == {"k": "lab", "day": day, "x": "2"} and given["w"].source == "p:main"


def test_task_values_flow_to_later_tasks(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: TaskOutcome("SUCCESS", task_values={"auc": 0.7, "name": "m"})
    reads = {
        "notebook_path": "/n",
        "base_parameters": {"auc": "{{tasks.a.values.auc}}", "n": "{{tasks.a.values.name}}"},
    }
    run, _ = lab.done(task("a"), {"task_key": "b", "depends_on": [{"task_key": "a"}], "notebook_task": reads})
    assert run.state.result == "SUCCESS"
    assert lab.compute.started[1].task_values == {"a": {"auc": 0.7, "name": "m"}}
    assert lab.compute.started[1].parameters == {"auc": "0.7", "n": "m"}


def test_task_value_that_was_not_set_fails_the_task_by_name(lab: Lab) -> None:
    reads = {"notebook_path": "/n", "base_parameters": {"x": "{{tasks.a.values.auc}}"}}
    reader = {"task_key": "b", "depends_on": [{"task_key": "a"}], "notebook_task": reads, "max_retries": 5}
    run, tasks = lab.done(task("a"), reader)
    assert run.state.result == "FAILED" and lab.compute.keys() == ["a"]
    assert "{{tasks.a.values.auc}}" in run.state.message and tasks["b"].attempt == 0
    assert tasks["b"].state.code == "INVALID_RUN_CONFIGURATION"


def test_token_of_a_run_ends_with_it(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    run_id = lab.run(lab.job(task("a")))
    token = lab.running("a").spec.token
    assert lab.workspace.identity.authenticate(f"Bearer {token}") == lab.owner
    lab.compute.finish("a")
    lab.ended(run_id)
    with pytest.raises(Unauthenticated):
        lab.workspace.identity.authenticate(f"Bearer {token}")


def test_only_runs_some_tasks(lab: Lab) -> None:
    run_id = lab.run(lab.job(task("a"), task("b", "a"), task("c", "b")), only=["b"])
    assert lab.ended(run_id).state.result == "SUCCESS" and lab.compute.keys() == ["b"]


def test_deleting_a_job_cancels_its_runs(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    job_id = lab.job(task("a"))
    run_id = lab.run(job_id)
    lab.running("a")
    lab.jobs.delete(job_id)
    assert lab.ended(run_id).state.result == "CANCELED"
    with pytest.raises(InvalidParameterValue, match="does not exist"):
        lab.jobs.get(job_id)


def test_active_run_is_not_deleted_and_an_ended_one_is(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    run_id = lab.run(lab.job(task("a")))
    lab.running("a")
    with pytest.raises(InvalidState, match="active"):
        lab.jobs.delete_run(run_id)
    lab.compute.finish("a")
    lab.ended(run_id)
    lab.jobs.delete_run(run_id)
    with pytest.raises(InvalidParameterValue, match="does not exist"):
        lab.jobs.run(run_id)


def test_restart_reports_what_was_lost_and_repeats_nothing(lab: Lab) -> None:
    lab.compute.behaviours["b"] = hold
    run_id = lab.run(lab.job(task("a"), task("b", "a"), task("c", "b")))
    lab.running("b")
    lab.die()
    lab.start()
    lab.jobs.recover()
    run = lab.ended(run_id)
    assert (run.state.life_cycle, run.state.result) == ("INTERNAL_ERROR", "FAILED")
    assert "The workspace stopped while this task was running" in run.state.message
    assert lab.last(run_id)["a"].state.result == "SUCCESS"
    assert lab.last(run_id)["c"].state.result == "UPSTREAM_FAILED" and lab.compute.keys() == []


def test_restart_takes_the_result_that_a_task_left(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    run_id = lab.run(lab.job(task("a"), task("b", "a")))
    lab.running("a")
    lab.die()
    lab.leave_result(lab_task(lab, run_id, "a"), TaskOutcome("SUCCESS", task_values={"k": 1}))
    lab.start()
    lab.jobs.recover()
    assert lab.ended(run_id).state.result == "SUCCESS"
    assert lab.compute.keys() == ["b"] and lab.compute.started[0].task_values == {"a": {"k": 1}}


def lab_task(lab: Lab, run_id: int, key: str) -> int:
    lab.start()
    found = lab.last(run_id)[key].run_id
    lab.die()
    return found


def test_restart_retries_what_has_retries_left(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    run_id = lab.run(lab.job(task("a", max_retries=1)))
    lab.running("a")
    lab.die()
    lab.start()
    lab.jobs.recover()
    assert lab.ended(run_id).state.result == "SUCCESS"
    assert [one.state.result for one in lab.jobs.tasks(run_id)] == ["FAILED", "SUCCESS"]


def test_restart_keeps_a_cancel_and_starts_the_queue(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    job_id = lab.job(task("a"), queue={"enabled": True})
    first, second = lab.run(job_id), lab.run(job_id)
    lab.running("a")
    lab.compute.deaf = True
    lab.jobs.cancel(first)
    assert lab.jobs.run(first)[0].state.life_cycle == "TERMINATING"
    lab.die()
    lab.start()
    lab.jobs.recover()
    assert lab.ended(first).state.result == "CANCELED"
    assert lab.ended(second).state.result == "SUCCESS"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"tasks": [{"task_key": "q", "dashboard_task": {"dashboard_id": "d"}}]}, "task 'q': dashboard_task is not"),
        ({"tasks": [task("a b")]}, "task_key 'a b'"),
        ({"tasks": [task("a"), task("a")]}, "more than once"),
        ({"tasks": [task("a", "b"), task("b", "a")]}, "circle"),
        ({"tasks": [task("a", "z")]}, "'z', which is not a task"),
        ({"tasks": [task("a", run_if="SOMETIMES")]}, r"tasks\[0\]\.run_if"),
        ({"tasks": [task("a", colour="red")]}, r"tasks\[0\]\.colour"),
        ({"tasks": [task("a", environment_key="e")]}, "environment_key 'e'"),
        ({"tasks": [task("a", job_cluster_key="c")]}, "job_cluster_key 'c'"),
        ({"tasks": [task("a", timeout_seconds=-1)]}, "timeout_seconds"),
        ({"tasks": [{"task_key": "a"}]}, "must have one of notebook_task"),
        ({"tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "rel"}}]}, "absolute"),
        ({"parameters": [{"name": "p", "default": "1"}, {"name": "p", "default": "2"}]}, "same name 'p'"),
        ({"job_clusters": [{"job_cluster_key": "c", "new_cluster": {}}] * 2}, "same job_cluster_key 'c'"),
        ({"tasks": [task("a", new_cluster=CLUSTER | {"docker_image": {"url": "x/y"}})]}, "task 'a': .*docker_image"),
        ({"tasks": [task("a", new_cluster=CLUSTER | {"spark_env_vars": {"A=B": "c"}})]}, "'A=B'"),
        ({"parameters": [{"name": "p", "default": "{{job.naem}}"}]}, r"\{\{job.naem\}\}"),
        ({"parameters": [{"name": "a b", "default": "1"}]}, "parameter name 'a b'"),
        ({"name": "é" * 2049}, "name has 4098 bytes; at most 4096"),
        ({"description": "x" * 27701}, "description has 27701 characters"),
        ({"tags": {str(one): "" for one in range(26)}}, "26 tags; at most 25"),
        ({"max_concurrent_runs": 1001}, "max_concurrent_runs is 1001"),
        (
            {"tasks": [task("a", existing_cluster_id="c", new_cluster={"num_workers": 1})]},
            "only one of existing_cluster",
        ),
    ],
)
def test_what_cannot_run_is_refused_by_name(lab: Lab, body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        lab.jobs.create(body, lab.owner)


def test_references_are_checked_when_the_job_is_made(lab: Lab) -> None:
    def reading(reference: str) -> dict[str, Any]:
        return {"task_key": "b", "notebook_task": {"notebook_path": "/n", "base_parameters": {"x": reference}}}

    for reference in (
        "{{job.parameters.none}}",
        "{{tasks.a.values.x}}",
        "{{ task.no }}",
        "{{job.start_time.century}}",
    ):
        with pytest.raises(InvalidParameterValue, match="{{" + reference.strip("{} ") + "}}"):
            lab.job(task("a"), reading(reference))


def test_run_that_cannot_be_written_ends_once_it_can(lab: Lab) -> None:
    lab.compute.behaviours["a"] = hold
    run_id = lab.run(lab.job(task("a")))
    handle = lab.running("a")
    with lab.workspace.store.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    lab.compute.finish("a")
    wait_for(lambda: handle.outcome)
    lab.jobs.cancel(run_id)  # it returns, although nothing can be written
    state = lab.ended(run_id).state
    assert (state.life_cycle, state.result, state.code) == ("INTERNAL_ERROR", "FAILED", "INTERNAL_ERROR")
    assert "could not carry on this run (database or disk is full)" in state.message
    with lab.workspace.store.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    wait_for(lambda: not written_as_active(lab, run_id))


def written_as_active(lab: Lab, run_id: int) -> bool:
    with lab.workspace.store.read() as connection:
        return bool(connection.exec_driver_sql(f"SELECT active FROM runs WHERE run_id = {run_id}").scalar())


def test_updates_at_the_same_time_are_all_kept(lab: Lab) -> None:
    job_id = lab.job(task("first"))
    keys = [f"t{one}" for one in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda key: lab.jobs.update(job_id, {"tasks": [task(key)]}, [], lab.owner), keys))
    assert {one["task_key"] for one in lab.jobs.get(job_id).settings["tasks"]} == {"first", *keys}


def test_update_merges_tasks_by_key_and_removes_fields(lab: Lab) -> None:
    job_id = lab.job(task("a"), task("b"), tags={"k": "v"})
    lab.jobs.update(job_id, {"tasks": [task("b", timeout_seconds=9)], "name": "new"}, ["tags", "tasks/a"], lab.owner)
    settings = lab.jobs.get(job_id).settings
    assert [(one["task_key"], one["timeout_seconds"]) for one in settings["tasks"]] == [("b", 9)]
    assert settings["name"] == "new" and "tags" not in settings
