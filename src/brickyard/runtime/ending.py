"""How the code of a task ends."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Ending", "NotSupported", "NotebookExit", "PythonRestart", "TaskStopped"]


@dataclass(frozen=True)
class Ending:
    """How a task's code ended.

    Attributes:
        error: `Type: message` of what it raised; none where it succeeded.
        trace: The traceback of the user's own frames.
        result: What it gave to `dbutils.notebook.exit`.
        code: The vendor's termination code, where it is not the user's code that failed.
    """

    error: str | None = None
    trace: str | None = None
    result: str | None = None
    code: str | None = None


class NotebookExit(BaseException):
    """Raised by `dbutils.notebook.exit`; no `except Exception` of the notebook catches it."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class PythonRestart(BaseException):
    """Raised by `dbutils.library.restartPython`; the notebook goes on with its next cell."""


class TaskStopped(BaseException):
    """Raised in the main thread when the task is being stopped, so that its `finally` blocks are executed."""


class NotSupported(NotImplementedError, AttributeError):
    """Something that Databricks has and a local workspace has not; the message names it, and `hasattr` is false."""
