"""Tasks that run another job: https://docs.databricks.com/jobs/run-job.html ."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.api.errors import ApiError, PermissionDenied
from brickyard.workspace.jobs.kinds.base import Faulty, Prepared, Start
from brickyard.workspace.jobs.parameters import parameters_of
from brickyard.workspace.jobs.records import Json
from brickyard.workspace.jobs.references import resolve_all
from brickyard.workspace.jobs.requests import run_request

__all__ = ["RunJob"]


class RunJob:
    """A run of another job, for which the run that it belongs to has the rights."""

    name = "run_job_task"
    in_process = False
    survives = True

    def check(self, key: str, work: Json) -> None:
        """The vendor's own type says what it needs; whether the job is there is seen when it runs."""

    def prepare(self, start: Start) -> Prepared:
        """The run to start, or the one that was started before the workspace ended."""
        given: dict[str, Any] = resolve_all(start.definition[self.name], start.scope)
        children = start.workspace.jobs.children
        try:
            job = children.job_for(given["job_id"], start.run, start.principal)
            defined = parameters_of(job.settings)
            pushed = {name: value for name, value in start.run.request.parameters.items() if name in defined}
            if pushed:  # the job's parameters are given to what takes parameters by name, and win over the task's own
                given["job_parameters"] = given.get("job_parameters", {}) | pushed
            request = run_request(given, job.settings)
        except ApiError as error:
            code = "UNAUTHORIZED_ERROR" if isinstance(error, PermissionDenied) else "INVALID_RUN_CONFIGURATION"
            raise Faulty(error.message, code) from error
        parameters = {"job_parameters": given["job_parameters"]} if given.get("job_parameters") else {}
        return Prepared({self.name: parameters}, lambda: children.of_job(job, request, start.task, start.run))
