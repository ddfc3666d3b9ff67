"""Repairs: what runs again, with which settings, and how the run's history tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs import wire
from tests.support import wait_for
from tests.workspace.jobs.lab import BROKEN, OK, Lab, task


def repaired(lab: Lab, run_id: int, **body: Any) -> int:
    """Repair a run and wait for its end; answers the repair's id."""
    number = lab.jobs.repair(run_id, {"run_id": run_id, **body})
    lab.ended(run_id)
    return number


def test_failed_tasks_and_what_waited_for_them_run_again(lab: Lab) -> None:
    lab.compute.behaviours["b"] = lambda _: BROKEN
    run, _ = lab.done(task("a"), task("b", "a"), task("c", "b"), task("d", "a"))
    assert run.state.result == "FAILED"
    lab.compute.behaviours["b"] = lambda _: OK
    repaired(lab, run.run_id, rerun_all_failed_tasks=True)
    assert lab.compute.keys() == ["a", "b", "d", "b", "c"] or lab.compute.keys() == ["a", "d", "b", "b", "c"]
    assert lab.jobs.run(run.run_id)[0].state.result == "SUCCESS"
    assert {key: one.attempt for key, one in lab.last(run.run_id).items()} == {"a": 0, "b": 1, "c": 1, "d": 0}


def test_named_tasks_run_again_with_what_depends_on_them_where_asked(lab: Lab) -> None:
    run, _ = lab.done(task("a"), task("b", "a"), task("c", "b"))
    first = repaired(lab, run.run_id, rerun_tasks=["b"])
    assert lab.compute.keys()[3:] == ["b"]
    repaired(lab, run.run_id, rerun_tasks=["b"], rerun_dependent_tasks=True, latest_repair_id=first)
    assert lab.compute.keys()[4:] == ["b", "c"]


def test_conditions_are_decided_again(lab: Lab) -> None:
    lab.compute.behaviours["n"] = lambda _: TaskOutcome("SUCCESS", task_values={"n": "0"})
    condition = {"op": "EQUAL_TO", "left": "{{tasks.n.values.n}}", "right": "1"}
    run, tasks = lab.done(
        task("n"),
        {"task_key": "c", "condition_task": condition, "depends_on": [{"task_key": "n"}]},
        task("yes", depends_on=[{"task_key": "c", "outcome": "true"}]),
    )
    assert tasks["yes"].state.result == "EXCLUDED"
    lab.compute.behaviours["n"] = lambda _: TaskOutcome("SUCCESS", task_values={"n": "1"})
    repaired(lab, run.run_id, rerun_tasks=["n"], rerun_dependent_tasks=True)
    assert lab.last(run.run_id)["yes"].state.result == "SUCCESS"


def test_repair_uses_the_settings_of_now_and_has_retries_of_its_own(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: BROKEN
    job_id = lab.job(task("a", max_retries=1), parameters=[{"name": "day", "default": "mon"}])
    run = lab.ended(lab.run(job_id, job_parameters={"day": "tue"}))
    lab.jobs.update(job_id, {"tasks": [task("a", max_retries=2)]}, [], lab.owner)
    repaired(lab, run.run_id, rerun_all_failed_tasks=True, job_parameters={"day": "wed"})
    assert [one.attempt for one in lab.jobs.tasks(run.run_id)] == [0, 1, 2, 3, 4]
    assert [one["day"] for one in lab.compute.given()] == ["tue"] * 2 + ["wed"] * 3


def test_history_tells_of_the_original_and_the_repairs(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: BROKEN
    run, _ = lab.done(task("a"))
    first = repaired(lab, run.run_id, rerun_all_failed_tasks=True)
    lab.compute.behaviours["a"] = lambda _: OK
    second = repaired(lab, run.run_id, rerun_all_failed_tasks=True, latest_repair_id=first)
    items = wire.history(*lab.jobs.run(run.run_id))
    assert [(one.type.value if one.type else "", one.id) for one in items] == [
        ("ORIGINAL", None),
        ("REPAIR", first),
        ("REPAIR", second),
    ]
    assert [one.state.result_state.value for one in items if one.state and one.state.result_state] == [
        "FAILED",
        "FAILED",
        "SUCCESS",
    ]
    assert [one.task_run_ids for one in items] == [[task.run_id] for task in lab.jobs.tasks(run.run_id)]


def test_repair_goes_on_after_a_restart(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: BROKEN
    run, _ = lab.done(task("a"), task("b", "a"))
    lab.compute.behaviours["a"] = lambda _: None
    lab.jobs.repair(run.run_id, {"run_id": run.run_id, "rerun_all_failed_tasks": True})
    wait_for(lambda: lab.last(run.run_id)["a"].state.life_cycle == "RUNNING")
    attempt = lab.last(run.run_id)["a"].run_id
    lab.die()
    lab.leave_result(attempt, OK)
    lab.start()
    lab.jobs.recover()
    assert lab.ended(run.run_id).state.result == "SUCCESS"
    assert lab.compute.keys() == ["b"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Either rerun_tasks or rerun_all_failed_tasks is required"),
        ({"rerun_tasks": ["a"], "rerun_all_failed_tasks": True}, "and not both"),
        ({"rerun_tasks": ["z"]}, "rerun_tasks names 'z'"),
        ({"rerun_tasks": True}, "rerun_tasks must be a list"),
        ({"rerun_tasks": [{}]}, r"rerun_tasks\[0\] must be a string"),
        ({"rerun_all_failed_tasks": True}, "has no failed tasks"),
        ({"rerun_tasks": ["a"], "latest_repair_id": 5}, "The repair 5 is not the latest"),
        ({"rerun_tasks": ["a"], "spark_submit_params": ["x"]}, "spark_submit_params is not supported"),
    ],
)
def test_repairs_that_cannot_be_are_refused(lab: Lab, body: dict[str, Any], message: str) -> None:
    run, _ = lab.done(task("a"))
    with pytest.raises(ApiError, match=message):
        lab.jobs.repair(run.run_id, body)
    assert lab.jobs.run(run.run_id)[0].state.result == "SUCCESS"


def test_active_run_and_an_outdated_view_are_refused(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    run_id = lab.run(lab.job(task("a")))
    lab.running("a")
    with pytest.raises(ApiError, match="is active"):
        lab.jobs.repair(run_id, {"rerun_tasks": ["a"]})
    lab.compute.finish("a")
    lab.ended(run_id)
    lab.compute.behaviours["a"] = lambda _: OK
    repaired(lab, run_id, rerun_tasks=["a"])
    with pytest.raises(ApiError, match="latest repair ID needs to be provided"):
        lab.jobs.repair(run_id, {"rerun_tasks": ["a"]})
