"""States of runs and tasks, with the words the vendor uses for them.

Source: the wire enums of `databricks.sdk.service.jobs`, and answers of the service quoted in public issue trackers:
a run with a failed task is INTERNAL_ERROR/FAILED, the task itself TERMINATED/FAILED.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from brickyard.workspace.compute.tasks import TaskOutcome

__all__ = [
    "DOWNSTREAM_SKIPPED",
    "ENDED",
    "INTERRUPTED",
    "QUEUED_HOURS",
    "READY",
    "STARTING",
    "State",
    "expired",
    "of_outcome",
    "of_run",
    "of_skip",
    "queue_full",
    "queued",
    "skipped_run",
    "waiting",
]

#: The states of an attempt that may start.
READY = frozenset({"PENDING", "QUEUED"})
ENDED = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})
_LONGEST_MESSAGE = 4096
#: https://docs.databricks.com/jobs/advanced.html
QUEUED_HOURS = 48
INTERRUPTED = "The workspace stopped while this task was running, and its result is not known."
WORKLOAD_FAILED = "Workload failed, see run output for details"
DOWNSTREAM_SKIPPED = "This caused all downstream tasks to get skipped."
_SKIPPED_MESSAGES = {
    "UPSTREAM_FAILED": "This task was skipped because a task it depends on failed.",
    "UPSTREAM_CANCELED": "This task was skipped because a task it depends on was canceled.",
    "EXCLUDED": "This task was skipped because its Run if condition was not met.",
    "DISABLED": "This task was not executed because it, or a task that it needs, is disabled.",
    "CANCELED": "Run cancelled.",
    "TIMEDOUT": "Run timed out before this task could start.",
}
_CODES = {
    "SUCCESS": "SUCCESS",
    "SUCCESS_WITH_FAILURES": "SUCCESS_WITH_FAILURES",
    "CANCELED": "USER_CANCELED",
    "TIMEDOUT": "CANCELED",
    "FAILED": "RUN_EXECUTION_ERROR",
    "UPSTREAM_FAILED": "SKIPPED",
    "UPSTREAM_CANCELED": "SKIPPED",
    "EXCLUDED": "SKIPPED",
    "DISABLED": "DISABLED",
    "MAXIMUM_CONCURRENT_RUNS_REACHED": "MAX_CONCURRENT_RUNS_EXCEEDED",
}


@dataclass(frozen=True)
class State:
    """Where a run or a task is.

    Attributes:
        life_cycle: The vendor's `life_cycle_state`, or STARTING while a task waits for its cluster.
        result: The vendor's `result_state`, once it has ended.
        message: One sentence for people.
        code: The vendor's termination code, once it has ended; of what is queued, the vendor's code for the reason.
    """

    life_cycle: str
    result: str | None = None
    message: str = ""
    code: str | None = None

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.life_cycle in ENDED

    @property
    def shown(self) -> str:
        """The vendor's `life_cycle_state`."""
        return "PENDING" if self.life_cycle == "STARTING" else self.life_cycle


#: A task that waits for its cluster; shown as PENDING.
STARTING = State("STARTING", message="Waiting for cluster")


def ended(result: str, message: str = "", *, life_cycle: str = "TERMINATED", code: str | None = None) -> State:
    """An end with the given result; the code follows from it unless it is known better."""
    return State(life_cycle, result, message, code or _CODES[result])


def of_outcome(outcome: TaskOutcome, timeout_seconds: float = 0) -> State:
    """The state of a task that was started; a code says that it is not the user's code that failed."""
    if outcome.state == "FAILED":
        life_cycle = "INTERNAL_ERROR" if outcome.code else "TERMINATED"
        message = outcome.message or WORKLOAD_FAILED
        if len(message) > _LONGEST_MESSAGE:  # all of it is in the run's output
            message = f"{message[:_LONGEST_MESSAGE]}..."
        return ended("FAILED", message, life_cycle=life_cycle, code=outcome.code)
    if outcome.state == "TIMEDOUT":
        return ended("TIMEDOUT", outcome.message or f"Run timed out after {timeout_seconds:g} seconds.")
    if outcome.state == "CANCELED":
        return ended("CANCELED", outcome.message or "Run cancelled.")
    return ended("SUCCESS", outcome.message)


def refused(message: str, code: str) -> State:
    """The end of a task that could not be started."""
    return ended("FAILED", message, life_cycle="INTERNAL_ERROR", code=code)


def of_skip(result: str) -> State:
    """The state of a task that was decided without running."""
    return ended(result, _SKIPPED_MESSAGES[result])


def of_run(result: str, failures: Sequence[tuple[str, State]], timeout_seconds: float = 0) -> State:
    """The state of a run whose tasks have ended; `failures` are the tasks that failed by themselves."""
    if result == "FAILED":
        key, state = failures[0]
        failed = f"Task {key} failed with message: {state.message.rstrip('.')}."
        message = f"{failed} {DOWNSTREAM_SKIPPED}"
        if len(failures) > 1:
            others = ", ".join(key for key, _ in failures[1:])
            message += f" Also failed: {others}."
        return ended("FAILED", message, life_cycle="INTERNAL_ERROR", code=state.code)
    if result == "TIMEDOUT":
        return ended(
            "TIMEDOUT", f"Run timed out after {timeout_seconds:g} seconds." if timeout_seconds else "A task timed out."
        )
    return ended(result, {"CANCELED": "Run cancelled.", "DISABLED": "All tasks are disabled."}.get(result, ""))


def queued(limit: int) -> State:
    """The state of a run that waits for an earlier one."""
    return State("QUEUED", message=f"Queued due to reaching maximum concurrent runs of {limit}.")


def waiting(reason: str) -> State:
    """The state of a task that waits for others to end."""
    return State("QUEUED", message=reason, code="ACTIVE_RUNS_LIMIT_REACHED")


def expired() -> State:
    """The end of a run that waited in the queue for longer than runs may."""
    message = f"Run skipped because it waited in the queue for {QUEUED_HOURS} hours, the longest that a run can wait."
    return ended("MAXIMUM_CONCURRENT_RUNS_REACHED", message, life_cycle="SKIPPED")


def queue_full(limit: int) -> State:
    """The end of a run for which there was no room in its job's queue."""
    message = f"Run skipped because {limit} runs of the job wait in its queue already."
    code = "MAX_JOB_QUEUE_SIZE_EXCEEDED"
    return ended("MAXIMUM_CONCURRENT_RUNS_REACHED", message, life_cycle="SKIPPED", code=code)


def skipped_run(limit: int) -> State:
    """The end of a run that the job's limit did not let start, where the job has no queue."""
    message = f"Run skipped because the job's maximum concurrent runs of {limit} were reached."
    return ended("MAXIMUM_CONCURRENT_RUNS_REACHED", message, life_cycle="SKIPPED")
