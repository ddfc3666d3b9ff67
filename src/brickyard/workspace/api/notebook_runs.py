"""Runs of notebooks that tasks start with `dbutils.notebook.run`: what their processes tell this workspace."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs.notebook_runs import Asked
from brickyard.workspace.jobs.requests import flag, number
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/jobs/notebook-runs"


@family.call("POST", f"{_ROOT}/begin", access=anyone)  # asked of whoever the task runs as
def begin(workspace: Workspace, call: Call) -> dict[str, Any]:
    """A task executes another notebook."""
    check_shape(Asked, call.body)
    path = call.body.get("path")
    if not path:
        raise InvalidParameterValue("path is required")
    attempt = workspace.jobs.notebooks.begin(
        number(call.body, "parent_run_id"), path, call.body.get("parameters") or {}, call.principal
    )
    run, _ = workspace.jobs.run(attempt.run_id)
    url = f"{workspace.url}/jobs/{run.job_id}/runs/{run.run_id}"
    return {"job_id": run.job_id, "job_run_id": run.run_id, "run_id": attempt.run_id, "run_page_url": url}


@family.call("POST", f"{_ROOT}/end", access=anyone)
def end(workspace: Workspace, call: Call) -> None:
    """That notebook has ended."""
    message, timed_out = str(call.body.get("message") or ""), flag(call.body, "timed_out")
    outcome = TaskOutcome("TIMEDOUT" if timed_out else "FAILED", message, error=message)
    workspace.jobs.notebooks.end(number(call.body, "run_id"), outcome, call.principal)
