"""Repairs of loops: what is repeated, and what of it all is shown."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs import iterations
from brickyard.workspace.jobs.wire import Shown, run_of_task
from tests.workspace.jobs.lab import BROKEN, OK, Lab, task
from tests.workspace.jobs.test_loops import loop, nested
from tests.workspace.jobs.test_repair import repaired


def shown(lab: Lab, run_id: int) -> tuple[list[str], dict[str, Any]]:
    """The results of the iterations of a run's loop in their order, and its statistics, as the API answers them."""
    last = lab.last(run_id)["all"].run_id
    run, [attempt] = lab.jobs.run(last)
    answer = run_of_task(run, attempt, last, "", Shown(parts=lab.jobs.parts(run, [attempt]))).as_dict()
    results = [one["state"]["result_state"] for one in answer["iterations"]]
    return results, answer["tasks"][0]["for_each_task"]["stats"]["task_run_stats"]


def test_only_iterations_that_failed_are_repeated(lab: Lab) -> None:
    lab.compute.behaviours = {"one_1": lambda _: BROKEN, "one_3": lambda _: BROKEN}
    run, _ = lab.done(loop("all", '["a", "b", "c", "d"]', nested(value="{{input}}"), 4), task("after", "all"))
    assert (run.state.result, len(lab.compute.started)) == ("FAILED", 4)
    lab.compute.behaviours.pop("one_1")
    first = repaired(lab, run.run_id, rerun_all_failed_tasks=True)
    assert sorted(one["value"] for one in lab.compute.given()[4:]) == ["b", "d"]
    results, stats = shown(lab, run.run_id)
    assert results == ["SUCCESS", "SUCCESS", "SUCCESS", "FAILED"]
    assert (stats["total_iterations"], stats["succeeded_iterations"], stats["failed_iterations"]) == (4, 3, 1)
    lab.compute.behaviours.pop("one_3")
    repaired(lab, run.run_id, rerun_tasks=["all"], latest_repair_id=first)
    assert lab.compute.keys()[6:] == ["one_3", "after"]
    assert shown(lab, run.run_id)[0] == ["SUCCESS"] * 4
    assert lab.jobs.run(run.run_id)[0].state.result == "SUCCESS"


def test_all_iterations_run_again_where_none_failed_or_the_inputs_are_others(lab: Lab) -> None:
    run, _ = lab.done(loop("all", "[1, 2]", nested()))
    repaired(lab, run.run_id, rerun_tasks=["all"])
    assert len(lab.compute.started) == 4
    lab.compute.behaviours["list"] = lambda _: TaskOutcome("SUCCESS", task_values={"rows": [1, 2]})
    lab.compute.behaviours["one_0"] = lambda _: BROKEN
    needs = {"depends_on": [{"task_key": "list"}]}
    run, _ = lab.done(task("list"), loop("all", "{{tasks.list.values.rows}}", nested(), **needs))
    lab.compute.behaviours |= {
        "list": lambda _: TaskOutcome("SUCCESS", task_values={"rows": [1, 2, 3]}),
        "one_0": lambda _: OK,
    }
    before = len(lab.compute.started)
    repaired(lab, run.run_id, rerun_tasks=["list", "all"])
    assert sorted(lab.compute.keys()[before:]) == ["list", "one_0", "one_1", "one_2"]
    assert shown(lab, run.run_id)[0] == ["SUCCESS"] * 3


def test_tasks_to_repeat_are_named_once(lab: Lab) -> None:
    run, _ = lab.done(task("a"))
    with pytest.raises(InvalidParameterValue, match="rerun_tasks cannot contain duplicate task keys"):
        lab.jobs.repair(run.run_id, {"rerun_tasks": ["a", "a"]})


def test_all_iterations_run_again_where_their_task_has_another_name(lab: Lab) -> None:
    lab.compute.behaviours["one_1"] = lambda _: BROKEN
    job_id = lab.job(loop("all", '["a", "b", "c"]', nested()))
    run_id = lab.ended(lab.run(job_id)).run_id
    lab.jobs.update(job_id, {"tasks": [loop("all", '["a", "b", "c"]', nested() | {"task_key": "two"})]}, [], lab.owner)
    first = repaired(lab, run_id, rerun_all_failed_tasks=True)
    assert lab.compute.keys()[3:] == ["two_0", "two_1", "two_2"]
    assert shown(lab, run_id)[0] == ["SUCCESS"] * 3
    repaired(lab, run_id, rerun_tasks=["all"], latest_repair_id=first)
    assert lab.compute.keys()[6:] == ["two_0", "two_1", "two_2"]


def test_a_loop_that_an_earlier_version_has_repaired_under_another_name_is_shown(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.compute.behaviours["one_1"] = lambda _: BROKEN
    job_id = lab.job(loop("all", "[1, 2]", nested()))
    run_id = lab.ended(lab.run(job_id)).run_id
    lab.jobs.update(job_id, {"tasks": [loop("all", "[1, 2]", nested() | {"task_key": "two"})]}, [], lab.owner)
    with monkeypatch.context() as patch:
        patch.setattr(iterations, "failed", lambda loops, loop: ("one_1",))
        first = repaired(lab, run_id, rerun_all_failed_tasks=True)
    run, [*_, last] = lab.jobs.run(run_id)
    assert lab.jobs.parts(run, [last])[last.run_id][1] == [], "none of the iterations that it has now was run"
    repaired(lab, run_id, rerun_tasks=["all"], latest_repair_id=first)
    assert lab.compute.keys()[2:] == ["two_0", "two_1"] and shown(lab, run_id)[0] == ["SUCCESS"] * 2
