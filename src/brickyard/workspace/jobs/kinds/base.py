"""What a kind of task is to the runs: it is checked when a job is made, and prepared and started in a run.

A kind runs in a process of the compute service, or in the workspace itself (a condition, the run of another job). One
that runs in the workspace takes no place of those for processes, so that what it waits for can run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from brickyard.workspace.compute.tasks import TaskOutcome, TaskState
from brickyard.workspace.jobs.records import Json, RunRecord, TaskRecord
from brickyard.workspace.jobs.references import Scope

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Faulty", "Finished", "Kind", "Prepared", "Start", "Work"]


class Faulty(Exception):
    """A task cannot be started as it is configured.

    Attributes:
        code: The vendor's termination code.
    """

    def __init__(self, message: str, code: str = "INVALID_RUN_CONFIGURATION") -> None:
        super().__init__(message)
        self.code = code


class Work(Protocol):
    """A task that runs; `TaskHandle` of the compute service is one."""

    def when_done(self, callback: Callable[[TaskOutcome], None]) -> None:
        """Call `callback` with the outcome, on any thread; at once where it is there."""

    def stop(self, state: TaskState) -> None:
        """Stop it for the given reason; returns at once, the outcome follows."""


class Finished:
    """Work that was done when it was started.

    Args:
        outcome: How it ended.
    """

    def __init__(self, outcome: TaskOutcome) -> None:
        self._outcome = outcome

    def when_done(self, callback: Callable[[TaskOutcome], None]) -> None:
        """Tell the outcome at once."""
        callback(self._outcome)

    def stop(self, state: TaskState) -> None:
        """There is nothing left to stop."""


@dataclass(frozen=True)
class Start:
    """An attempt at a task that is about to start.

    Attributes:
        workspace: Whose it is.
        run: Its run.
        task: The attempt.
        definition: The task as the job has it.
        scope: What references in it mean.
        upstream: The task values of the tasks that have ended, by task key.
        token: What the task authenticates with.
        principal: Whose rights it has.
    """

    workspace: Workspace
    run: RunRecord
    task: TaskRecord
    definition: Json
    scope: Scope
    upstream: Mapping[str, Mapping[str, object]]
    token: str
    principal: Principal


@dataclass(frozen=True)
class Prepared:
    """A task that can be started.

    Attributes:
        resolved: The vendor's record of the parameters that it is given (`ResolvedValues`).
        launch: Starts it.
        waits: Whether what is launched waits for a cluster before the task begins.
    """

    resolved: Json
    launch: Callable[[], Work]
    waits: bool = False


class Kind(Protocol):
    """A kind of task.

    Attributes:
        name: The field of the vendor's `Task` that holds it: `notebook_task`.
        in_process: Whether it takes one of the places for processes.
        survives: Whether it goes on, when it is launched again, where it was when the workspace ended.
    """

    name: str
    in_process: bool
    survives: bool

    def check(self, key: str, work: Json) -> None:
        """Refuse what such a task could not do.

        Raises:
            InvalidParameterValue: Names the task, the field and what is expected.
        """

    def prepare(self, start: Start) -> Prepared:
        """What to start for an attempt.

        Raises:
            Faulty: It cannot be started as it is configured.
            UnknownReference: A reference in it names nothing.
        """
