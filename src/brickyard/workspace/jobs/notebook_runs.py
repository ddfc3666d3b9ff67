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
from brickyard.workspace.compute.tasks import TaskOutcome, read_outcome
from brickyard.workspace.jobs.acceptance import grant_owner
from brickyard.workspace.jobs.board import Board, first_attempts
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.records import WORKFLOW_RUN, Ids, JobRecord, Json, RunRecord, RunRequest, TaskRecord
from brickyard.workspace.jobs.run_store import RunStore, add_run
from brickyard.workspace.jobs.settings import normalise
from brickyard.workspace.jobs.states import State, of_outcome

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
    """Makes and ends them.

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
        self._active: dict[int, set[int]] = {}  # the runs that attempts at tasks wait for

    def begin(self, parent: int, path: str, parameters: Mapping[str, str], by: Principal) -> TaskRecord:
        """A notebook is about to be executed by the process of an attempt at a task; answers the attempt at it.

        Raises:
            InvalidParameterValue: There is no such attempt, or the path is none of a notebook.
            PermissionDenied: The principal is not who the attempt runs as.
            InvalidState: The attempt has ended.
        """
        outer, [task, *others] = self._runs.get(parent)
        if outer.run_id == parent or others:
            raise InvalidParameterValue(f"Run {parent} is no task's.")
        _require(outer, by)
        if task.state.ended:
            raise InvalidState(f"Run {parent} has ended, and runs no notebook.")
        settings = _settings(path, parameters)
        job = JobRecord(self._ids.next(), by.user_name, by.user_name, now(), settings, listed=False)
        grant_owner(self._workspace, job, by, None)
        made = self._new_run(job, settings, by.user_name, RunRequest(), WORKFLOW_RUN)
        run = replace(made, state=State("RUNNING"), started_at=now(), parent=parent)
        resolved = {"notebook_task": {"base_parameters": dict(parameters)}}
        [first] = first_attempts(run, self._ids)
        attempt = replace(first, state=State("RUNNING"), started_at=now(), resolved=resolved, cluster=task.cluster)
        with self._lock:
            self._active.setdefault(parent, set()).add(attempt.run_id)
            with self._workspace.store.write() as connection:
                self._jobs.add(job, connection)
                add_run(connection, run, [attempt])
        return attempt

    def end(self, run_id: int, failure: TaskOutcome, by: Principal | None = None) -> None:
        """A notebook has ended; does nothing the second time.

        Args:
            run_id: The attempt at it.
            failure: How, where it has left no result.
            by: Who says so.

        Raises:
            InvalidParameterValue: There is no such run of a notebook.
            PermissionDenied: That is not who it runs as.
        """
        self.end_of(run_id)
        run, tasks = self._runs.get(run_id)
        if run.run_type != WORKFLOW_RUN or run.run_id == run_id:
            raise InvalidParameterValue(f"Run {run_id} is not the run of a notebook that a task has started.")
        if by is not None:
            _require(run, by)
        with self._lock:
            self._active.get(run.parent or 0, set()).discard(run_id)
        if not run.state.ended:
            outcome = read_outcome(run_directory(self._workspace, run_id)) or failure
            board = Board(run, tasks, self._ids)
            board.task_ended(tasks[0], of_outcome(outcome), outcome, final=True)
            board.decide()
            self._runs.save(*board.changes())

    def end_of(self, parent: int) -> None:
        """An attempt has ended, and with it the notebooks that it was executing."""
        with self._lock:
            left = self._active.pop(parent, set())
        for run_id in left:
            try:
                self.end(run_id, TaskOutcome("CANCELED", "The run that has started this notebook has ended."))
            except Exception:  # a full disk, say: the next start of the workspace ends it
                _log.exception("the end of run %s could not be written", run_id)


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
