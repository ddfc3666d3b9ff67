"""Thirty tasks with every `run_if`: how each ends, and that a repair runs again what failed and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.service import jobs

from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs.graph import RUN_IF
from brickyard.workspace.jobs.records import TaskRecord
from tests.support import wait_for
from tests.workspace.jobs.job_client import Client, results
from tests.workspace.jobs.lab import BROKEN, Lab, task
from tests.workspace.jobs.thirty import CONDITION, TASKS

FIRST = {row.key: row.first for row in TASKS}
AGAIN = {row.key: row.repaired for row in TASKS if row.repaired}
COMPARED = {"op": "EQUAL_TO", "left": "1", "right": "1"}
NOTEBOOK = """
role, mended = dbutils.widgets.get("role"), dbutils.widgets.get("mended")
if mended == "no" and role in ("bad", "worse"):
    raise ValueError(role)
if mended == "no" and role in ("late", "stopped"):
    import threading
    print("up", flush=True)
    threading.Event().wait(600)
"""


def test_every_run_if_is_there() -> None:
    assert len(TASKS) == 30 and {row.run_if for row in TASKS if row.before} == set(RUN_IF)


def first_run(lab: Lab) -> int:
    """A run in which tasks fail, are too slow and are cancelled; it has ended."""
    lab.compute.behaviours |= {
        "bad": lambda _: BROKEN,
        "worse": lambda _: BROKEN,
        "late": lambda _: TaskOutcome("TIMEDOUT"),
        "stopped": lambda _: None,
    }
    tasks = [task(row.key, depends_on=row.depends_on, run_if=row.run_if) for row in TASKS if row.key != CONDITION]
    run_id = lab.run(lab.job({"task_key": CONDITION, "condition_task": COMPARED}, *tasks))
    lab.running("stopped")
    lab.jobs.cancel(lab.last(run_id)["stopped"].run_id)
    lab.ended(run_id)
    return run_id


def state_of(lab: Lab, run_id: int) -> dict[str, str | None]:
    return {key: one.state.result for key, one in lab.last(run_id).items()}


def repaired(lab: Lab, run_id: int, **body: Any) -> tuple[dict[str, TaskRecord], list[str], int]:
    """Repair with nothing that fails; what had ended before, the programs that were started, the repair's id."""
    lab.compute.behaviours.clear()
    before, started = lab.last(run_id), len(lab.compute.keys())
    number = lab.jobs.repair(run_id, body)
    lab.ended(run_id)
    return before, lab.compute.keys()[started:], number


def test_each_task_ends_by_the_documented_rules(lab: Lab) -> None:
    run_id = first_run(lab)
    assert state_of(lab, run_id) == FIRST
    assert lab.jobs.run(run_id)[0].state.result == "FAILED", "leaves failed"
    ran = {key for key, result in FIRST.items() if result in ("SUCCESS", "FAILED", "TIMEDOUT", "CANCELED")}
    assert sorted(lab.compute.keys()) == sorted(ran - {CONDITION})


def test_repair_of_what_failed_runs_nothing_that_succeeded(lab: Lab) -> None:
    run_id = first_run(lab)
    before, started, _ = repaired(lab, run_id, rerun_all_failed_tasks=True)
    assert state_of(lab, run_id) == FIRST | AGAIN
    assert sorted(started) == sorted(key for key, result in AGAIN.items() if result == "SUCCESS")
    kept = {key: one for key, one in lab.last(run_id).items() if key not in AGAIN}
    assert kept == {key: before[key] for key in kept}, "attempts, run ids and times are those of before"
    assert all(one.attempt == 1 for key, one in lab.last(run_id).items() if key in AGAIN)
    assert lab.jobs.run(run_id)[0].state.result == "SUCCESS"


