"""Runs and task runs in the database: each call is one transaction, durable when it returns."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, bindparam, delete, func, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.jobs.notices import ended_in_time, notices
from brickyard.workspace.jobs.records import ITERATIONS, WORKFLOW_RUN, Json, RunRecord, RunRequest, TaskRecord
from brickyard.workspace.jobs.states import State
from brickyard.workspace.notifications import outbox
from brickyard.workspace.store.jobs import jobs, runs, task_runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.store import Store

__all__ = ["RunFilter", "RunStore"]


@dataclass(frozen=True)
class RunFilter:
    """Which runs a listing shows. Times are epoch milliseconds."""

    job_id: int | None = None
    active: bool | None = None
    run_type: str | None = None
    started_from: int | None = None
    started_to: int | None = None
    before: int | None = None
    after: int | None = None
    offset: int = 0
    only: Sequence[int] | None = None  # of these jobs


DELETED = "DELETED"  # what is left of a deleted run that has an idempotency token
_IS_THERE = runs.c.life_cycle != DELETED


class RunStore:
    """Keeps runs and the attempts at their tasks.

    Args:
        store: The workspace's database.
        changed: Called where there may be something to tell, once it is written.
    """

    def __init__(self, store: Store, changed: Callable[[], None]) -> None:
        self._store = store
        self.changed = changed
        self._held: dict[int, tuple[RunRecord, list[TaskRecord]]] = {}

    def hold(self, run: RunRecord, tasks: list[TaskRecord]) -> None:
        """Answer these until they can be saved, so that nobody waits for the end of a run that has ended."""
        self._held[run.run_id] = run, tasks

    def save(self, run: RunRecord | None, tasks: Iterable[TaskRecord] = (), added: Iterable[TaskRecord] = ()) -> None:
        """Write what changed of a run and its tasks, and attempts that are new, in one step."""
        with self._store.write() as connection:
            tells = save_runs(connection, [run] if run else [], list(tasks), list(added))
        if tells:
            self.changed()
        if run is not None:
            self._held.pop(run.run_id, None)

    def get(self, run_id: int) -> tuple[RunRecord, list[TaskRecord]]:
        """A run with the attempts at its tasks; also by the run id of one attempt, then with that one only.

        Raises:
            InvalidParameterValue: There is no such run.
        """
        for run, attempts in list(self._held.values()):
            mine = [task for task in attempts if run_id in (run.run_id, task.run_id)]
            if mine:
                return run, mine
        with self._store.read() as connection:
            row = connection.execute(select(runs).where(runs.c.run_id == run_id, _IS_THERE)).first()
            if row is not None:
                return _run(row), _tasks(connection, run_id)
            task = connection.execute(select(task_runs).where(task_runs.c.run_id == run_id)).first()
            if task is None:
                raise InvalidParameterValue(f"Run {run_id} does not exist.")
            row = connection.execute(select(runs).where(runs.c.run_id == task.job_run_id)).one()
            return _run(row), [_task(task)]

    def page(self, wanted: RunFilter, limit: int) -> list[RunRecord]:
        """Runs, newest first."""
        shown = runs.c.run_type != ITERATIONS
        order = runs.c.run_id.desc() if wanted.after is None else runs.c.run_id
        query = select(runs).where(_IS_THERE, shown).order_by(order).offset(wanted.offset).limit(limit)
        if wanted.job_id is None:
            gone = select(jobs.c.job_id).where(~jobs.c.listed)
            query = query.where((runs.c.run_type != "JOB_RUN") | runs.c.job_id.not_in(gone))
        else:
            query = query.where(runs.c.job_id == wanted.job_id)
        bounds: tuple[tuple[Any, Any, Callable[[Any, Any], Any]], ...] = (
            (wanted.active, runs.c.active, operator.eq),
            (wanted.run_type, runs.c.run_type, operator.eq),
            (wanted.started_from, runs.c.created_at, operator.ge),
            (wanted.started_to, runs.c.created_at, operator.le),
            (wanted.before, runs.c.run_id, operator.lt),
            (wanted.after, runs.c.run_id, operator.gt),
        )
        query = query.where(*(holds(column, given) for given, column, holds in bounds if given is not None))
        if wanted.only is not None:
            query = query.where(runs.c.job_id.in_(wanted.only))
        with self._store.read() as connection:
            found = [_run(row) for row in connection.execute(query)]
        found = found if wanted.after is None else found[::-1]
        held = dict(self._held)
        return [held[run.run_id][0] if run.run_id in held else run for run in found]

    def tasks(self, run_id: int) -> list[TaskRecord]:
        """The attempts at a run's tasks, in the order in which they were made."""
        held = self._held.get(run_id)
        if held is not None:
            return held[1]
        with self._store.read() as connection:
            return _tasks(connection, run_id)

    def successes(self, job_id: int, task_key: str, limit: int) -> list[TaskRecord]:
        """The last attempts at a job's task that ended well, newest first."""
        wanted = (
            runs.c.job_id == job_id,
            task_runs.c.task_key == task_key,
            _IS_THERE,
            task_runs.c.outcome.is_not(None),
        )
        query = select(task_runs).join(runs, runs.c.run_id == task_runs.c.job_run_id).where(*wanted)
        with self._store.read() as connection:
            found = [_task(row) for row in connection.execute(query.order_by(task_runs.c.run_id.desc()).limit(limit))]
        return [task for task in found if task.state.result == "SUCCESS"]

    def children(self, attempts: Sequence[int]) -> dict[int, tuple[RunRecord, list[TaskRecord]]]:
        """The runs that attempts at tasks have started, by attempt, each with the attempts at its own tasks."""
        with self._store.read() as connection:
            found = [_run(row) for row in connection.execute(select(runs).where(runs.c.parent.in_(attempts)))]
            return {run.parent or 0: (run, _tasks(connection, run.run_id)) for run in found}

    def active(self) -> list[RunRecord]:
        """Every run that has not ended, oldest first."""
        with self._store.read() as connection:
            query = select(runs).where(runs.c.active).order_by(runs.c.run_id)
            return [_run(row) for row in connection.execute(query)]

    def queued(self, job_id: int, connection: Connection) -> list[RunRecord]:
        """A job's runs that wait for an earlier one, oldest first."""
        query = select(runs).where(runs.c.job_id == job_id, runs.c.active, runs.c.life_cycle == "QUEUED")
        return [_run(row) for row in connection.execute(query.order_by(runs.c.run_id))]

    def waiting_since(self, before: int) -> list[int]:
        """The runs that wait in a queue and were made before a time in epoch milliseconds."""
        mine = (runs.c.active, runs.c.life_cycle == "QUEUED", runs.c.created_at < before)
        with self._store.read() as connection:
            return list(connection.execute(select(runs.c.run_id).where(*mine).order_by(runs.c.run_id)).scalars())

    def is_active(self, job_id: int) -> bool:
        """Whether a run of a job has not ended."""
        with self._store.read() as connection:
            return active(connection, job_id) > 0

    def parts(self, run_id: int) -> list[int]:
        """The ids of a run, of the iterations and notebooks of its tasks, and of the attempts at all of their tasks."""
        with self._store.read() as connection:
            mine = [one.run_id for one in _whole(connection, run_id)]
            attempts = select(task_runs.c.run_id).where(task_runs.c.job_run_id.in_(_ids_of_whole(run_id)))
            return [*mine, *connection.execute(attempts).scalars()]

    def delete(self, run_id: int) -> list[int]:
        """Forget a run but its idempotency token, with the iterations and notebooks of its tasks.

        Returns:
            The jobs of notebooks, which are forgotten, too.
        """
        with self._store.write() as connection:
            whole, mine = _whole(connection, run_id), runs.c.run_id == run_id
            of_notebooks = [one for one in whole if one.run_type == WORKFLOW_RUN]
            each: BindParameter[int] = bindparam("its_id")
            ids = [{"its_id": one.run_id} for one in whole]
            connection.execute(delete(task_runs).where(task_runs.c.job_run_id == each), ids)
            kept = mine & runs.c.idempotency.is_not(None)
            connection.execute(delete(runs).where(runs.c.run_id == each, ~kept), ids)
            connection.execute(update(runs).where(mine).values(life_cycle=DELETED, settings="{}"))
            if of_notebooks:
                gone = [{"its_id": one.job_id} for one in of_notebooks]
                connection.execute(delete(jobs).where(jobs.c.job_id == each), gone)
        return [int(one.job_id) for one in of_notebooks]

    def last_id(self) -> int:
        """The highest run id in use, 0 where there is none."""
        with self._store.read() as connection:
            highest = [connection.execute(select(func.max(table.c.run_id))).scalar() for table in (runs, task_runs)]
        return max(one or 0 for one in highest)


