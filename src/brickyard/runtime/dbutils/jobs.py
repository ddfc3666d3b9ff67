"""`dbutils.jobs.taskValues`: small values that a task hands to later tasks of its run."""

from __future__ import annotations

import json
from typing import Any

from brickyard.runtime.context import TaskContext
from brickyard.runtime.dbutils.base import Part

__all__ = ["Jobs", "TaskValues"]

_LIMIT = 48 * 1024  # https://docs.databricks.com/jobs/task-values.html
_MOST = 250
_MISSING: Any = object()


class TaskValues(Part):
    """Values by task and key."""

    _name = "dbutils.jobs.taskValues"

    def __init__(self, context: TaskContext) -> None:
        self._context = context

    def set(self, key: str, value: Any) -> None:
        """Set a value, which JSON must be able to hold, of at most 48 KiB; 250 of them at most."""
        text = json.dumps(value)
        if len(text.encode()) > _LIMIT:
            raise ValueError(f"the task value {key!r} has {len(text)} bytes; at most {_LIMIT} are allowed")
        if key not in self._context.task_values and len(self._context.task_values) >= _MOST:
            raise ValueError(f"the task value {key!r} is one too many; a task sets {_MOST} at most")
        self._context.task_values[key] = json.loads(text)

    def get(self, taskKey: str, key: str, default: Any = _MISSING, debugValue: Any = _MISSING) -> Any:
        """A value that an earlier task of this run has set.

        Outside a job it is `debugValue`, which must be given there.
        """
        if self._context.job_id == 0 and not self._context.upstream:
            if debugValue is _MISSING:
                raise TypeError(
                    "Must pass debugValue when calling get outside of a job context. debugValue cannot be None."
                )
            return debugValue
        values = self._context.upstream.get(taskKey)
        if values is not None and key in values:
            return values[key]
        if default is not _MISSING:
            return default
        known = ", ".join(self._context.upstream) or "none"
        raise ValueError(f"the task {taskKey!r} has set no value {key!r}; tasks before this one: {known}")


class Jobs(Part):
    """Utilities for jobs."""

    _name = "dbutils.jobs"

    def __init__(self, context: TaskContext) -> None:
        self.taskValues = TaskValues(context)

    def help(self, name: str | None = None) -> None:
        """Show what there is."""
        self.taskValues.help(name)
