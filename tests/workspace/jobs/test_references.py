"""Each dynamic value reference has the value that the run and its tasks have: a job, and the times by themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from brickyard.workspace.jobs.references import Scope, resolve
from tests.workspace.jobs.lab import BROKEN, OK, Lab, task

OF_JOB = ("job.id", "job.name", "job.run_id", "job.repair_count", "job.trigger.type", "workspace.id", "workspace.url")
TIMES = ("job.start_time.timestamp_ms", "job.trigger.time.timestamp_ms", "start_time", "start_date")
OLD = ("job_id", "parent_run_id", "run_id", "task_key", "task_retry_count")
OWN = ("task.name", "task.run_id", "task.execution_count", "task.notebook_path")
OF_TASKS = ("run_id", "result_state", "error_code", "execution_count", "notebook_path")
ASKED = (*OF_JOB, *TIMES, *OLD, *OWN, *(f"tasks.{key}.{fact}" for key in ("good", "bad") for fact in OF_TASKS))


def asking() -> dict[str, Any]:
    given = {name: f"{{{{{name}}}}}" for name in ASKED}
    work = {"notebook_path": "/nb/ask", "base_parameters": given}
    needs = [{"task_key": "good"}, {"task_key": "bad"}]
    return {"task_key": "ask", "depends_on": needs, "run_if": "ALL_DONE", "max_retries": 1, "notebook_task": work}


def test_a_task_is_given_what_its_run_and_the_tasks_before_are(lab: Lab) -> None:
    ends = iter([BROKEN, BROKEN, OK])  # the first attempt, its retry and the repair
    lab.compute.behaviours |= {"bad": lambda _: BROKEN, "ask": lambda _: next(ends)}
    job_id = lab.job(task("good"), task("bad", max_retries=1), asking())
    run_id = lab.run(job_id)
    lab.ended(run_id)
    lab.jobs.repair(run_id, {"rerun_tasks": ["ask"]})
    run, tasks = lab.ended(run_id), lab.last(run_id)
    made = str(run.created_at)
    first, retried, repaired = [dict(one.parameters) for one in lab.compute.started if one.task_key == "ask"]
    assert repaired == {
        "job.id": str(job_id), "job.name": "lab", "job.run_id": str(run_id), "job.repair_count": "1",
        "job.trigger.type": "one_time", "workspace.id": "77", "workspace.url": "http://127.0.0.1:1",
        "job.start_time.timestamp_ms": str(run.started_at), "job.trigger.time.timestamp_ms": made, "start_time": made,
        "start_date": datetime.fromtimestamp(run.created_at / 1000, UTC).strftime("%Y-%m-%d"),
        "job_id": str(job_id), "parent_run_id": str(run_id), "run_id": str(tasks["ask"].run_id), "task_key": "ask",
        "task_retry_count": "2", "task.name": "ask", "task.run_id": str(tasks["ask"].run_id),
        "task.execution_count": "3", "task.notebook_path": "/nb/ask",
        "tasks.good.run_id": str(tasks["good"].run_id), "tasks.good.result_state": "success",
        "tasks.good.error_code": "", "tasks.good.execution_count": "1", "tasks.good.notebook_path": "/nb/good",
        "tasks.bad.run_id": str(tasks["bad"].run_id), "tasks.bad.result_state": "failed",
        "tasks.bad.error_code": "RunExecutionError", "tasks.bad.execution_count": "2",
        "tasks.bad.notebook_path": "/nb/bad",
    }  # fmt: skip
    counted = ("task_retry_count", "task.execution_count", "job.repair_count")
    assert [[one[name] for name in counted] for one in (first, retried)] == [["0", "1", "0"], ["1", "2", "0"]]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("timestamp_ms", "1709456827089"),
        ("iso_weekday", "7"),
        ("is_weekday", "false"),
        ("iso_date", "2024-03-03"),
        ("iso_datetime", "2024-03-03T09:07:07.089"),
        ("year", "2024"),
        ("month", "3"),
        ("day", "3"),
        ("hour", "9"),
        ("minute", "7"),
        ("second", "7"),
    ],
)
def test_parts_of_a_time(argument: str, expected: str) -> None:
    sunday = datetime(2024, 3, 3, 9, 7, 7, 89_000, tzinfo=UTC)
    scope = Scope({}, {"job.start_time": round(sunday.timestamp() * 1000)})
    assert resolve(f"{{{{job.start_time.{argument}}}}}", scope) == expected


def test_friday_is_a_weekday() -> None:
    friday = {"job.trigger.time": int(datetime(2024, 3, 1, tzinfo=UTC).timestamp() * 1000)}
    asked = "{{job.trigger.time.iso_weekday}} {{ job.trigger.time.is_weekday }}"
    assert resolve(asked, Scope({}, friday)) == "5 true"
