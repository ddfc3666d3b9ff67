"""The watch: looks at the triggers of all jobs when they are due, and starts the runs that they ask for."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.jobs.records import JobRecord, Json, RunRecord
from brickyard.workspace.jobs.triggers.base import Firing, Trigger
from brickyard.workspace.jobs.triggers.making import definition_of, make
from brickyard.workspace.store.triggers import job_triggers
from brickyard.workspace.store.upsert import put

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from brickyard.workspace.workspace import Workspace

__all__ = ["Watch"]

_AGAIN = 30_000  # milliseconds, after a trigger that could not be looked at, or whose run could not be started
_LONGEST_WAIT = 30.0  # seconds; the machine may have slept, or its clock may have been set
_log = logging.getLogger(__name__)


@dataclass
class _Watched:
    """A job's trigger, what it remembers, and when it looks next; nothing where an end of a run decides."""

    trigger: Trigger
    definition: str
    state: Json
    next_at: int | None


class Watch:
    """Keeps the triggers of jobs.

    Args:
        workspace: Whose jobs they are.
        fire: Starts a run of a job, and calls what it is given in the transaction in which the run is written; answers
            the run.
        active: Whether a run of a job is under way or waits.
        sweep: What else is to be done from time to time, with the time.
        clock: The time in epoch milliseconds.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        fire: Callable[[int, Firing, Callable[[Connection], None]], RunRecord],
        active: Callable[[int], bool],
        sweep: Callable[[int], None],
        clock: Callable[[], int],
    ) -> None:
        self._workspace = workspace
        self._fire = fire
        self._active = active
        self._sweep = sweep
        #: The time in epoch milliseconds.
        self.clock = clock
        self._lock = threading.RLock()
        self._watched: dict[int, _Watched] = {}
        self._woken = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def load(self, jobs: Iterable[JobRecord]) -> None:
        """Take over the triggers of all jobs, with what they remember."""
        with self._lock:
            for job in jobs:
                self._set(job, resumed=True)

    def start(self) -> None:
        """Look from now on, whenever something is due."""
        self._thread = threading.Thread(target=self._run, name="job-triggers", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closing = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def changed(self, job: JobRecord) -> None:
        """A job has other settings, or is new; what it had before does not start a run any more."""
        with self._lock:
            self._set(job, resumed=False)
        self._woken.set()

    def forget(self, job_id: int) -> None:
        """A job was deleted."""
        with self._lock:
            self._watched.pop(job_id, None)
            self._erase(job_id)

    def restarted(self, job_id: int) -> None:
        """Somebody starts a job's run by hand: a wait after failures is over."""
        with self._lock:
            watched = self._watched.get(job_id)
            if watched is not None and "failures" in watched.state:
                self._remember(job_id, watched, watched.trigger.begin(self.clock()))

    def shown(self, job_id: int) -> Json:
        """What a job's trigger has seen, as the vendor's `TriggerStateProto`."""
        with self._lock:
            watched = self._watched.get(job_id)
            state = {} if watched is None else watched.state
        if "versions" in state:
            tables = [{"table_name": name, "has_seen_updates": name in state["updated"]} for name in state["versions"]]
            return {"table": {"last_seen_table_states": tables, "using_scalable_monitoring": False}}
        return {"file_arrival": {"using_file_events": False}} if "seen" in state else {}

    def is_continuous(self, job_id: int) -> bool:
        """Whether a run of the job is always to be active."""
        with self._lock:
            watched = self._watched.get(job_id)
            return watched is not None and "failures" in watched.state

    def due(self, job_id: int) -> int | None:
        """When a job's schedule starts its next run, in epoch milliseconds; nothing where no time does."""
        with self._lock:
            watched = self._watched.get(job_id)
            return None if watched is None else watched.state.get("next")

    def run_ended(self, run: RunRecord) -> None:
        """A run has ended."""
        with self._lock:
            watched = self._watched.get(run.job_id)
            if watched is None:
                return
            now = self.clock()
            watched.next_at = now  # whether or not that can be written
            self._remember(run.job_id, watched, watched.trigger.ended(watched.state, run, now))
        self._woken.set()

    def tick(self) -> int | None:
        """Look at what is due, and start the runs; answers when something is due next."""
        with self._lock:
            now = self.clock()
            for job_id, watched in list(self._watched.items()):
                if watched.next_at is not None and watched.next_at <= now:
                    self._try_look(job_id, watched, now)
            due = [one.next_at for one in self._watched.values() if one.next_at is not None]
        self._sweep(now)
        return min(due, default=None)

    def _try_look(self, job_id: int, watched: _Watched, now: int) -> None:
        watched.next_at = now + _AGAIN
        try:
            self._look(job_id, watched, now)
        except ApiError as error:
            _log.warning("the trigger of job %s could not start a run: %s", job_id, error.message)
        except Exception:  # one job's trigger must not end the watch over the others
            _log.exception("the trigger of job %s could not be looked at; trying again", job_id)

    def _look(self, job_id: int, watched: _Watched, now: int) -> None:
        look = watched.trigger.look(watched.state, now, active=self._active(job_id))
        if look.firing is None:
            self._remember(job_id, watched, look.state)
        elif not self._fired(job_id, watched, look.firing, look.state):
            watched.next_at = None  # what it saw is still new; it looks again when a run has ended
            return
        watched.next_at = look.next_at

    def _fired(self, job_id: int, watched: _Watched, firing: Firing, state: Json) -> bool:
        """Start a run, and remember what it is for with it; false where the run was refused and is to come again."""
        try:
            run = self._fire(job_id, firing, lambda connection: self._put(connection, job_id, watched, state))
        except ApiError:
            if not firing.again:
                self._remember(job_id, watched, state)
            raise
        if firing.again and run.state.ended:
            return False
        watched.state = state
        return True

    def _set(self, job: JobRecord, *, resumed: bool) -> None:
        wanted = definition_of(job.settings)
        before = self._watched.pop(job.job_id, None)
        if wanted is None:
            self._erase(job.job_id)
            return
        text, now = json.dumps(wanted, sort_keys=True), self.clock()
        trigger = make(self._workspace, job, wanted)
        stored = self._stored(job.job_id, text)
        if before is not None and before.definition == text:
            kept: Json | None = before.state
        else:
            kept = trigger.resume(stored, now) if resumed and stored is not None else None
        begun = trigger.begin(now) if kept is None else kept
        watched = self._watched[job.job_id] = _Watched(trigger, text, kept or {}, now)
        if kept is None:
            self._remember(job.job_id, watched, begun)  # last, as it may fail, and the job is there all the same

    def _remember(self, job_id: int, watched: _Watched, state: Json) -> None:
        if state == watched.state:
            return
        watched.state = state
        with self._workspace.store.write() as connection:
            self._put(connection, job_id, watched, state)

    def _put(self, connection: Connection, job_id: int, watched: _Watched, state: Json) -> None:
        row = {"job_id": job_id, "definition": watched.definition, "state": json.dumps(state)}
        put(connection, job_triggers, row)

    def _stored(self, job_id: int, definition: str) -> Json | None:
        mine = job_triggers.c.job_id == job_id
        with self._workspace.store.read() as connection:
            row = connection.execute(select(job_triggers).where(mine)).first()
        if row is None or row.definition != definition:
            return None
        state: Json = json.loads(row.state)
        return state

    def _erase(self, job_id: int) -> None:
        with self._workspace.store.write() as connection:
            connection.execute(delete(job_triggers).where(job_triggers.c.job_id == job_id))

    def _run(self) -> None:
        while True:
            self._woken.clear()
            if self._closing:  # read after that, as it is set before the event
                break
            try:
                due = self.tick()
            except Exception:  # a locked database, for one; it must not end the watch over all jobs
                _log.exception("triggers could not be looked at; trying again")
                due = self.clock() + _AGAIN
            wait = _LONGEST_WAIT if due is None else max(0.0, (due - self.clock()) / 1000)
            self._woken.wait(min(wait, _LONGEST_WAIT))
