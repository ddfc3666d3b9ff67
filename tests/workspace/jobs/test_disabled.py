"""Disabled tasks: https://docs.databricks.com/jobs/disabled-tasks ."""

from __future__ import annotations

import pytest
from databricks.sdk.service.jobs import RunResultState, TerminationCodeCode

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.jobs import wire
from brickyard.workspace.jobs.graph import Node, advance, run_result
from tests.workspace.jobs.lab import Lab, task


@pytest.mark.parametrize(
    ("run_if", "others", "result"),
    [
        ("ALL_SUCCESS", {"c": "SUCCESS"}, "DISABLED"),
        ("ALL_SUCCESS", {}, "DISABLED"),
        ("AT_LEAST_ONE_SUCCESS", {"c": "SUCCESS"}, None),
        ("AT_LEAST_ONE_SUCCESS", {"c": "FAILED"}, "UPSTREAM_FAILED"),
        ("AT_LEAST_ONE_SUCCESS", {}, "DISABLED"),
        ("NONE_FAILED", {"c": "EXCLUDED"}, None),
        ("NONE_FAILED", {"c": "FAILED"}, "UPSTREAM_FAILED"),
        ("NONE_FAILED", {}, "DISABLED"),
        ("ALL_DONE", {}, None),
        ("ALL_DONE", {"c": "FAILED"}, None),
        ("AT_LEAST_ONE_FAILED", {"c": "FAILED"}, None),
        ("AT_LEAST_ONE_FAILED", {"c": "SUCCESS"}, "EXCLUDED"),
        ("AT_LEAST_ONE_FAILED", {}, "DISABLED"),
        ("ALL_FAILED", {"c": "FAILED"}, "DISABLED"),
        ("ALL_FAILED", {}, "DISABLED"),
    ],
)
def test_task_behind_a_disabled_one(run_if: str, others: dict[str, str], result: str | None) -> None:
    nodes = [Node("a", disabled=True), *map(Node, others), Node("b", ("a", *others), run_if)]
    step = advance(nodes, others, [])
    assert step.skip.get("b") == result and ("b" in step.start) == (result is None)
    assert step.skip["a"] == "DISABLED"


def test_disabled_tasks_do_not_fail_a_run() -> None:
    nodes = [Node("a", disabled=True), Node("b", ("a",)), Node("c")]
    assert advance(nodes, {}, []).skip == {"a": "DISABLED", "b": "DISABLED"}, "before anything has run"
    assert run_result(nodes, {"a": "DISABLED", "b": "DISABLED", "c": "SUCCESS"}) == "SUCCESS"
    assert run_result(nodes, {"a": "DISABLED", "b": "DISABLED", "c": "FAILED"}) == "FAILED"
    assert run_result(nodes[:2], {"a": "DISABLED", "b": "DISABLED"}) == "DISABLED", "nothing ran: no success"


def test_disabled_task_is_not_executed_and_says_so(lab: Lab) -> None:
    run, tasks = lab.done(task("a", disabled=True), task("b", "a"), task("c", "a", run_if="ALL_DONE"))
    assert (run.state.result, lab.compute.keys()) == ("SUCCESS", ["c"])
    shown = wire.run(run, list(tasks.values()), "", wire.Shown())
    for one in (shown.tasks or [])[:2]:
        assert one.state and one.state.result_state is RunResultState.DISABLED
        details = one.status and one.status.termination_details
        assert details and details.code is TerminationCodeCode.DISABLED and "is disabled" in (details.message or "")
    with pytest.raises(InvalidParameterValue, match="no failed tasks to repair"):
        lab.jobs.repair(run.run_id, {"rerun_all_failed_tasks": True})
    assert lab.jobs.get(run.job_id).settings["tasks"][0]["disabled"] is True
