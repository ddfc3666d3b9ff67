"""Runs that a task starts and waits for: the run of another job, and the iterations of a task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskOutcome, TaskState
from brickyard.workspace.jobs.people import run_as, securable_of
from brickyard.workspace.jobs.records import ITERATIONS, Ids, JobRecord, Json, RunRecord, RunRequest, TaskRecord, now
from brickyard.workspace.jobs.requests import run_request
from brickyard.workspace.jobs.run_store import RunStore
from brickyard.workspace.jobs.states import State

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.jobs.job_store import JobStore
    from brickyard.workspace.jobs.scheduler import Scheduler
    from brickyard.workspace.workspace import Workspace

__all__ = ["ChildRun", "ChildRuns"]

_STATES: dict[str, TaskState] = {"CANCELED": "CANCELED", "TIMEDOUT": "TIMEDOUT"}


class ChildRuns:
    """Starts the runs that tasks wait for; a task that asks again after a restart is given the run it had."""

    def __init__(self, workspace: Workspace, stores: tuple[JobStore, RunStore], ids: Ids, scheduler: Scheduler) -> None:
        self._workspace = workspace
        self._jobs, self._runs = stores
        self._ids = ids
        self._scheduler = scheduler

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

    def of_job(self, job: JobRecord, wanted: Mapping[str, Any], task: TaskRecord, run: RunRecord) -> ChildRun:
        """Run another job; `wanted` is what `run-now` would be sent."""

        def make(connection: Connection) -> RunRecord:
            request = run_request(wanted, job.settings)
            return self._child(job, job.settings, request, "JOB_RUN", task, run)

        return self._started(make, task, f"The run of job {job.job_id}")

    def of_iterations(self, settings: Json, request: RunRequest, task: TaskRecord, run: RunRecord) -> ChildRun:
        """Run the iterations of a task, which are the tasks of `settings`."""
        job = JobRecord(run.job_id, run.creator, run.run_as, run.created_at, settings, listed=False)

        def make(connection: Connection) -> RunRecord:
            return self._child(job, settings, request, ITERATIONS, task, run)

        return self._started(make, task, "One iteration or more")

    def _started(self, make: Callable[[Connection], RunRecord], task: TaskRecord, what: str) -> ChildRun:
        child = self._scheduler.submit(make, f"child:{task.run_id}")
        return ChildRun(self._scheduler, child.run_id, what)

    def _child(
        self, job: JobRecord, settings: Json, request: RunRequest, run_type: str, task: TaskRecord, run: RunRecord
    ) -> RunRecord:
        return RunRecord(
            run_id=self._ids.next(),
            job_id=job.job_id,
            name=settings["name"],
            creator=run.run_as,
            run_as=run_as(self._workspace, job),
            run_type=run_type,
            request=request,
            settings=settings,
            created_at=now(),
            state=State("PENDING"),
            trigger="RUN_JOB_TASK" if run_type == "JOB_RUN" else run.trigger,
            trigger_info=({} if run_type == "JOB_RUN" else run.trigger_info) | {"run_id": run.run_id},
            parent=task.run_id,
        )


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
        self._lock = threading.Lock()
        self._outcome: TaskOutcome | None = None
        self._stopping: TaskState | None = None
        self._callbacks: list[Callable[[TaskOutcome], None]] = []
        scheduler.when_ended(run_id, self._ended)

    def when_done(self, callback: Callable[[TaskOutcome], None]) -> None:
        """Call `callback` once the run has ended."""
        with self._lock:
            if self._outcome is None:
                self._callbacks.append(callback)
                return
        callback(self._outcome)

    def stop(self, state: TaskState) -> None:
        """Cancel the run; the task ends as `state` says once the run has."""
        if self._stopping is None and self._outcome is None:
            self._stopping = state
            self._scheduler.cancel(self._run_id)

    def _ended(self, run: RunRecord) -> None:
        with self._lock:
            outcome = self._outcome = self._outcome_of(run)
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(outcome)

    def _outcome_of(self, run: RunRecord) -> TaskOutcome:
        result = run.state.result or "FAILED"
        if result in ("SUCCESS", "SUCCESS_WITH_FAILURES"):
            return TaskOutcome("SUCCESS", result=str(run.run_id))
        state = self._stopping or _STATES.get(result, "FAILED")
        message = f"{self._what} ended as {result}: {run.state.message}" if state == "FAILED" else ""
        return TaskOutcome(state, message, result=str(run.run_id))
