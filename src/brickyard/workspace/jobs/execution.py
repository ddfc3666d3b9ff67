"""One active run: a thread that turns events into states, writes each state, and only then acts on it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.compute.tasks import TaskOutcome, read_outcome
from brickyard.workspace.jobs.board import Board
from brickyard.workspace.jobs.cluster_task import ClusterTask
from brickyard.workspace.jobs.clusters import keys_of
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.git_checkouts import GitCheckouts
from brickyard.workspace.jobs.git_source import needs_source
from brickyard.workspace.jobs.holdings import Holdings
from brickyard.workspace.jobs.kinds import Faulty, Prepared, Work, kind_of
from brickyard.workspace.jobs.people import Nobody, whoever_runs
from brickyard.workspace.jobs.preparation import job_parameters, prepare
from brickyard.workspace.jobs.records import ITERATIONS, Ids, Json, RunRecord, TaskRecord
from brickyard.workspace.jobs.references import UnknownReference
from brickyard.workspace.jobs.states import INTERRUPTED, READY, STARTING, State, of_outcome, refused

if TYPE_CHECKING:
    from brickyard.workspace.jobs.clusters import JobClusters
    from brickyard.workspace.jobs.run_store import RunStore
    from brickyard.workspace.jobs.slots import Slots
    from brickyard.workspace.workspace import Workspace

__all__ = ["Execution", "Surroundings"]

_log = logging.getLogger(__name__)
_RETRY_WRITE_SECONDS = 1.0


@dataclass(frozen=True)
class Surroundings:
    """What every execution works with."""

    workspace: Workspace
    store: RunStore
    ids: Ids
    slots: Slots
    git: GitCheckouts
    clusters: JobClusters
    on_end: Callable[[RunRecord], None]


@dataclass(frozen=True)
class _Ended:
    run_id: int
    outcome: TaskOutcome


@dataclass(frozen=True)
class _Placed:
    run_id: int
    cluster: Json


@dataclass(frozen=True)
class _Stop:
    run_id: int | None
    result: str
    written: threading.Event


@dataclass(frozen=True)
class _Sourced:
    """The run's code is here, or why it is not."""

    commit: str
    refusal: State | None = None


_Event = _Ended | _Placed | _Sourced | _Stop | None


