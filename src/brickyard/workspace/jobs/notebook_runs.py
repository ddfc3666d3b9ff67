"""Runs of notebooks that tasks have started with `dbutils.notebook.run`: the vendor's `WORKFLOW_RUN`.

The process of the task executes the notebook, with a number and a directory that it is given here; it says when it has
ended, and where it does not, the notebook has ended with it.
"""

from __future__ import annotations

import logging
import posixpath
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue, InvalidState, PermissionDenied
from brickyard.workspace.clock import now
from brickyard.workspace.compute.endings import CANCELED
from brickyard.workspace.compute.tasks import TaskOutcome, read_outcome
from brickyard.workspace.jobs.board import Board, first_attempts
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.people import securable_of
from brickyard.workspace.jobs.records import WORKFLOW_RUN, Ids, JobRecord, Json, RunRecord, RunRequest, TaskRecord
from brickyard.workspace.jobs.run_store import RunStore, add_run
from brickyard.workspace.jobs.settings import normalise
from brickyard.workspace.jobs.states import INTERRUPTED, State, of_outcome

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.jobs.job_store import JobStore
    from brickyard.workspace.workspace import Workspace

__all__ = ["Asked", "NotebookRuns"]

_INNER = "notebook"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What a task asks for: the types of the call.

    Attributes:
        path: The notebook.
        parameters: Its parameters.
    """

    path: str | None = None
    parameters: dict[str, str] | None = None


class NotebookRuns:
    """Owns the active ones, from their beginnings to their ends; no one else executes or ends them.

    An attempt at a task is written as ended before `end_of` is called, and the lock makes "its attempt has not ended"
    and "under way" one step, so that none is left running.

    Args:
        workspace: Whose they are.
        jobs: The jobs that there are; each has one that is not listed.
        runs: The runs that there are.
        ids: Where numbers come from.
        new_run: Makes a run from its job, settings, creator, request and type.
    """

    def __init__(
        self,
        workspace: Workspace,
        jobs: JobStore,
        runs: RunStore,
        ids: Ids,
        new_run: Callable[[JobRecord, Json, str, RunRequest, str], RunRecord],
    ) -> None:
        self._workspace = workspace
        self._jobs, self._runs = jobs, runs
        self._ids = ids
        self._new_run = new_run
        self._lock = threading.Lock()
        self._active: dict[int, int] = {}  # by attempt at one, the attempt that executes it
        self._late: dict[int, TaskOutcome] = {}  # how those ended whose ends could not be written yet

    def begin(self, parent: int, path: str, parameters: Mapping[str, str], by: Principal) -> TaskRecord:
        """A notebook is about to be executed by the process of an attempt at a task; answers the attempt at it.

        Raises:
            InvalidParameterValue: There is no such attempt, or the path is none of a notebook.
            PermissionDenied: The principal is not who the attempt runs as.
            InvalidState: The attempt has ended.
        """
        settings = _settings(path, parameters)
        with self._lock:
            outer, task = self._executing(parent, by)
            job = JobRecord(self._ids.next(), by.user_name, by.user_name, now(), settings, listed=False)
            made = self._new_run(job, settings, by.user_name, RunRequest(), WORKFLOW_RUN)
            run = replace(made, state=State("RUNNING"), started_at=now(), parent=parent)
            resolved = {"notebook_task": {"base_parameters": dict(parameters)}}
            [first] = first_attempts(run, self._ids)
            attempt = replace(first, state=State("RUNNING"), started_at=now(), resolved=resolved, cluster=task.cluster)
            self._share(outer, job)
            with self._workspace.store.write() as connection:
                self._jobs.add(job, connection)
                add_run(connection, run, [attempt])
            self._active[attempt.run_id] = parent
        return attempt

    def _executing(self, parent: int, by: Principal) -> tuple[RunRecord, TaskRecord]:
        outer, [task, *others] = self._runs.get(parent)
        if outer.run_id == parent or others:
            raise InvalidParameterValue(f"Run {parent} is no task's.")
        _require(outer, by)
        if task.state.ended:
            raise InvalidState(f"Run {parent} has ended, and runs no notebook.")
        return outer, task

    def _share(self, outer: RunRecord, job: JobRecord) -> None:
        """Whoever sees the run that has started the notebook sees the run of the notebook."""
        permissions = self._workspace.identity.permissions
        granted = permissions.grants(securable_of(outer.job_id))
        permissions.replace(securable_of(job.job_id), {one.principal_id: one.level for one in granted})

    def end(self, run_id: int, failure: TaskOutcome, by: Principal) -> None:
        """A notebook has ended; does nothing the second time.

        Args:
            run_id: The attempt at it.
            failure: How, where it has left no result.
            by: Who says so.

        Raises:
            InvalidParameterValue: There is no such run of a notebook.
            PermissionDenied: That is not who it runs as.
        """
        run, _ = self._runs.get(run_id)
        if run.run_type != WORKFLOW_RUN or run.run_id == run_id:
            raise InvalidParameterValue(f"Run {run_id} is not the run of a notebook that a task has started.")
        _require(run, by)
        self._end(run_id, failure)

    def end_of(self, parent: int) -> None:
        """An attempt has ended, which is written, and with it the notebooks that it was executing."""
        with self._lock:
            left = [run_id for run_id, its in self._active.items() if its == parent]
        for run_id in left:
            self._end(run_id, TaskOutcome("CANCELED", "The run that has started this notebook has ended."))

    def recover(self) -> None:
        """End those that were active when the workspace ended: the processes that executed them are gone."""
        for run in self._runs.active():
            if run.run_type == WORKFLOW_RUN:
                last = self._runs.tasks(run.run_id)[-1]
                self._end(last.run_id, TaskOutcome("FAILED", INTERRUPTED, code="INTERNAL_ERROR"))

    def sweep(self) -> None:
        """Write the ends that could not be written."""
        with self._lock:
            late = dict(self._late)
        for run_id, failure in late.items():
            self._end(run_id, failure)

    def _end(self, run_id: int, failure: TaskOutcome) -> None:
        """Write the end of one, and of those that it was executing itself; where that fails, a sweep does it again."""
        try:
            with self._lock:
                self._write_end(run_id, self._late.setdefault(run_id, failure))
                self._active.pop(run_id, None)
                self._late.pop(run_id, None)
        except Exception:  # a full disk, say
            _log.exception("the end of run %s could not be written; trying again", run_id)
            return
        self.end_of(run_id)

    def _write_end(self, run_id: int, failure: TaskOutcome) -> None:
        try:
            run, tasks = self._runs.get(run_id)
        except InvalidParameterValue:  # it was deleted with the run that has started it
            return
        if not run.state.ended:
            outcome = read_outcome(run_directory(self._workspace, run_id))
            if outcome is None or _was_stopped(outcome, failure):
                outcome = failure
            board = Board(run, tasks, self._ids)
            board.task_ended(tasks[0], of_outcome(outcome), outcome, final=True)
            board.decide()
            self._runs.save(*board.changes())


def _was_stopped(left: TaskOutcome, failure: TaskOutcome) -> bool:
    """Whether what a notebook has left is only what it said when it was stopped."""
    if failure.state == "TIMEDOUT":
        return left.state != "SUCCESS"
    return failure.state == "CANCELED" and left.error == CANCELED


def _settings(path: str, parameters: Mapping[str, str]) -> Json:
    """Those of a job that runs the notebook; its parameters may be larger than those of jobs."""
    body = {"name": posixpath.basename(path), "tasks": [{"task_key": _INNER, "notebook_task": {"notebook_path": path}}]}
    settings = normalise(body, submitted=True)
    [task] = settings["tasks"]
    task["notebook_task"] |= {"base_parameters": dict(parameters)}
    return settings


def _require(run: RunRecord, by: Principal) -> None:
    if by.user_name != run.run_as:
        raise PermissionDenied(f"Only the process of run {run.run_id} itself runs notebooks for it.")
