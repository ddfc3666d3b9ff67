"""Who may call operations on a job or a run."""

from __future__ import annotations

from brickyard.workspace.api.access import levels_on
from brickyard.workspace.jobs.requests import number

__all__ = ["on_job", "on_run"]

#: For whoever has a level on the job that the call names in `job_id`.
on_job = levels_on(lambda workspace, call: workspace.jobs.securable(number(call.fields, "job_id")))
#: For whoever has a level on the job of the run that the call names in `run_id`.
on_run = levels_on(lambda workspace, call: workspace.jobs.securable_of_run(number(call.fields, "run_id")))
