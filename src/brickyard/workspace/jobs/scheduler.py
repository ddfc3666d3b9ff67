"""Which runs are active: admits new ones, queues or skips what is over a job's limit, goes on after a restart."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue, InvalidState
from brickyard.workspace.clock import now
from brickyard.workspace.jobs.board import first_attempts
from brickyard.workspace.jobs.execution import Execution, Surroundings
from brickyard.workspace.jobs.git_checkouts import GitCheckouts
from brickyard.workspace.jobs.job_store import deleted_jobs, find_job
from brickyard.workspace.jobs.people import securable_of
from brickyard.workspace.jobs.records import WORKFLOW_RUN, Ids, RunRecord, TaskRecord
from brickyard.workspace.jobs.run_store import RunStore, active, add_repair, add_run, by_idempotency, running, save_runs
from brickyard.workspace.jobs.slots import Slots
from brickyard.workspace.jobs.states import QUEUED_HOURS, State, expired, of_skip, queue_full, queued, skipped_run

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.jobs.clusters import JobClusters
    from brickyard.workspace.workspace import Workspace

__all__ = ["Scheduler"]

Repair = Callable[[RunRecord, Sequence[TaskRecord]], tuple[RunRecord, list[TaskRecord]]]

_log = logging.getLogger(__name__)
_LONGEST_QUEUE = 1000


class Scheduler:
    """Owns the executions of active runs.

    A run is in the store before anyone is told of it, and the lock makes "written" and "under way" one step, so
    that recovery and a run that is just being started never both start it.
    """

    def __init__(
        self,
        workspace: Workspace,
        runs: RunStore,
        ids: Ids,
        run_ended: Callable[[RunRecord], None],
        clusters: JobClusters,
    ) -> None:
        self._workspace = workspace
        self._runs = runs
        self._ids = ids
        self._run_ended = run_ended
        self._lock = threading.Lock()
        self._active: dict[int, Execution] = {}
        self._waiting: dict[int, list[Callable[[RunRecord], None]]] = {}
        self._deleting: set[int] = set()
        self._behind = False  # whether there is a run that could not be started when it was to
        slots = Slots(max(2, os.cpu_count() or 2), workspace.compute.memory.room)
        workspace.compute.memory.tick = slots.look_again
        self._around = Surroundings(workspace, runs, ids, slots, GitCheckouts(workspace), clusters, self._ended)

    def submit(
        self,
        make: Callable[[Connection], RunRecord],
        key: str | None,
        written: Callable[[Connection, RunRecord], None] | None = None,
    ) -> RunRecord:
        """Write the run that `make` describes and start it, queue it or skip it; durable when this returns.

        Args:
            make: Describes the run, in the transaction in which it is written.
            key: A run that was made with this key is answered instead of a new one.
            written: What else is to be written with the run, as it was admitted.
        """
        with self._lock:
            with self._workspace.store.write() as connection:
                earlier = by_idempotency(connection, key) if key else None
                if earlier is not None:
                    return earlier
                run = self._admitted(connection, replace(make(connection), idempotency=key))
                tasks = first_attempts(run, self._ids)
                if run.state.ended:
                    tasks = [replace(task, state=run.state, ended_at=now()) for task in tasks]
                add_run(connection, run, tasks)
                if written is not None:
                    written(connection, run)
            if run.state.ended:
                self._runs.changed()
            if run.state.life_cycle == "PENDING":
                self._start(run, tasks)
            return run

    def cancel(self, run_id: int, task_run_id: int | None = None) -> None:
        """Cancel a run, or one of its tasks; that it is to stop is written when this returns."""
        with self._lock:
            execution = self._active.get(run_id)
            ended = self._end_waiting(run_id, of_skip("CANCELED")) if execution is None else None
        if execution is not None:
            execution.stop("CANCELED", task_run_id)
        if ended is not None:
            self._tell(ended)

    def repair(self, run_id: int, again: Repair) -> RunRecord:
        """Let a run that has ended go on with new attempts at its tasks; durable when this returns.

        Args:
            run_id: The run, or one of its attempts, which `again` refuses.
            again: From the run and its attempts, the run that goes on and its new attempts.
        """
        execution = self._active.get(run_id)
        if execution is not None and execution.ended:
            execution.wait()  # it has ended and is about to say so
        with self._lock:
            self._check_there(run_id)
            run, tasks = self._runs.get(run_id)
            going_on, attempts = again(run, tasks)
            with self._workspace.store.write() as connection:
                add_repair(connection, going_on, attempts)
            self._start(going_on, [*tasks, *attempts])
            return going_on

    def recover(self) -> None:
        """Go on with the runs that were active when the workspace ended, and start those that are to start now.

        The end of a run is written before the next one is started, and that a job is deleted before its runs are
        cancelled; the workspace may have ended in between.
        """
        cancelled: list[RunRecord | None] = []
        with self._lock:
            found = [run for run in self._runs.active() if run.run_type != WORKFLOW_RUN]  # which are not executed here
            with self._workspace.store.read() as connection:
                gone = deleted_jobs(connection, {run.job_id for run in found if run.run_type == "JOB_RUN"})
            for run in found:
                if run.run_id not in self._active and run.state.life_cycle != "QUEUED":
                    _log.info("going on with run %s of job %s", run.run_id, run.job_id)
                    stopping = run.stopping or ("CANCELED" if run.job_id in gone else None)
                    self._start(replace(run, stopping=stopping), self._runs.tasks(run.run_id))
                elif run.run_id not in self._active and run.job_id in gone:
                    cancelled.append(self._end_waiting(run.run_id, of_skip("CANCELED")))
            for job_id in {run.job_id for run in found}:
                self._start_queued(job_id)
        for one in filter(None, cancelled):
            self._tell(one)

    def limit_changed(self, job_id: int) -> None:
        """Start runs of a job that waited, where it allows more now; where that cannot be written, a sweep does."""
        with self._lock:
            try:
                self._start_queued(job_id)
            except Exception:  # a full disk, say: what let them start has happened all the same
                _log.exception("the queued runs of job %s could not be started; trying again", job_id)
                self._behind = True

    def close(self) -> None:
        """Leave every run as it is written."""
        with self._lock:
            executions = list(self._active.values())
        for execution in executions:
            execution.close()

    def _admitted(self, connection: Connection, run: RunRecord) -> RunRecord:
        limit = _limit(connection, run)
        before = 0 if limit is None else active(connection, run.job_id)
        if limit is None or before < limit:  # who waits already is before this one
            return run
        if run.settings.get("queue", {}).get("enabled"):
            waiting = before - running(connection, run.job_id)
            if waiting >= _LONGEST_QUEUE:
                return replace(run, state=queue_full(_LONGEST_QUEUE), ended_at=now())
            return replace(run, state=queued(limit))
        return replace(run, state=skipped_run(limit), ended_at=now())

    def _start(self, run: RunRecord, tasks: Sequence[TaskRecord]) -> None:
        execution = Execution(run, tasks, self._around)
        self._active[run.run_id] = execution
        try:
            execution.start()
        except RuntimeError:  # there are no more threads
            _log.exception("run %s could not be started; trying again", run.run_id)
            del self._active[run.run_id]
            self._behind = True

    def when_ended(self, run_id: int, callback: Callable[[RunRecord], None]) -> None:
        """Call `callback` with the run once it has ended, on any thread; at once where it has."""
        with self._lock:
            run, _ = self._runs.get(run_id)
            if not run.state.ended:
                self._waiting.setdefault(run_id, []).append(callback)
                return
        callback(run)

    def _ended(self, run: RunRecord) -> None:
        with self._lock:
            self._active.pop(run.run_id, None)
        self.limit_changed(run.job_id)
        self._tell(run)

    def _tell(self, run: RunRecord) -> None:
        """Tell who waits for a run that it has ended."""
        with self._lock:
            waiting = self._waiting.pop(run.run_id, [])
        for callback in waiting:
            callback(run)
        self._run_ended(run)

    def _start_queued(self, job_id: int) -> None:
        """Start the runs of a job that waited, oldest first, as far as its limit allows."""
        with self._workspace.store.write() as connection:
            waiting = self._runs.queued(job_id, connection)
            free = _limit(connection, waiting[0]) if waiting else None
            if free is None:
                return
            chosen = waiting[: max(0, free - running(connection, job_id))]
            starting = [replace(run, state=State("PENDING")) for run in chosen]
            save_runs(connection, starting, [], [])
        for run in starting:
            self._start(run, self._runs.tasks(run.run_id))

    def sweep(self, at: int) -> None:
        """Start runs that could not be started when they were to, and end those that have waited for too long.

        Args:
            at: The time in epoch milliseconds.
        """
        if self._behind:
            self._behind = False
            self._recover_again()
        for run_id in self._runs.waiting_since(at - QUEUED_HOURS * 3_600_000):
            with self._lock:
                run = self._end_waiting(run_id, expired()) if run_id not in self._active else None
            if run is not None:
                _log.info("run %s of job %s waited too long", run_id, run.job_id)
                self._tell(run)

    def _recover_again(self) -> None:
        try:
            self.recover()
        except Exception:
            _log.exception("runs that were to start could not be started; trying again")
            self._behind = True

    def delete(self, run: RunRecord, remove_files: Callable[[], None]) -> None:
        """Forget a run, and what was fetched for it.

        Args:
            run: The run.
            remove_files: Removes what it has left; first, as a disk may be full, and after a kill it can be done again.

        Raises:
            InvalidState: It is active by now, or somebody else deletes it.
        """
        with self._lock:
            self._check_there(run.run_id)
            _check_ended(self._runs.get(run.run_id)[0])
            self._deleting.add(run.run_id)
        try:
            remove_files()
            of_notebooks = self._runs.delete(run.run_id)
        finally:
            self._deleting.discard(run.run_id)
        for job_id in of_notebooks:
            self._workspace.identity.permissions.forget(securable_of(job_id))
        self._around.git.forget(run)

    def _check_there(self, run_id: int) -> None:
        if run_id in self._deleting:
            raise InvalidState(f"Run {run_id} is being deleted.")

    def _end_waiting(self, run_id: int, state: State) -> RunRecord | None:
        """End a run that waits in the queue, and answer it; one that has ended stays as it is."""
        run, tasks = self._runs.get(run_id)
        if run.state.ended:
            return None
        at = now()
        ended = [replace(task, state=state, ended_at=at) for task in tasks if not task.state.ended]
        stopping = "CANCELED" if state.result == "CANCELED" else None
        run = replace(run, state=state, stopping=stopping, ended_at=at)
        self._runs.save(run, ended)
        return run


def _check_ended(run: RunRecord) -> None:
    """Refuse to delete a run that is active.

    Raises:
        InvalidState: It is.
    """
    if not run.state.ended:
        raise InvalidState(f"Run {run.run_id} is active; cancel it before it is deleted.")


def _limit(connection: Connection, run: RunRecord) -> int | None:
    """How many runs of its job may be active at once, as the job says now; none for what has no job."""
    if run.run_type != "JOB_RUN":
        return None
    with suppress(InvalidParameterValue):  # the job was deleted
        return int(find_job(connection, run.job_id).settings.get("max_concurrent_runs", 1))
    return int(run.settings.get("max_concurrent_runs", 1))
