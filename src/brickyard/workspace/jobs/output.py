"""What a task's run left behind, as the vendor's `RunOutput`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard import sdk
from brickyard.runtime.dbt_task import ARTIFACTS_FILE
from brickyard.runtime.regular_files import open_regular
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import OUTPUT_FILE
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.records import RunRecord, TaskRecord
from brickyard.workspace.jobs.wire import Shown, run_of_task
from brickyard.workspace.links import signed

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import DbtOutput, NotebookOutput, RunJobOutput, RunOutput, SqlOutput

    from brickyard.workspace.workspace import Workspace

__all__ = ["run_output", "tail"]

sdk.install()

MAX_LOG_BYTES = 5 * 1024 * 1024  # the vendor answers the last 5 MB


def run_output(workspace: Workspace, run_id: int, *, single: bool = False) -> RunOutput:
    """The output of an attempt at a task, while it runs as far as there is any.

    Unlike the service, which has them for Python tasks only, `logs` are there for notebooks as well.

    Args:
        workspace: Whose run it is.
        run_id: The attempt's run.
        single: A job's run will do as well if it has one task, as before API 2.1. Since then the service refuses it
            (databricks/databricks-sdk-py#375).

    Raises:
        InvalidParameterValue: The run is a job's; each of its tasks has its own output.
    """
    from databricks.sdk.service.jobs import RunOutput

    run, tasks = workspace.jobs.run(run_id)
    if run.run_id == run_id and not (single and len({task.task_key for task in tasks}) == 1):
        raise InvalidParameterValue(
            "Retrieving the output of runs with multiple tasks is not supported. Please retrieve the output of each "
            "individual task run instead."
        )
    task = tasks[-1]
    outcome = task.outcome or {}
    logs, truncated = tail(run_directory(workspace, task.run_id) / OUTPUT_FILE, MAX_LOG_BYTES)
    failed = task.state.result in ("FAILED", "TIMEDOUT", "CANCELED")
    return RunOutput(
        metadata=run_of_task(run, task, workspace.jobs.first_attempt(task), workspace.url, Shown()),
        notebook_output=_notebook_output(run, task),
        logs=logs,
        logs_truncated=truncated,
        run_job_output=_run_job_output(workspace, run, task),
        sql_output=_sql_output(run, task),
        dbt_output=_dbt_output(workspace, run, task),
        error=outcome.get("error") or (task.state.message if failed else None),
        error_trace=outcome.get("error_trace"),
    )


def _notebook_output(run: RunRecord, task: TaskRecord) -> NotebookOutput | None:
    from databricks.sdk.service.jobs import NotebookOutput

    if "notebook_task" not in run.definition(task):
        return None
    outcome = task.outcome or {}
    return NotebookOutput(result=outcome.get("result"), truncated=bool(outcome.get("truncated")))


def _run_job_output(workspace: Workspace, run: RunRecord, task: TaskRecord) -> RunJobOutput | None:
    from databricks.sdk.service.jobs import RunJobOutput

    part = workspace.jobs.parts(run, [task]).get(task.run_id)
    return RunJobOutput(run_id=part[0].run_id) if part is not None and part[0].run_type == "JOB_RUN" else None


def _sql_output(run: RunRecord, task: TaskRecord) -> SqlOutput | None:
    from databricks.sdk.service.jobs import SqlOutput

    work, result = run.definition(task).get("sql_task"), (task.outcome or {}).get("result")
    if work is None or result is None:
        return None
    told = json.loads(result)
    statements = [{"lookup_key": one} for one in told["statements"]]
    output = {"query_text": told["query_text"], "warehouse_id": work["warehouse_id"], "sql_statements": statements}
    return SqlOutput.from_dict({"query_output": output | {"endpoint_id": work["warehouse_id"]}})


def _dbt_output(workspace: Workspace, run: RunRecord, task: TaskRecord) -> DbtOutput | None:
    from databricks.sdk.service.jobs import DbtOutput

    if "dbt_task" not in run.definition(task):
        return None
    if not (run_directory(workspace, task.run_id) / ARTIFACTS_FILE).is_file():
        return DbtOutput()
    link, _ = signed(f"/api/2.0/jobs/dbt-artifacts/{task.run_id}")
    return DbtOutput(artifacts_headers={}, artifacts_link=f"{workspace.url}{link}")


def tail(path: Path, limit: int) -> tuple[str, bool]:
    """The end of a log, and whether something before it is left out; nothing where there is no log.

    Args:
        path: The log.
        limit: How many bytes at the most.
    """
    try:
        with open_regular(path, "r", os.O_NOFOLLOW) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - limit))
            return (file.read(limit) or b"").decode(errors="replace"), size > limit
    except OSError:  # there is none, or the program has put something else there
        return "", False