class Execution:
    """Carries one run from its start to its end.

    Args:
        run: The run, as it is in the store.
        tasks: The attempts at its tasks, as they are in the store.
        around: What it works with.
    """

    def __init__(self, run: RunRecord, tasks: Sequence[TaskRecord], around: Surroundings) -> None:
        self._around = around
        self._board = Board(run, tasks, around.ids)
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._works: dict[int, Work] = {}
        self._closing = threading.Event()
        self._held = Holdings(around, run.run_id)
        self._resuming: list[TaskRecord] = []  # attempts that go on where they were when the workspace ended
        self._unanswered: list[_Stop] = []
        self._sourcing = False  # the run's code is being fetched, and no task starts
        self._thread = threading.Thread(target=self._run, name=f"run-{run.run_id}", daemon=True)

    def start(self) -> None:
        """Begin, or go on after a restart."""
        self._thread.start()

    def stop(self, result: str, task_run_id: int | None = None) -> None:
        """Stop the run, or one of its tasks; when this returns, that it is to stop is written, or it has ended.

        Args:
            result: `CANCELED` or `TIMEDOUT`.
            task_run_id: The attempt to stop; without it, the whole run.
        """
        request = _Stop(task_run_id, result, threading.Event())
        self._events.put(request)
        while not request.written.wait(0.5) and self._thread.is_alive() and not self._board.ended:
            continue

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self._board.ended

    def wait(self) -> None:
        """Wait until it is told that the run has ended."""
        self._thread.join()

    def close(self) -> None:
        """Leave the run as it is written, because the workspace stops."""
        self._closing.set()
        self._events.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            self._begin()
            while not self._board.ended and not self._closing.is_set():
                self._step()
        except Exception as error:  # whatever it is, the run ends, and says so
            _log.exception("run %s cannot go on", self._board.run.run_id)
            self._give_up(str(getattr(error, "orig", error)))  # the database's own words, inside SQLAlchemy's
        finally:
            self._held.release(self._board.run, ended=not self._closing.is_set())

    def _begin(self) -> None:
        """Take over what is written: a task that ran when the workspace ended has its result file, or is lost."""
        board, workspace = self._board, self._around.workspace
        for task in board.running:
            outcome = read_outcome(run_directory(workspace, task.run_id))
            began = task.state.life_cycle != STARTING.life_cycle
            if kind_of(board.definition_of(task)).survives or (not began and outcome is None):
                self._resuming.append(task)
            else:
                self._task_ended(task, outcome)
        first, stopping = board.run.started_at is None, board.run.stopping
        board.begin()
        try:
            board.run = self._held.issue_token(board.run)
        except Nobody as nobody:
            run, audit = board.run, workspace.identity.audit
            audit.record_refusal(run.run_as, "jobs.start_run", f"job_id={run.job_id} run_id={run.run_id}")
            board.refuse_all(refused(str(nobody), "UNAUTHORIZED_ERROR"))
            return
        if stopping is not None:
            board.run = replace(board.run, stopping=None)
            board.stop(stopping)
        elif first:
            self._resolve_parameters()
        if stopping is None and needs_source(board.run):
            self._sourcing = True
            threading.Thread(target=self._take_source, args=(board.run,), name="git-source", daemon=True).start()

    def _take_source(self, run: RunRecord) -> None:
        """Fetch the run's code, which may take long, on a thread of its own, so that the run can be cancelled."""
        code = "REPOSITORY_CHECKOUT_FAILED"
        try:
            event = _Sourced(self._around.git.take(run, whoever_runs(self._around.workspace, run.run_as)))
        except (ApiError, Nobody) as error:
            event = _Sourced("", refused(f"Failed to checkout Git repository: {error}", code))
        except Exception as error:  # a full disk, say: the run must end whatever it is
            _log.exception("the source of run %s could not be fetched", run.run_id)
            event = _Sourced("", refused(f"Failed to checkout Git repository: {type(error).__name__}", code))
        self._events.put(event)
        if self._board.ended:
            self._around.git.leave(run)

    def _resolve_parameters(self) -> None:
        run = self._board.run
        try:
            parameters = job_parameters(self._around.workspace, run, run.request.parameters)
        except UnknownReference as error:
            self._board.refuse_all(refused(f"{error}.", "INVALID_RUN_CONFIGURATION"))
            return
        self._board.run = replace(run, request=replace(run.request, parameters=parameters))

    def _step(self) -> None:
        """Decide, write, act, and wait for the next event."""
        board = self._board
        self._end_resuming()
        board.decide()
        chosen = self._with_places([*self._resuming, *([] if self._sourcing else board.ready)])
        self._resuming = [task for task in self._resuming if task not in chosen]
        prepared = [(task, one) for task in chosen if (one := self._prepared(task))]
        self._end_clusters()
        self._write()
        for task, one in prepared:
            self._launch(task, one)
        self._stop_works()  # of what goes on after a restart, what was being stopped then
        if not board.ended:
            self._wait(again=len(chosen) > len(prepared))

    def _end_resuming(self) -> None:
        """End what is to go on after a restart, still waits for a place, and was stopped meanwhile."""
        resuming = [self._board.attempt(task.run_id) for task in self._resuming]
        self._resuming = []
        for task in resuming:
            if task.state.life_cycle == "TERMINATING" and kind_of(self._board.definition_of(task)).in_process:
                self._task_ended(task, None)
            elif not task.state.ended:
                self._resuming.append(task)

    def _end_clusters(self) -> None:
        """End the clusters of this run that no task needs any more; those of iterations are the loop's."""
        board = self._board
        if board.run.run_type != ITERATIONS and board.run.settings.get("job_clusters"):
            needed = set().union(*(keys_of(board.definition_of(task)) for task in board.unfinished))
            self._around.clusters.end_unused(board.run.run_id, needed)

    def _with_places(self, ready: Sequence[TaskRecord]) -> list[TaskRecord]:
        """Those that may start now: what runs in the workspace itself, and as many processes as there are places."""
        processes = [task for task in ready if kind_of(self._board.definition_of(task)).in_process]
        free = self._around.slots.take(len(processes), self._board.run.run_id, self._wake)
        self._held.take_places(task.run_id for task in processes[:free])
        waiting = {task.run_id for task in processes[free:]}
        for task in processes[free:]:
            self._board.waits(task, self._around.slots.reason)
        return [task for task in ready if task.run_id not in waiting]

    def _prepared(self, task: TaskRecord) -> Prepared | None:
        board = self._board
        try:
            prepared = prepare(self._around.workspace, board.run, task, board.attempts, self._held.token)
        except (Faulty, Nobody) as error:
            code = error.code if isinstance(error, Faulty) else "UNAUTHORIZED_ERROR"
            board.task_ended(task, refused(str(error), code), final=True)
            self._held.give_back(task.run_id)
            return None
        except Exception as error:  # as in `_launch`
            _log.exception("task %s of run %s could not be prepared", task.task_key, task.job_run_id)
            message = f"The task could not be started: {type(error).__name__}: {error}"
            board.task_ended(task, refused(message, "INTERNAL_ERROR"))
            self._held.give_back(task.run_id)
            return None
        if task.state.life_cycle in READY:
            board.started(task, prepared.resolved, STARTING if prepared.waits else State("RUNNING"))
        return prepared

    def _launch(self, task: TaskRecord, prepared: Prepared) -> None:
        run_id = task.run_id
        try:
            work = prepared.launch()
        except ApiError as error:
            self._events.put(_Ended(run_id, TaskOutcome("FAILED", error.message, code="INTERNAL_ERROR")))
            return
        except Exception as error:  # whatever keeps a task from starting ends that task, not the run's thread
            _log.exception("task %s of run %s could not be started", task.task_key, task.job_run_id)
            message = f"The task could not be started: {type(error).__name__}: {error}"
            self._events.put(_Ended(run_id, TaskOutcome("FAILED", message, code="INTERNAL_ERROR")))
            return
        self._works[run_id] = work
        work.when_done(lambda outcome: self._events.put(_Ended(run_id, outcome)))
        if isinstance(work, ClusterTask):
            work.when_placed(lambda cluster: self._events.put(_Placed(run_id, cluster)))
        limit = self._board.timeout_of(task)
        if limit and (prepared.waits or not kind_of(self._board.definition_of(task)).in_process):
            _stop_after(limit, work)  # processes have theirs in the service

    def _wait(self, *, again: bool) -> None:
        """Take in the next event, or what the clock brings, and whatever else is there already."""
        due = 0.0 if again else self._board.seconds_until_due()
        try:
            self._take_in(self._events.get(timeout=due))
            while True:
                self._take_in(self._events.get_nowait())
        except queue.Empty:
            if self._board.timed_out():
                self._board.stop("TIMEDOUT")

    def _take_in(self, event: _Event) -> None:
        board = self._board
        if isinstance(event, _Ended):
            self._works.pop(event.run_id, None)
            self._held.give_back(event.run_id)
            self._task_ended(board.attempt(event.run_id), event.outcome)
        elif isinstance(event, _Sourced):
            self._sourcing = False
            if event.refusal is None:
                board.run = replace(board.run, request=replace(board.run.request, commit=event.commit))
            else:
                board.refuse_all(event.refusal)
        elif isinstance(event, _Placed):
            board.placed(event.run_id, event.cluster)
        elif isinstance(event, _Stop):
            self._unanswered.append(event)
            if event.run_id is None:
                board.stop(event.result)
            else:
                board.stop_task(event.run_id, event.result)

    def _task_ended(self, task: TaskRecord, outcome: TaskOutcome | None) -> None:
        """Note how an attempt ended; nothing is known of one that the workspace did not survive."""
        stopping = self._board.run.stopping
        if outcome is None and (stopping is not None or task.state.life_cycle == "TERMINATING"):
            outcome = TaskOutcome("TIMEDOUT" if stopping == "TIMEDOUT" else "CANCELED")
        if outcome is None:
            self._board.task_ended(task, refused(INTERRUPTED, "INTERNAL_ERROR"))
            return
        limit = self._board.timeout_of(task) or self._board.run.settings.get("timeout_seconds", 0)
        self._board.task_ended(task, of_outcome(outcome, limit), outcome)

    def _write(self) -> None:
        if self._closing.is_set():
            return
        self._save()
        self._board.written()
        self._stop_works()

    def _save(self) -> None:
        """One transaction for everything that changed; the token ends before the run is seen to have ended.

        The notebooks of attempts end after them, as until then an attempt may begin another one.
        """
        board = self._board
        if board.ended:
            board.run = self._held.end_token(board.run)
        run, changed, added = board.changes()
        self._around.store.save(run, changed, added)
        for task in changed:
            if task.state.ended:
                self._around.workspace.jobs.notebooks.end_of(task.run_id)

    def _stop_works(self) -> None:
        """Stop the tasks that were asked to stop, now that this is written, and answer who asked."""
        for task in self._board.running:
            if task.state.life_cycle == "TERMINATING" and task.run_id in self._works:
                self._works[task.run_id].stop("TIMEDOUT" if self._board.run.stopping == "TIMEDOUT" else "CANCELED")
        for request in self._unanswered:
            request.written.set()
        self._unanswered.clear()

    def _give_up(self, why: str) -> None:
        """The run cannot be carried on (a full disk, say): stop its tasks, say so, and write so when that works."""
        board, store = self._board, self._around.store
        for work in self._works.values():
            try:
                work.stop("CANCELED")
            except Exception:  # the others are stopped, and the run ends, all the same
                _log.exception("a task of run %s could not be stopped", board.run.run_id)
        board.abandon(f"The workspace could not carry on this run ({why}); see its log.")
        store.hold(board.run, board.attempts)
        while not self._closing.is_set():
            try:
                self._save()
                return
            except (OSError, SQLAlchemyError, ApiError) as error:
                _log.warning("the end of run %s could not be written, trying again: %s", board.run.run_id, error)
                self._closing.wait(_RETRY_WRITE_SECONDS)

    def _wake(self) -> None:
        self._events.put(None)


def _stop_after(seconds: float, work: Work) -> None:
    timer = threading.Timer(seconds, work.stop, ["TIMEDOUT"])
    timer.daemon = True
    timer.start()
    work.when_done(lambda outcome: timer.cancel())