def running(connection: Connection, job_id: int) -> int:
    """How many of a job's runs have started and not ended."""
    own = (runs.c.job_id == job_id, runs.c.run_type != ITERATIONS)
    query = select(func.count()).where(*own, runs.c.active, runs.c.life_cycle != "QUEUED")
    return int(connection.execute(query).scalar_one())


def active(connection: Connection, job_id: int) -> int:
    """How many of a job's runs have not ended; those that wait count."""
    query = select(func.count()).where(runs.c.job_id == job_id, runs.c.run_type != ITERATIONS, runs.c.active)
    return int(connection.execute(query).scalar_one())


def by_idempotency(connection: Connection, key: str) -> RunRecord | None:
    """The run that was made with an idempotency token.

    Raises:
        InvalidParameterValue: It was deleted.
    """
    row = connection.execute(select(runs).where(runs.c.idempotency == key)).first()
    if row is not None and row.life_cycle == DELETED:
        raise InvalidParameterValue(f"The run {row.run_id} with this idempotency_token was deleted; use another token.")
    return None if row is None else _run(row)


def add_run(connection: Connection, run: RunRecord, tasks: Sequence[TaskRecord]) -> None:
    """Write a new run and the first attempts at its tasks."""
    fixed = {
        "job_id": run.job_id,
        "name": run.name,
        "creator": run.creator,
        "run_as": run.run_as,
        "run_type": run.run_type,
        "settings": json.dumps(run.settings),
        "idempotency": run.idempotency,
        "created_at": run.created_at,
        "trigger": json.dumps({"type": run.trigger, "info": run.trigger_info}),
        "parent": run.parent,
    }
    outbox.put(connection, notices(connection, run, [], []))
    connection.execute(insert(runs).values(run_id=run.run_id, **fixed, **_run_changes(run)))
    save_runs(connection, [], [], tasks)


