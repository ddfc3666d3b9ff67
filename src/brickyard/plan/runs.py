"""Starts a job's run and follows it: states of tasks, their output as it appears, and what failed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from brickyard.errors import RunFailed
from brickyard.plan.connect import Connection, calling

__all__ = ["Listener", "RunResult", "TaskState", "cancel", "follow", "look", "start_run"]

_ENDED = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
_FAST_SECONDS, _SLOW_SECONDS = 0.15, 2.0
_OUTPUT_SECONDS = 0.5
_CANCEL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task of a run, or the run itself, at one moment.

    Args:
        key: The task's key.
        run_id: Its own run id.
        attempt: How often it was tried before.
        life_cycle: `PENDING`, `RUNNING`, `TERMINATED`, ... as the Jobs API says.
        result: `SUCCESS`, `FAILED`, `TIMEDOUT`, `CANCELED`, ... once it ended.
        message: What the workspace says about its state.
        seconds: How long it ran.
    """

    key: str
    run_id: int
    attempt: int
    life_cycle: str
    result: str | None
    message: str
    seconds: float

    @classmethod
    def of(cls, key: str, item: Mapping[str, Any]) -> TaskState:
        """The state of a run or a task as the Jobs API answers it."""
        state = item.get("state") or {}
        milliseconds = item.get("run_duration") or item.get("execution_duration") or 0
        if not milliseconds and item.get("start_time"):
            milliseconds = (item.get("end_time") or time.time() * 1000) - item["start_time"]
        return cls(
            key,
            int(item.get("run_id") or 0),
            int(item.get("attempt_number") or 0),
            str(state.get("life_cycle_state") or "PENDING"),
            state.get("result_state"),
            str(state.get("state_message") or ""),
            max(0.0, milliseconds / 1000),
        )

    @property
    def ended(self) -> bool:
        """Whether its state is final."""
        return self.life_cycle in _ENDED

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.life_cycle == "TERMINATED" and self.result == "SUCCESS"

    @property
    def word(self) -> str:
        """The state in one word."""
        return (self.result or self.life_cycle) if self.ended else self.life_cycle


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Args:
        run: The run itself.
        tasks: The last attempt of every task.
        url: The run's page.
    """

    run: TaskState
    tasks: tuple[TaskState, ...]
    url: str | None


@dataclass(frozen=True, slots=True)
class Listener:
    """Is told what happens in a run; each part may be left out.

    Args:
        started: With the run's id and page, once both are known.
        changed: With a task whose state changed.
        output: With a task's key and a line that it printed.
        failed: With a task that did not succeed, its error and its trace.
    """

    started: Callable[[int, str | None], None] = lambda run_id, url: None
    changed: Callable[[TaskState], None] = lambda task: None
    output: Callable[[str, str], None] = lambda key, line: None
    failed: Callable[[TaskState, str, str], None] = lambda task, error, trace: None


def start_run(connection: Connection, job_id: str, parameters: Mapping[str, str]) -> int:
    """Start a run of a job.

    Args:
        connection: The workspace.
        job_id: The job.
        parameters: Values for the job's parameters.

    Returns:
        The run's id.
    """
    # The token keeps the SDK from starting a second run when it repeats a call whose answer was lost.
    body: dict[str, Any] = {"job_id": int(job_id), "idempotency_token": uuid.uuid4().hex}
    if parameters:
        body["job_parameters"] = dict(parameters)
    with calling("start the job", f"job {job_id}"):
        return int(connection.call("POST", "/api/2.2/jobs/run-now", body=body)["run_id"])


def cancel(connection: Connection, run_id: int) -> RunResult:
    """Cancel a run and wait until it ended.

    Raises:
        RunFailed: It did not end in time; it may go on.
    """
    with calling("cancel the run", f"run {run_id}"):
        connection.call("POST", "/api/2.2/jobs/runs/cancel", body={"run_id": run_id})
    deadline = time.monotonic() + _CANCEL_SECONDS
    while time.monotonic() < deadline:
        result = look(connection, run_id)
        if result.run.ended:
            return result
        time.sleep(_FAST_SECONDS)
    raise RunFailed("the run was cancelled, but it has not ended yet", where=f"run {run_id}", next="look at its page")


def follow(connection: Connection, run_id: int, listener: Listener) -> RunResult:
    """Follow a run until it ended.

    Args:
        connection: The workspace.
        run_id: The run.
        listener: Is told what happens.

    Returns:
        How it ended; a failure is not an error here.
    """
    follower = _Follower(connection, listener)
    result = look(connection, run_id)
    listener.started(run_id, result.url)
    changed_at = time.monotonic()
    while True:
        if follower.take(result):
            changed_at = time.monotonic()
        if result.run.ended:
            follower.finish(result)
            return result
        quiet = time.monotonic() - changed_at
        time.sleep(min(_SLOW_SECONDS, _FAST_SECONDS + quiet / 20))
        result = look(connection, run_id)


@dataclass(slots=True)
class _Follower:
    """Notices what is new between two looks at a run."""

    connection: Connection
    listener: Listener
    _states: dict[tuple[str, int], str] = field(default_factory=dict)
    _printed: dict[int, int] = field(default_factory=dict)
    _done: set[int] = field(default_factory=set)
    _looked: float = 0.0

    def take(self, result: RunResult) -> bool:
        """Report what changed; says whether anything did."""
        changed = False
        is_time = time.monotonic() - self._looked >= _OUTPUT_SECONDS
        if is_time:
            self._looked = time.monotonic()
        for task in result.tasks:
            if task.ended and task.run_id not in self._done:
                self._done.add(task.run_id)
                self._print(task, self._output(task), final=True)
            elif task.life_cycle == "RUNNING" and is_time:
                self._print(task, self._output(task), final=False)
            if self._states.get((task.key, task.attempt)) != task.word:
                self._states[task.key, task.attempt] = task.word
                self.listener.changed(task)
                changed = True
        return changed

    def finish(self, result: RunResult) -> None:
        """Report why tasks failed."""
        for task in result.tasks:
            if task.succeeded or task.result in ("UPSTREAM_FAILED", "UPSTREAM_CANCELED", "EXCLUDED", "DISABLED"):
                continue
            output = self._output(task)
            self.listener.failed(task, str(output.get("error") or task.message), str(output.get("error_trace") or ""))

    def _output(self, task: TaskState) -> dict[str, Any]:
        from databricks.sdk.errors.platform import BadRequest, NotFound

        with calling("read a task's output", f"run {task.run_id}"):
            try:
                return self.connection.call("GET", "/api/2.2/jobs/runs/get-output", query={"run_id": task.run_id})
            except (BadRequest, NotFound):
                # The vendor's service has no output of a task that did not start, or has not ended.
                return {}

    def _print(self, task: TaskState, output: Mapping[str, Any], *, final: bool) -> None:
        text = str(output.get("logs") or "")
        new = text[self._printed.get(task.run_id, 0) :]
        if not final:
            new = new[: new.rfind("\n") + 1]
        self._printed[task.run_id] = self._printed.get(task.run_id, 0) + len(new)
        for line in new.splitlines():
            self.listener.output(task.key, line)
        result = (output.get("notebook_output") or {}).get("result")
        if final and result:
            self.listener.output(task.key, f"result: {result}")


def look(connection: Connection, run_id: int) -> RunResult:
    """A run as it is now, with the last attempt at each task."""
    with calling("look at the run", f"run {run_id}"):
        pages = list(_pages(connection, run_id))
    run = pages[0]
    latest: dict[str, TaskState] = {}
    for page in pages:
        for item in page.get("tasks", ()):
            task = TaskState.of(str(item["task_key"]), item)
            if task.key not in latest or task.attempt >= latest[task.key].attempt:
                latest[task.key] = task
    return RunResult(TaskState.of(str(run.get("run_name", "")), run), tuple(latest.values()), run.get("run_page_url"))


def _pages(connection: Connection, run_id: int) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {"run_id": run_id}
    while True:
        page = connection.call("GET", "/api/2.2/jobs/runs/get", query=query)
        yield page
        if not page.get("next_page_token"):
            return
        query["page_token"] = page["next_page_token"]
