"""How tasks end that do not come to their own end, in the words that users know from the service."""

from __future__ import annotations

import signal

from brickyard.workspace.compute.client import Exit
from brickyard.workspace.compute.tasks import NO_RESULT, TaskHandle, TaskOutcome

__all__ = [
    "CANCELED",
    "LIBRARY_ERROR",
    "failed",
    "library_failure",
    "not_installed",
    "of_exit",
    "out_of_memory",
    "shown",
    "stopped",
]

LIBRARY_ERROR = "LIBRARY_INSTALLATION_ERROR"
CANCELED = "Run cancelled."
_UNRESPONSIVE = "Fatal error: The Python kernel is unresponsive. The Python process exited with"
_OUT_OF_MEMORY = "This may have been caused by an OOM error. Check your command's memory usage."


def failed(message: str, code: str | None = None) -> TaskOutcome:
    """A failure with a reason; the code is the vendor's, where it is not the user's code that failed."""
    return TaskOutcome("FAILED", message, error=message, code=code)


def not_installed(why: str) -> TaskOutcome:
    """The end of a task whose libraries could not be installed."""
    return failed(library_failure(why), LIBRARY_ERROR)


def library_failure(why: str, library: str = "") -> str:
    """What is said where libraries could not be installed, or this one."""
    which = f" for {library}" if library else ""
    return f"Library installation failed for library due to user error{which}. Error messages:\n{why}"


def of_exit(end: Exit) -> TaskOutcome:
    """The end of a task whose process is gone without a word."""
    return failed(_reason(end), "DRIVER_ERROR")


def stopped(handle: TaskHandle) -> TaskOutcome:
    """The end of a task that was stopped."""
    if handle.stopping == "FAILED":
        return failed(handle.why, handle.code)
    if handle.stopping == "TIMEDOUT":
        limit = handle.spec.timeout_seconds
        own = f"Run timed out after {limit:g} seconds."
        return TaskOutcome("TIMEDOUT", own if limit else "The job run that it belongs to timed out.")
    return TaskOutcome("CANCELED", CANCELED)


def _reason(end: Exit) -> str:
    if end.error is not None:
        return f"The task was not started: {end.error}."
    if end.code is None:
        return "The process that executes tasks has ended."
    if end.code == NO_RESULT:
        return "The task's result could not be written: perhaps the disk is full."
    if end.code >= 0:
        return f"{_UNRESPONSIVE} exit code {end.code} before the task came to its end."
    number = signal.Signals(-end.code)
    return _by_signal(number) + (f" {_OUT_OF_MEMORY}" if number == signal.SIGKILL else "")


def _by_signal(number: signal.Signals) -> str:
    """The service counts as a shell does: 137 and 139 are known by its users."""
    return f"{_UNRESPONSIVE} exit code {128 + number} ({number.name}: {signal.strsignal(number)})."


def out_of_memory(used: int, why: str) -> str:
    """What is said of a task that was ended because of the memory that it used."""
    return f"{_by_signal(signal.SIGKILL)} {_OUT_OF_MEMORY} It used {shown(used)}; {why}."


def shown(size: int) -> str:
    """A size of memory for people."""
    return f"{size / (1 << 30):.1f} GB" if size >= 1 << 30 else f"{size / (1 << 20):.0f} MB"
