"""How runs begin: by hand, because of a trigger, and once without a job that is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import ApiError, InvalidParameterValue
from brickyard.workspace.clock import now
from brickyard.workspace.jobs.acceptance import accepted, grant_owner
from brickyard.workspace.jobs.git_checkouts import allow_git_host
from brickyard.workspace.jobs.job_store import JobStore, find_job
from brickyard.workspace.jobs.people import run_as, securable_of
from brickyard.workspace.jobs.records import Ids, JobRecord, Json, RunRecord, RunRequest
from brickyard.workspace.jobs.requests import idempotency_token, run_request
from brickyard.workspace.jobs.states import State

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.jobs.run_store import RunStore
    from brickyard.workspace.jobs.scheduler import Scheduler
    from brickyard.workspace.jobs.triggers import Firing
    from brickyard.workspace.workspace import Workspace

__all__ = ["RunStarts"]

_SUBMIT = frozenset({"run_name", "idempotency_token"})


class RunStarts:
    """Makes runs and gives them to the scheduler; each is durable when the call returns.

    Args:
        workspace: Whose they are.
        jobs: The jobs that there are.
        runs: The runs that there are.
        ids: Where the numbers of jobs and runs come from.
        scheduler: Executes the runs.
    """

    def __init__(self, workspace: Workspace, jobs: JobStore, runs: RunStore, ids: Ids, scheduler: Scheduler) -> None:
        self._workspace = workspace
        self._jobs, self._runs = jobs, runs
        self._ids = ids
        self._scheduler = scheduler

    def of_job(
        self, job_id: int, body: Mapping[str, Any], principal: Principal, *, token: str | None, continuous: bool
    ) -> RunRecord:
        """Start a run of a job.

        Args:
            job_id: The job.
            body: The vendor's `RunNow`.
            principal: Who starts it.
            token: With one that was used for the job before, the run of then is the answer.
            continuous: Whether the job is always to have a run: this one replaces those that there are.

        Raises:
            InvalidParameterValue: There is no such job, it has no tasks, or the body asks for what cannot be.
        """

        def make(connection: Connection) -> RunRecord:
            job = _with_tasks(connection, job_id)
            settings = job.settings | ({"queue": body["queue"]} if body.get("queue") else {})
            if continuous:
                settings = settings | {"queue": {"enabled": True}}  # it waits for the end of the one that it replaces
            run = self.new_run(job, settings, principal.user_name, run_request(body, settings), "JOB_RUN")
            return replace(run, trigger="CONTINUOUS_RESTART") if continuous else run

        before = self._ids.next()
        run = self._scheduler.submit(make, f"{job_id}:{token}" if token else None)
        if continuous and run.run_id > before:
            self._cancel_others(run)
        return run

    def _cancel_others(self, run: RunRecord) -> None:
        for other in self._runs.active():
            if other.job_id == run.job_id and other.run_id < run.run_id:
                self._scheduler.cancel(other.run_id)

    def because_of(self, job_id: int, firing: Firing, remember: Callable[[Connection], None]) -> RunRecord:
        """Start a run of a job because of its trigger, which remembers it unless it is to fire again.

        Raises:
            InvalidParameterValue: There is no such job, or it has no tasks.
        """

        def make(connection: Connection) -> RunRecord:
            job = _with_tasks(connection, job_id)
            run = self.new_run(job, job.settings, job.creator, run_request({}, job.settings), "JOB_RUN")
            return replace(run, trigger=firing.type, trigger_info=firing.info)

        def written(connection: Connection, run: RunRecord) -> None:
            if not (firing.again and run.state.ended):
                remember(connection)

        return self._scheduler.submit(make, None, written)

    def once(self, body: Mapping[str, Any], principal: Principal) -> RunRecord:
        """Run tasks once, without a job that is kept.

        Args:
            body: The vendor's `SubmitRun`.
            principal: Who starts it, and owns it where the body does not say otherwise.

        Raises:
            InvalidParameterValue: The body asks for what cannot be.
            ApiError: The run that the idempotency token started was deleted.
        """
        wanted = {name: value for name, value in body.items() if name not in _SUBMIT}
        name = {"name": body.get("run_name") or "Untitled"}
        settings, runs_as = accepted(self._workspace, wanted | name, principal, submitted=True)
        token = idempotency_token(body)
        allow_git_host(self._workspace, settings, settings, principal, runs_as)
        job = JobRecord(self._ids.next(), principal.user_name, runs_as, now(), settings, listed=False)

        def make(connection: Connection) -> RunRecord:
            self._jobs.add(job, connection)
            return self.new_run(job, settings, principal.user_name, RunRequest(), "SUBMIT_RUN")

        permissions = self._workspace.identity.permissions
        grant_owner(self._workspace, job, principal, body.get("access_control_list"))
        try:
            run = self._scheduler.submit(make, f"submit:{principal.id}:{token}" if token else None)
        except ApiError:  # the run that has the token was deleted
            permissions.forget(securable_of(job.job_id))
            raise
        if run.job_id != job.job_id:  # the token was used before, and answers the run of then
            permissions.forget(securable_of(job.job_id))
        return run

    def new_run(self, job: JobRecord, settings: Json, by: str, request: RunRequest, run_type: str) -> RunRecord:
        """A run that has not begun, and is not written yet.

        Args:
            job: Whose run it is.
            settings: The job's settings, as this run has them.
            by: The name of who starts it.
            request: The parameters that it was started with.
            run_type: The vendor's `RunType`, or `ITERATIONS`.
        """
        return RunRecord(
            run_id=self._ids.next(),
            job_id=job.job_id,
            name=settings["name"],
            creator=by,
            run_as=run_as(self._workspace, job),
            run_type=run_type,
            request=request,
            settings=settings,
            created_at=now(),
            state=State("PENDING"),
        )


def _with_tasks(connection: Connection, job_id: int) -> JobRecord:
    job = find_job(connection, job_id)
    if not job.settings.get("tasks"):
        raise InvalidParameterValue(f"Job {job_id} has no tasks to run.")
    return job
