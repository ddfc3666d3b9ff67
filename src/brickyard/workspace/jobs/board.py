"""Where a run stands: its attempts, what may start, what comes next. No threads, no database, no processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from brickyard.workspace.clock import now
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs.graph import advance, run_result
from brickyard.workspace.jobs.records import ITERATIONS, READY_AT, Ids, Json, RunRecord, TaskRecord
from brickyard.workspace.jobs.settings import graph_of
from brickyard.workspace.jobs.states import ENDED, READY, STARTING, State, ended, of_run, of_skip, waiting

__all__ = ["Board", "first_attempts"]

_UNDER_WAY = frozenset({STARTING.life_cycle, "RUNNING", "TERMINATING"})
_STOPPED = frozenset({"CANCELED", "TIMEDOUT", "UPSTREAM_CANCELED"})


def first_attempts(run: RunRecord, ids: Ids) -> list[TaskRecord]:
    """The attempts with which a run is made: one for each task, none of them started."""
    return [TaskRecord(ids.next(), run.run_id, task["task_key"], 0, State("BLOCKED")) for task in run.tasks]


class Board:
    """The state of one run in memory; `changes` says what of it is not written yet.

    Attributes:
        run: The run as it is now.
    """

    def __init__(self, run: RunRecord, tasks: Sequence[TaskRecord], ids: Ids) -> None:
        self.run = run
        self._ids = ids
        self._definitions = {task["task_key"]: task for task in run.tasks}
        self._nodes = graph_of(run.tasks)
        self._attempts = {task.run_id: task for task in tasks}
        self._latest = {task.task_key: task.run_id for task in tasks}
        self._changed: set[int] = set()
        self._added: set[int] = set()

    @property
    def attempts(self) -> list[TaskRecord]:
        """Every attempt, in the order in which they were made."""
        return list(self._attempts.values())

    @property
    def running(self) -> list[TaskRecord]:
        """The attempts that have been started and have not ended."""
        return [task for task in self._last() if task.state.life_cycle in _UNDER_WAY]

    @property
    def ready(self) -> list[TaskRecord]:
        """The attempts that may start now."""
        return [task for task in self._last() if task.state.life_cycle in READY]

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.run.state.ended

    def attempt(self, run_id: int) -> TaskRecord:
        """One attempt by its run id."""
        return self._attempts[run_id]

    def timeout_of(self, task: TaskRecord) -> float:
        """The task's time limit in seconds, 0 where it has none."""
        return float(self._definitions[task.task_key].get("timeout_seconds", 0))

    def begin(self) -> None:
        """The run starts, or goes on after a restart."""
        self.run = replace(self.run, started_at=self.run.started_at or now())
        if self.run.stopping is None:
            self.run = replace(self.run, state=State("RUNNING"))

    def decide(self) -> None:
        """Let what may start be ready, skip what will not run, and end the run where nothing is left."""
        for task in self._last():
            if task.state.life_cycle == "WAITING_FOR_RETRY" and (task.due_at or 0) <= now():
                self._set(replace(task, state=State("PENDING")))
        last = {task.task_key: task for task in self._last()}
        results = {key: task.state.result or "" for key, task in last.items() if task.state.ended}
        begun = {key for key, task in last.items() if task.state.life_cycle != "BLOCKED"}
        step = advance(self._nodes, results, begun, self._outcomes(last))
        for key, result in step.skip.items():
            self._set(replace(last[key], state=of_skip(result), ended_at=now()))
        for key in step.start[: self._room()]:
            self._set(replace(last[key], state=State("PENDING")))
        if all(task.state.ended for task in self._last()):
            self._end()

    def _room(self) -> int | None:
        """How many more tasks may start, where only some of them run at a time; none where it does not matter."""
        most = self.run.settings.get("concurrency") if self.run.run_type == ITERATIONS else None
        waits = ("BLOCKED", *ENDED)
        return None if most is None else max(0, most - sum(t.state.life_cycle not in waits for t in self._last()))

    def _outcomes(self, last: Mapping[str, TaskRecord]) -> dict[str, str]:
        """What the conditions that have ended said."""
        ended = {key: task.outcome for key, task in last.items() if "condition_task" in self._definitions[key]}
        return {key: str(outcome.get("result")) for key, outcome in ended.items() if outcome is not None}

    def definition_of(self, task: TaskRecord) -> Json:
        """The task as the job has it."""
        return self._definitions[task.task_key]

    def waits(self, task: TaskRecord, reason: str) -> None:
        """The attempt could start and waits for others to end."""
        if task.state.life_cycle == "PENDING":
            self._set(replace(task, state=waiting(reason)))

    @property
    def unfinished(self) -> list[TaskRecord]:
        """The attempts that have not ended."""
        return [task for task in self._last() if not task.state.ended]

    def started(self, task: TaskRecord, resolved: Json, state: State) -> None:
        """The attempt is about to run, with these parameters."""
        self._set(replace(task, state=state, started_at=now(), resolved=resolved))

    def placed(self, run_id: int, cluster: Json) -> None:
        """The attempt, which waited for its cluster, has begun on it."""
        task = self._attempts[run_id]
        state = State("RUNNING") if task.state.life_cycle == STARTING.life_cycle else task.state
        self._set(replace(task, state=state, cluster=cluster | {READY_AT: now()}))

    def task_ended(
        self, task: TaskRecord, state: State, outcome: TaskOutcome | None = None, *, final: bool = False
    ) -> None:
        """The attempt has ended; another one follows where the task's retries say so and it is not `final`."""
        at = now()
        as_json = None if outcome is None else outcome.as_dict()
        self._set(replace(task, state=state, started_at=task.started_at or at, ended_at=at, outcome=as_json))
        if final or self.run.stopping is not None or not self._retries(task, state):
            return
        wait = self._definitions[task.task_key].get("min_retry_interval_millis", 0)
        due = (task.started_at or at) + wait  # the vendor counts from the start of the attempt that failed
        following = State("WAITING_FOR_RETRY") if due > at else State("PENDING")
        self._add(TaskRecord(self._ids.next(), self.run.run_id, task.task_key, task.attempt + 1, following, due))

    def stop(self, result: str) -> None:
        """End what has not started, and note that what runs is to stop; the first reason stays."""
        if self.run.stopping is not None or self.ended:
            return
        self.run = replace(self.run, stopping=result, state=State("TERMINATING"))
        for task in self._last():
            self._stop(task, result)

    def stop_task(self, run_id: int, result: str) -> None:
        """As `stop`, for one attempt."""
        task = self._attempts.get(run_id)
        if task is not None:
            self._stop(task, result)

    def refuse_all(self, state: State) -> None:
        """End every task that has not ended; none of them can run."""
        for task in self._last():
            if not task.state.ended:
                self._set(replace(task, state=state, ended_at=now()))

    def abandon(self, message: str) -> None:
        """End the run because the workspace cannot carry it on."""
        self.refuse_all(ended("FAILED", message, life_cycle="INTERNAL_ERROR", code="INTERNAL_ERROR"))
        state = ended("FAILED", message, life_cycle="INTERNAL_ERROR", code="INTERNAL_ERROR")
        self.run = replace(self.run, state=state, ended_at=now())

    def timed_out(self) -> bool:
        """Whether the run is over its time limit and not yet being stopped for it."""
        limit = self._deadline()
        return limit is not None and now() >= limit

    def seconds_until_due(self) -> float | None:
        """How long until the clock alone changes something; none where it does not."""
        due = [task.due_at for task in self._last() if task.state.life_cycle == "WAITING_FOR_RETRY" and task.due_at]
        deadline = self._deadline()
        if deadline is not None:
            due.append(deadline)
        return max(0.0, (min(due) - now()) / 1000) if due else None

    def changes(self) -> tuple[RunRecord, list[TaskRecord], list[TaskRecord]]:
        """The run, the attempts that changed and the attempts that are new since `written` was last called."""
        changed = [self._attempts[run_id] for run_id in sorted(self._changed - self._added)]
        return self.run, changed, [self._attempts[run_id] for run_id in sorted(self._added)]

    def written(self) -> None:
        """What `changes` said is in the store."""
        self._changed.clear()
        self._added.clear()

    def _last(self) -> list[TaskRecord]:
        return [self._attempts[run_id] for run_id in self._latest.values()]

    def _set(self, task: TaskRecord) -> None:
        self._attempts[task.run_id] = task
        self._changed.add(task.run_id)

    def _add(self, task: TaskRecord) -> None:
        self._latest[task.task_key] = task.run_id
        self._added.add(task.run_id)
        self._set(task)

    def _retries(self, task: TaskRecord, state: State) -> bool:
        definition = self._definitions[task.task_key]
        if state.result == "TIMEDOUT" and not definition.get("retry_on_timeout", False):
            return False
        limit = definition.get("max_retries", 0)
        since = self.run.repairs[-1]["id"] if self.run.repairs else 0  # a repair has retries of its own
        made = [one.attempt for one in self._attempts.values() if one.task_key == task.task_key and one.run_id > since]
        return state.result in ("FAILED", "TIMEDOUT") and (limit == -1 or task.attempt - min(made) < limit)

    def _stop(self, task: TaskRecord, result: str) -> None:
        if task.state.ended:
            return
        if task.state.life_cycle in _UNDER_WAY:
            self._set(replace(task, state=State("TERMINATING")))
        else:
            self._set(replace(task, state=of_skip(result), ended_at=now()))

    def _deadline(self) -> int | None:
        limit = self.run.settings.get("timeout_seconds", 0)
        if not limit or self.run.stopping is not None or self.run.started_at is None:
            return None
        begun = self.run.repairs[-1]["start_time"] if self.run.repairs else self.run.started_at
        return int(begun) + int(limit) * 1000

    def _end(self) -> None:
        """The leaves decide, unless the run was stopped before they could."""
        last = self._last()
        results = {task.task_key: task.state.result or "" for task in last}
        result = run_result(self._nodes, results)
        if self.run.stopping is not None and not _STOPPED.isdisjoint(results.values()):
            result = self.run.stopping
        failures = [(task.task_key, task.state) for task in last if task.state.result in ("FAILED", "TIMEDOUT")]
        state = of_run(result, failures, self.run.settings.get("timeout_seconds", 0))
        self.run = replace(self.run, state=state, ended_at=now())
