"""Runs that a task starts and waits for: the run of another job, and the iterations of a task."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskOutcome, TaskState
from brickyard.workspace.jobs.people import securable_of
from brickyard.workspace.jobs.records import ITERATIONS, JobRecord, Json, RunRecord, RunRequest, TaskRecord
from brickyard.workspace.jobs.run_store import RunStore
from brickyard.workspace.jobs.states import DOWNSTREAM_SKIPPED

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.jobs.job_store import JobStore
    from brickyard.workspace.jobs.scheduler import Scheduler
    from brickyard.workspace.workspace import Workspace

__all__ = ["ChildRun", "ChildRuns"]

_STATES: dict[str, TaskState] = {"CANCELED": "CANCELED", "TIMEDOUT": "TIMEDOUT"}


class ChildRuns:
    """Starts the runs that tasks wait for; a task that asks again after a restart is given the run it had.

    Args:
        workspace: Whose they are.
        jobs: The jobs that there are.
        runs: The runs that there are.
        scheduler: Starts them.
        new_run: Makes a run from its job, settings, creator, request and type.
    """

    def __init__(
        self,
        workspace: Workspace,
        jobs: JobStore,
        runs: RunStore,
        scheduler: Scheduler,
        new_run: Callable[[JobRecord, Json, str, RunRequest, str], RunRecord],
    ) -> None:
        self._workspace = workspace
        self._jobs, self._runs = jobs, runs
        self._scheduler = scheduler
        self._new_run = new_run

    def job_for(self, job_id: int, run: RunRecord, principal: Principal) -> JobRecord:
        """The job that a task of a run is to run.

        Raises:
            InvalidParameterValue: There is no such job, or this run is, directly or not, a part of one of its runs.
            PermissionDenied: The principal may not run it.
        """
        job = self._jobs.get(job_id)
        self._workspace.identity.permissions.require(principal, securable_of(job_id), "CAN_MANAGE_RUN")
        above: RunRecord | None = run
        while above is not None:
            if above.job_id == job_id:
                raise InvalidParameterValue(f"Job {job_id} cannot run itself, also not by way of other jobs.")
            above = None if above.parent is None else self._runs.get(above.parent)[0]
        return job

    def of_job(self, job: JobRecord, request: RunRequest, task: TaskRecord, run: RunRecord) -> ChildRun:
        """Run another job."""

        def make(connection: Connection) -> RunRecord:
            made = self._new_run(job, job.settings, run.run_as, request, "JOB_RUN")
            return replace(made, trigger="RUN_JOB_TASK", trigger_info={"run_id": run.run_id}, parent=task.run_id)

        return self._started(make, task, f"The run of job {job.job_id}")

    def of_iterations(self, settings: Json, request: RunRequest, task: TaskRecord, run: RunRecord) -> ChildRun:
        """Run the iterations of a task, which are the tasks of `settings`."""
        job = JobRecord(run.job_id, run.creator, run.run_as, run.created_at, settings, listed=False)
        info = run.trigger_info | {"run_id": run.run_id}

        def make(connection: Connection) -> RunRecord:
            made = self._new_run(job, settings, run.run_as, request, ITERATIONS)
            return replace(made, trigger=run.trigger, trigger_info=info, parent=task.run_id)

        return self._started(make, task, "One iteration or more")

    def _started(self, make: Callable[[Connection], RunRecord], task: TaskRecord, what: str) -> ChildRun:
        child = self._scheduler.submit(make, f"child:{task.run_id}")
        return ChildRun(self._scheduler, child.run_id, what)


class ChildRun:
    """The work of a task that waits for a run.

    Args:
        scheduler: Whose run it is.
        run_id: The run.
        what: How messages name it.
    """

    def __init__(self, scheduler: Scheduler, run_id: int, what: str) -> None:
        self._scheduler = scheduler
        self._run_id = run_id
        self._what = what
        self._outcome: Future[TaskOutcome] = Future()
        self._stopping: TaskState | None = None
        scheduler.when_ended(run_id, lambda run: self._outcome.set_result(self._outcome_of(run)))

    def when_done(self, callback: Callable[[TaskOutcome], None]) -> None:
        """Call `callback` once the run has ended."""
        self._outcome.add_done_callback(lambda done: callback(done.result()))

    def stop(self, state: TaskState) -> None:
        """Cancel the run; the task ends as `state` says once the run has."""
        if self._stopping is None and not self._outcome.done():
            self._stopping = state
            self._scheduler.cancel(self._run_id)

    def _outcome_of(self, run: RunRecord) -> TaskOutcome:
        result = run.state.result or "FAILED"
        if result in ("SUCCESS", "SUCCESS_WITH_FAILURES"):
            return TaskOutcome("SUCCESS", result=str(run.run_id))
        state = self._stopping or _STATES.get(result, "FAILED")
        why = run.state.message.replace(f" {DOWNSTREAM_SKIPPED}", "")  # which the run that waits says itself
        message = f"{self._what} ended as {result}: {why}" if state == "FAILED" else ""
        return TaskOutcome(state, message, result=str(run.run_id))
