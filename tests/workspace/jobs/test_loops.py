"""Tasks that run others: for each of a list, and other jobs; also across a restart of the workspace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs.wire import Shown, run_of_task
from tests.support import wait_for
from tests.workspace.jobs.lab import BROKEN, OK, Lab, task


def loop(key: str, inputs: str, nested: dict[str, Any], concurrency: int = 1, **more: Any) -> dict[str, Any]:
    """A task that runs another for each input."""
    return {"task_key": key, "for_each_task": {"inputs": inputs, "concurrency": concurrency, "task": nested}} | more


def nested(**parameters: str) -> dict[str, Any]:
    """The task in a loop."""
    return {"task_key": "one", "notebook_task": {"notebook_path": "/nb/one", "base_parameters": parameters}}


def other(key: str, job_id: int, **more: Any) -> dict[str, Any]:
    """A task that runs another job."""
    return {"task_key": key, "run_job_task": {"job_id": job_id} | more}


def test_each_input_is_given_to_an_iteration(lab: Lab) -> None:
    run, tasks = lab.done(loop("all", '["a", 7, true]', nested(value="<{{input}}>", of="{{job.name}}"), 2))
    assert run.state.result == tasks["all"].state.result == "SUCCESS"
    assert sorted(one["value"] for one in lab.compute.given()) == ["<7>", "<a>", "<true>"]
    assert {one["of"] for one in lab.compute.given()} == {"lab"}
    assert {spec.job_run_id for spec in lab.compute.started} == {run.run_id}


def test_inputs_are_objects_from_a_task_value(lab: Lab) -> None:
    rows = [{"name": "x", "n": 1}, {"name": "y", "n": {"deep": [2]}}]
    lab.compute.behaviours["list"] = lambda _: TaskOutcome("SUCCESS", task_values={"rows": rows})
    run, _ = lab.done(
        task("list"),
        loop(
            "all",
            "{{tasks.list.values.rows}}",
            nested(name="{{input.name}}", n="{{input.n}}", whole="{{input}}"),
            depends_on=[{"task_key": "list"}],
        ),
    )
    assert run.state.result == "SUCCESS"
    assert [one["name"] for one in lab.compute.given()[1:]] == ["x", "y"]
    assert [json.loads(one["n"]) for one in lab.compute.given()[1:]] == [1, {"deep": [2]}]
    assert json.loads(lab.compute.given()[2]["whole"]) == rows[1]
    assert lab.compute.started[1].task_values == {"list": {"rows": rows}}


def test_only_so_many_iterations_run_at_a_time(lab: Lab) -> None:
    for place in range(6):
        lab.compute.behaviours[f"one_{place}"] = lambda _: None
    run_id = lab.run(lab.job(loop("all", "[0, 1, 2, 3, 4, 5]", nested(), 2)))
    for place in range(6):
        wait_for(lambda place=place: f"one_{min(place + 1, 5)}" in lab.compute.handles)
        lab.compute.finish(f"one_{place}")
    assert lab.ended(run_id).state.result == "SUCCESS"
    assert lab.compute.most_at_once == 2


def test_iteration_that_fails_fails_the_loop_after_all_have_run(lab: Lab) -> None:
    lab.compute.behaviours["one_1"] = lambda _: BROKEN
    run, tasks = lab.done(loop("all", "[0, 1, 2]", nested()))
    assert run.state.result == tasks["all"].state.result == "FAILED"
    assert "one_1" in tasks["all"].state.message
    assert lab.compute.keys() == ["one_0", "one_1", "one_2"]
    shown = run_of_task(run, tasks["all"], 0, "", Shown(parts=lab.jobs.parts(run, [tasks["all"]])))
    assert [
        (one.task_key, one.state and one.state.result_state and one.state.result_state.value)
        for one in shown.iterations or []
    ] == [("one", "SUCCESS"), ("one", "FAILED"), ("one", "SUCCESS")]
    stats = shown.tasks and shown.tasks[0].for_each_task and shown.tasks[0].for_each_task.stats
    counts = stats.task_run_stats if stats else None
    assert counts and (counts.total_iterations, counts.failed_iterations, counts.succeeded_iterations) == (3, 1, 2)


def test_iterations_are_retried_and_a_loop_of_nothing_succeeds(lab: Lab) -> None:
    outcomes = iter([BROKEN, OK])
    lab.compute.behaviours["one_0"] = lambda _: next(outcomes)
    run, _ = lab.done(loop("all", "[0]", nested() | {"max_retries": 1}), loop("none", "[]", nested()))
    assert run.state.result == "SUCCESS"
    assert lab.compute.keys() == ["one_0", "one_0"]


@pytest.mark.parametrize("inputs", ["{}", "[[1]]", "a, b", "[null]"])
def test_inputs_that_are_no_list_fail_the_task_by_name(lab: Lab, inputs: str) -> None:
    _, tasks = lab.done(loop("all", inputs, nested()))
    assert "inputs of the for each task" in tasks["all"].state.message
    assert tasks["all"].state.code == "INVALID_RUN_CONFIGURATION"


def test_cancelling_a_loop_cancels_its_iterations(lab: Lab) -> None:
    lab.compute.behaviours["one_0"] = lambda _: None
    run_id = lab.run(lab.job(loop("all", "[0, 1]", nested())))
    lab.running("one_0")
    lab.jobs.cancel(run_id)
    assert lab.ended(run_id).state.result == "CANCELED"
    assert lab.compute.keys() == ["one_0"]
    assert [run.run_type for run in lab.jobs.runs(run_filter(), 10)] == ["JOB_RUN"]


def test_loop_and_other_job_go_on_after_a_restart(lab: Lab) -> None:
    lab.compute.behaviours |= {"one_1": lambda _: None, "inner": lambda _: None}
    inner = lab.job(task("inner"))
    run_id = lab.run(lab.job(loop("all", "[0, 1, 2]", nested()), other("job", inner)))
    lab.running("one_1")
    lab.running("inner")
    iteration, of_other = (lab.compute.handles[key].spec.run_id for key in ("one_1", "inner"))
    lab.die()
    lab.leave_result(iteration, OK)
    lab.leave_result(of_other, OK)
    lab.start()
    lab.jobs.recover()
    assert lab.ended(run_id).state.result == "SUCCESS"
    assert lab.compute.keys() == ["one_2"], "what had ended is not run again"


def test_loop_that_was_being_cancelled_is_not_tried_again_after_a_restart(lab: Lab) -> None:
    lab.compute.behaviours["one_0"] = lambda _: None
    lab.compute.deaf = True  # it does not end at once
    run_id = lab.run(lab.job(loop("all", "[0]", nested()) | {"max_retries": 1}))
    iteration = lab.running("one_0").spec.run_id
    lab.jobs.cancel(run_id)
    lab.die()
    lab.leave_result(iteration, BROKEN)
    lab.start()
    lab.jobs.recover()
    lab.ended(run_id)
    assert [one.attempt for one in lab.jobs.tasks(run_id)] == [0]


def test_other_job_runs_with_its_parameters(lab: Lab) -> None:
    inner = lab.job(task("inner"), parameters=[{"name": "day", "default": "none"}])
    run, tasks = lab.done(
        other("job", inner, job_parameters={"day": "{{job.parameters.when}}"}),
        parameters=[{"name": "when", "default": "today"}],
    )
    assert run.state.result == "SUCCESS"
    assert lab.compute.given() == [{"day": "today"}]
    [child] = lab.jobs.runs(run_filter(job_id=inner), 10)
    assert (child.trigger, child.trigger_info, child.parent) == (
        "RUN_JOB_TASK",
        {"run_id": run.run_id},
        tasks["job"].run_id,
    )


def test_failure_of_the_other_job_fails_the_task(lab: Lab) -> None:
    lab.compute.behaviours["inner"] = lambda _: BROKEN
    inner = lab.job(task("inner"))
    _, tasks = lab.done(other("job", inner), task("after", "job"))
    assert tasks["job"].state.result == "FAILED"
    assert f"The run of job {inner} ended as FAILED" in tasks["job"].state.message
    assert tasks["after"].state.result == "UPSTREAM_FAILED"


def test_job_that_is_missing_or_runs_itself_fails_the_task_by_name(lab: Lab) -> None:
    _, tasks = lab.done(other("job", 12345))
    assert "Job 12345 does not exist" in tasks["job"].state.message
    job_id = lab.job(task("a"))
    between = lab.job(other("back", job_id))
    lab.jobs.update(job_id, {"tasks": [other("job", between)]}, ["tasks/a"], lab.owner)
    run = lab.ended(lab.run(job_id))
    assert run.state.result == "FAILED"
    assert f"Job {job_id} cannot run itself" in run.state.message


def test_task_that_waits_for_a_run_ends_at_its_time_limit(lab: Lab) -> None:
    lab.compute.behaviours["inner"] = lambda _: None
    inner = lab.job(task("inner"))
    run, tasks = lab.done(other("job", inner) | {"timeout_seconds": 1})
    assert run.state.result == tasks["job"].state.result == "TIMEDOUT"
    [child] = lab.jobs.runs(run_filter(job_id=inner), 10)
    assert lab.ended(child.run_id).state.result == "CANCELED"


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (loop("all", "[]", nested(), 101), "concurrency must be between 1 and 100"),
        (loop("all", "[]", loop("in", "[]", nested())), "cannot have a for_each_task in it"),
        (loop("all", "[]", nested() | {"depends_on": [{"task_key": "all"}]}), "depends on none"),
        (loop("all", "{{input}}", nested()), r"\{\{input\}\} is not a dynamic value reference"),
        (loop("all", "[]", {"task_key": "one", "notebook_task": {"notebook_path": "one"}}), "only absolute paths"),
    ],
)
def test_loops_that_cannot_be_are_refused(lab: Lab, one: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        lab.job(one)


def run_filter(**wanted: Any) -> Any:
    """Which runs a listing shows."""
    from brickyard.workspace.jobs.run_store import RunFilter

    return RunFilter(**wanted)


def test_inputs_that_look_like_references_are_given_as_they_are(lab: Lab) -> None:
    inputs = ["{{job.parameters.secret}}", "{{task.name}} {{run_id}}", "{{nowhere}} {{tasks.x.values.y}}"]
    one = nested(value="{{input}}", key="{{task.name}}", day="{{job.parameters.day}}")
    lab.compute.behaviours["list"] = lambda _: TaskOutcome("SUCCESS", task_values={"found": inputs})
    after = {"depends_on": [{"task_key": "list"}]}
    run, _ = lab.done(
        task("list"),
        loop("all", "{{tasks.list.values.found}}", one, **after),
        parameters=[{"name": "day", "default": "{{job.id}}"}],
    )
    assert run.state.result == "SUCCESS", run.state.message
    given = lab.compute.given()[1:]
    assert [one["value"] for one in given] == inputs
    assert [one["key"] for one in given] == ["one_0", "one_1", "one_2"]
    assert {one["day"] for one in given} == {str(run.job_id)}


def test_message_of_a_failed_loop_says_once_that_tasks_were_skipped(lab: Lab) -> None:
    lab.compute.behaviours["one_0"] = lambda _: BROKEN
    run, _ = lab.done(loop("all", "[0]", nested()), task("never", "all"))
    assert run.state.message == (
        "Task all failed with message: One iteration or more ended as FAILED: Task one_0 failed with message: Workload "
        "failed, see run output for details. This caused all downstream tasks to get skipped."
    )
