"""Condition tasks: what they compare, and which tasks run behind them."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskOutcome
from tests.workspace.jobs.lab import Lab, task


def condition(key: str, op: str, left: str, right: str, *depends_on: str) -> dict[str, Any]:
    """A condition task."""
    needs = {"depends_on": [{"task_key": one} for one in depends_on]} if depends_on else {}
    return {"task_key": key, "condition_task": {"op": op, "left": left, "right": right}} | needs


def behind(key: str, *outcomes: tuple[str, str], **more: Any) -> dict[str, Any]:
    """A task that runs where the conditions say so."""
    return task(key, depends_on=[{"task_key": one, "outcome": outcome} for one, outcome in outcomes], **more)


@pytest.mark.parametrize(
    ("op", "left", "right", "holds"),
    [
        ("EQUAL_TO", "12", "12", True),
        ("EQUAL_TO", "12.0", "12", False),
        ("NOT_EQUAL", "a", "b", True),
        ("GREATER_THAN", "10", "9", True),
        ("GREATER_THAN_OR_EQUAL", "12.0", "12", True),
        ("LESS_THAN", "10", "9", False),
        ("LESS_THAN_OR_EQUAL", "-1e3", "0", True),
    ],
)
def test_conditions_compare_text_or_numbers(lab: Lab, op: str, left: str, right: str, holds: bool) -> None:
    run, tasks = lab.done(condition("c", op, left, right), behind("yes", ("c", "true")), behind("no", ("c", "false")))
    assert run.state.result == "SUCCESS"
    assert (tasks["c"].outcome or {})["result"] == str(holds).lower()
    assert lab.compute.keys() == (["yes"] if holds else ["no"])
    assert tasks["no" if holds else "yes"].state.result == "EXCLUDED"


def test_conditions_see_task_values_and_parameters(lab: Lab) -> None:
    lab.compute.behaviours["count"] = lambda _: TaskOutcome("SUCCESS", task_values={"rows": 7, "ok": True})
    run, tasks = lab.done(
        task("count"),
        condition("many", "GREATER_THAN", "{{tasks.count.values.rows}}", "{{job.parameters.least}}", "count"),
        condition("ok", "EQUAL_TO", "{{tasks.count.values.ok}}", "true", "count"),
        behind("both", ("many", "true"), ("ok", "true")),
        behind("either", ("many", "false"), ("ok", "true"), run_if="AT_LEAST_ONE_SUCCESS"),
        parameters=[{"name": "least", "default": "5"}],
    )
    assert run.state.result == "SUCCESS"
    assert tasks["many"].resolved == {"condition_task": {"left": "7", "right": "5"}}
    assert sorted(lab.compute.keys()) == ["both", "count", "either"]


def test_what_is_behind_an_excluded_task_is_excluded_too(lab: Lab) -> None:
    _, tasks = lab.done(
        condition("c", "EQUAL_TO", "a", "b"), behind("yes", ("c", "true")), task("after", "yes"), task("always", "c")
    )
    assert tasks["after"].state.result == "EXCLUDED"
    assert lab.compute.keys() == ["always"]


def test_numbers_that_are_none_fail_the_condition_by_name(lab: Lab) -> None:
    run, tasks = lab.done(condition("c", "LESS_THAN", "many", "3"), behind("yes", ("c", "true")))
    assert run.state.result == "FAILED"
    assert "LESS_THAN compares numbers, and 'many' is none" in tasks["c"].state.message
    assert tasks["yes"].state.result == "UPSTREAM_FAILED"


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([condition("c", "LIKE", "a", "b")], "condition_task.op is not known"),
        ([{"task_key": "c", "condition_task": {"op": "EQUAL_TO", "left": "a"}}], "condition_task.right is required"),
        ([task("n"), behind("yes", ("n", "true"))], "depends_on.outcome is true or false, after a condition task"),
        ([condition("c", "EQUAL_TO", "a", "b"), behind("yes", ("c", "maybe"))], "it is 'maybe' after 'c'"),
    ],
)
def test_conditions_that_cannot_be_are_refused(lab: Lab, tasks: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        lab.job(*tasks)