def add_repair(connection: Connection, run: RunRecord, tasks: Sequence[TaskRecord]) -> None:
    """Write a run that goes on with other settings, and new attempts at its tasks."""
    mine = runs.c.run_id == run.run_id
    connection.execute(update(runs).where(mine).values(settings=json.dumps(run.settings)))
    save_runs(connection, [run], [], tasks)


def save_runs(
    connection: Connection, changed: Sequence[RunRecord], tasks: Sequence[TaskRecord], added: Sequence[TaskRecord]
) -> bool:
    """Write changes of runs and tasks in the given transaction; answers whether there is something to tell."""
    told = [one for run in changed for one in notices(connection, run, tasks, added)]
    outbox.put(connection, told)
    for run in changed:
        outbox.unwatch(connection, ended_in_time(run, tasks))
        connection.execute(update(runs).where(runs.c.run_id == run.run_id).values(**_run_changes(run)))
    if tasks:
        values = [{"its_id": task.run_id, **_task_changes(task)} for task in tasks]
        connection.execute(update(task_runs).where(task_runs.c.run_id == bindparam("its_id")), values)
    if added:
        fixed = ("run_id", "job_run_id", "task_key", "attempt")
        new = [{name: getattr(task, name) for name in fixed} | _task_changes(task) for task in added]
        connection.execute(insert(task_runs), new)
    return bool(told)


def _run_changes(run: RunRecord) -> dict[str, Any]:
    return {
        "request": json.dumps(asdict(run.request)),
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "state": json.dumps(asdict(run.state)),
        "life_cycle": run.state.life_cycle,
        "active": not run.state.ended,
        "stopping": run.stopping,
        "token_id": run.token_id,
        "repairs": json.dumps(run.repairs) if run.repairs else None,
    }


def _task_changes(task: TaskRecord) -> dict[str, Any]:
    return {
        "state": json.dumps(asdict(task.state)),
        "due_at": task.due_at,
        "started_at": task.started_at,
        "ended_at": task.ended_at,
        "resolved": None if task.resolved is None else json.dumps(task.resolved),
        "outcome": None if task.outcome is None else json.dumps(task.outcome),
        "cluster": None if task.cluster is None else json.dumps(task.cluster),
    }


def _ids_of_whole(run_id: int) -> Any:
    """Selects a run, and the iterations and notebooks that its tasks have executed, at any depth."""
    found = select(runs.c.run_id).where(runs.c.run_id == run_id).cte("whole", recursive=True)
    inner = select(runs.c.run_id).join(task_runs, runs.c.parent == task_runs.c.run_id)
    inner = inner.join(found, task_runs.c.job_run_id == found.c.run_id)
    return select(found.union_all(inner.where(runs.c.run_type.in_((ITERATIONS, WORKFLOW_RUN)))).c.run_id)


def _whole(connection: Connection, run_id: int) -> Sequence[Any]:
    mine = runs.c.run_id.in_(_ids_of_whole(run_id))
    return connection.execute(select(runs.c.run_id, runs.c.job_id, runs.c.run_type).where(mine)).all()


def _tasks(connection: Connection, run_id: int) -> list[TaskRecord]:
    query = select(task_runs).where(task_runs.c.job_run_id == run_id).order_by(task_runs.c.run_id)
    return [_task(row) for row in connection.execute(query)]


def _run(row: Any) -> RunRecord:
    request = json.loads(row.request)
    trigger: Json = json.loads(row.trigger) if row.trigger else {"type": "ONE_TIME", "info": {}}
    return RunRecord(
        run_id=row.run_id,
        job_id=row.job_id,
        name=row.name,
        creator=row.creator,
        run_as=row.run_as,
        run_type=row.run_type,
        request=RunRequest(**request | {"only": tuple(request["only"])}),
        settings=json.loads(row.settings),
        created_at=row.created_at,
        state=State(**json.loads(row.state)),
        idempotency=row.idempotency,
        started_at=row.started_at,
        ended_at=row.ended_at,
        stopping=row.stopping,
        token_id=row.token_id,
        trigger=trigger["type"],
        trigger_info=trigger["info"],
        parent=row.parent,
        repairs=tuple(json.loads(row.repairs)) if row.repairs else (),
    )


def _task(row: Any) -> TaskRecord:
    return TaskRecord(
        run_id=row.run_id,
        job_run_id=row.job_run_id,
        task_key=row.task_key,
        attempt=row.attempt,
        state=State(**json.loads(row.state)),
        due_at=row.due_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        resolved=None if row.resolved is None else json.loads(row.resolved),
        outcome=None if row.outcome is None else json.loads(row.outcome),
        cluster=None if row.cluster is None else json.loads(row.cluster),
    )
