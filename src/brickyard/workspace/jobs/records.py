"""What is known of jobs, runs and the runs of tasks."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.clock import now
from brickyard.workspace.jobs.states import State

__all__ = [
    "ITERATIONS",
    "READY_AT",
    "WORKFLOW_RUN",
    "Ids",
    "JobRecord",
    "Json",
    "RunRecord",
    "RunRequest",
    "TaskRecord",
]

Json = dict[str, Any]
#: The type of a run of a task's iterations, which is shown with the task.
ITERATIONS = "FOR_EACH"
#: The type of a run of a notebook that a task has started.
WORKFLOW_RUN = "WORKFLOW_RUN"
#: When a task began on its cluster, in epoch milliseconds.
READY_AT = "ready_at"


@dataclass(frozen=True)
class JobRecord:
    """A job.

    Attributes:
        creator: Who made it; empty where that one was deleted since.
        run_as: Whose rights its runs have; empty where its owner was deleted.
        settings: The vendor's `JobSettings` as JSON, with its defaults filled in.
        listed: Whether it is shown: it was not deleted, and not made for a run that was submitted once.
    """

    job_id: int
    creator: str
    run_as: str
    created_at: int
    settings: Json
    listed: bool = True


@dataclass(frozen=True)
class RunRequest:
    """What a caller asked of one run.

    Attributes:
        parameters: The job's parameters for this run: name to value, defaults included.
        overriding: What `run-now` was given, as the vendor's `RunParameters`.
        job_parameters: The job parameters that `run-now` was given.
        only: The tasks to run; all where it is empty.
        upstream: The task values of tasks before the run, by task key, where it is of a task's iterations.
        commit: The commit that its code is from, where the job has a Git source; known once the run has begun.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    overriding: Json = field(default_factory=dict)
    job_parameters: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    upstream: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    commit: str = ""


@dataclass(frozen=True)
class RunRecord:
    """A run of a job, or of tasks that were submitted once.

    Attributes:
        creator: Who asked for it; empty where that one was deleted since.
        run_type: `JOB_RUN`, `SUBMIT_RUN`, or `FOR_EACH` for the iterations of a task.
        trigger: What started it, as the vendor's `TriggerType`.
        trigger_info: More about that, as the vendor's `TriggerInfo`.
        parent: The attempt at a task that started this run and waits for it.
        repairs: Its repairs, oldest first, as the vendor's `RepairHistoryItem`.
    """

    run_id: int
    job_id: int
    name: str
    creator: str
    run_as: str
    run_type: str
    request: RunRequest
    settings: Json
    created_at: int
    state: State
    idempotency: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    stopping: str | None = None
    token_id: str | None = None
    trigger: str = "ONE_TIME"
    trigger_info: Json = field(default_factory=dict)
    parent: int | None = None
    repairs: tuple[Json, ...] = ()

    @property
    def tasks(self) -> list[Json]:
        """The tasks that this run runs; dependencies on tasks that it leaves out are dropped."""
        tasks: list[Json] = self.settings.get("tasks", [])
        only = self.request.only
        if not only:
            return tasks
        return [_without(task, only) for task in tasks if task["task_key"] in only]

    @property
    def job_run_id(self) -> int:
        """The run of the job: of iterations, the one that the loop is a task of."""
        return int(self.trigger_info["run_id"]) if self.run_type == ITERATIONS else self.run_id

    def definition(self, task: TaskRecord) -> Json:
        """The task, as the settings have it, of which one of this run's attempts is."""
        found: Json = next(one for one in self.settings["tasks"] if one["task_key"] == task.task_key)
        return found


def _without(task: Json, only: tuple[str, ...]) -> Json:
    kept = [one for one in task.get("depends_on", []) if one["task_key"] in only]
    rest = {name: value for name, value in task.items() if name != "depends_on"}
    return rest | ({"depends_on": kept} if kept else {})


@dataclass(frozen=True)
class TaskRecord:
    """One attempt at a task.

    Attributes:
        due_at: When a retry may start.
        resolved: The parameters it was started with.
        outcome: How it ended (`TaskOutcome` as JSON).
        cluster: The cluster that it was on, as the vendor's `ClusterInstance`, and when it began there (`READY_AT`).
    """

    run_id: int
    job_run_id: int
    task_key: str
    attempt: int
    state: State
    due_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    resolved: Json | None = None
    outcome: Json | None = None
    cluster: Json | None = None


class Ids:
    """Numbers for jobs and runs: unique, rising, and exact in JSON readers that know only floating point."""

    def __init__(self, last: int = 0) -> None:
        self._last = last
        self._lock = threading.Lock()

    def next(self) -> int:
        """The next number, about a thousand times the time in milliseconds."""
        with self._lock:
            self._last = max(self._last + 1, now() * 1000)
            return self._last