def test_repair_with_what_depends_on_it_runs_successes_again(lab: Lab) -> None:
    run_id = first_run(lab)
    _, started, first = repaired(lab, run_id, rerun_all_failed_tasks=True, rerun_dependent_tasks=True)
    assert {"one_good", "done", "end"} <= set(started) and "ok" not in started
    alarms = {"alarm", "alarm_of_stopped", "worst", "worst_of_upstream"}
    assert {state_of(lab, run_id)[key] for key in alarms} == {"EXCLUDED"}, "there is no failure any more"
    assert not alarms & set(started)
    before, started, second = repaired(lab, run_id, rerun_tasks=["one_of_bad"], latest_repair_id=first)
    assert started == ["one_of_bad"]
    _, started, _ = repaired(
        lab, run_id, rerun_tasks=["one_of_bad"], rerun_dependent_tasks=True, latest_repair_id=second
    )
    assert started == ["one_of_bad", "end"]
    assert lab.last(run_id)["one_of_bad"].attempt == before["one_of_bad"].attempt + 2


def test_named_tasks_are_repaired_and_the_other_failures_stay(lab: Lab) -> None:
    run_id = first_run(lab)
    _, started, _ = repaired(lab, run_id, rerun_tasks=["bad"])
    assert sorted(started) == ["after_failed", "all_with_failed", "bad", "one_of_bad"]
    left = {"worse": "FAILED", "late": "TIMEDOUT", "stopped": "CANCELED", "none_with_failed": "UPSTREAM_FAILED"}
    assert {key: state_of(lab, run_id)[key] for key in left} == left
    assert lab.jobs.run(run_id)[0].state.result == "FAILED"


def test_repair_itself_can_fail_and_be_repaired(lab: Lab) -> None:
    run_id = first_run(lab)
    number = lab.jobs.repair(run_id, {"rerun_tasks": ["bad"]})  # it fails again
    lab.ended(run_id)
    assert state_of(lab, run_id) == FIRST
    repaired(lab, run_id, rerun_all_failed_tasks=True, latest_repair_id=number)
    assert state_of(lab, run_id) == FIRST | AGAIN
    attempts = [one.state.result for one in lab.jobs.tasks(run_id) if one.task_key == "bad"]
    assert attempts == ["FAILED", "FAILED", "SUCCESS"]


@pytest.fixture
def ended(client: Client) -> jobs.Run:
    """The same job, of notebooks that really fail, are too slow and are cancelled; its first run has ended."""
    path = client.notebook("one_of_thirty", NOTEBOOK)
    tasks = [
        jobs.Task(
            row.key,
            run_if=jobs.RunIf(row.run_if),
            depends_on=[jobs.TaskDependency.from_dict(one) for one in row.depends_on],
            notebook_task=None if row.key == CONDITION else jobs.NotebookTask(path, {"role": row.key}),
            condition_task=jobs.ConditionTask.from_dict(COMPARED) if row.key == CONDITION else None,
            timeout_seconds=1 if row.key == "late" else None,
        )
        for row in TASKS
    ]
    run_id = client.started(client.job(*tasks, parameters=[jobs.JobParameterDefinition("mended", "no")]))

    def running() -> int:
        [one] = [one for one in client.sdk.jobs.get_run(run_id).tasks or [] if one.task_key == "stopped"]
        logs = client.sdk.jobs.get_run_output(one.run_id or 0).logs
        return one.run_id or 0 if logs and "up" in logs else 0

    client.sdk.jobs.cancel_run(wait_for(running, seconds=60, every=0.1))
    return client.ended(run_id)


def test_real_notebooks_end_and_are_repaired_likewise(client: Client, ended: jobs.Run) -> None:
    assert results(ended) == FIRST
    run_id = ended.run_id or 0
    number = client.sdk.jobs.repair_run(
        run_id, rerun_all_failed_tasks=True, job_parameters={"mended": "yes"}
    ).response.repair_id
    run = client.ended(run_id)
    assert results(run) == FIRST | AGAIN
    assert run.state and run.state.result_state is jobs.RunResultState.SUCCESS
    attempts = {one.run_id: one for one in run.tasks or []}
    assert [attempts[one.run_id].as_dict() for one in ended.tasks or []] == [one.as_dict() for one in ended.tasks or []]
    assert len(attempts) == 30 + len(AGAIN)
    [_, repair] = client.sdk.jobs.get_run(run_id, include_history=True).repair_history or []
    assert repair.id == number and repair.type is jobs.RepairHistoryItemType.REPAIR
    assert repair.task_run_ids == [one.run_id for one in (run.tasks or []) if one.attempt_number == 1]
