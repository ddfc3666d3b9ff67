"""Who may call operations on a job or a run."""

from __future__ import annotations

from brickyard.workspace.api.access import Access
from brickyard.workspace.api.base import Call
from brickyard.workspace.jobs.requests import number
from brickyard.workspace.workspace import Workspace

__all__ = ["on_job", "on_run"]


def on_job(level: str) -> Access:
    """For whoever has a level on the job that the call names in `job_id`."""

    def check(workspace: Workspace, call: Call) -> None:
        securable = workspace.jobs.securable(number(call.fields, "job_id"))
        workspace.identity.permissions.require(call.principal, securable, level)

    return check


def on_run(level: str) -> Access:
    """For whoever has a level on the job of the run that the call names in `run_id`."""

    def check(workspace: Workspace, call: Call) -> None:
        securable = workspace.jobs.securable_of_run(number(call.fields, "run_id"))
        workspace.identity.permissions.require(call.principal, securable, level)

    return check
