"""`dbutils.notebook`: other notebooks, this one's end, and the context it runs in."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from typing import Any

from brickyard.runtime import paths
from brickyard.runtime.context import TaskContext
from brickyard.runtime.dbutils.base import Part
from brickyard.runtime.ending import NotebookExit

__all__ = ["EntryPoint", "Notebook", "WorkflowException"]


class WorkflowException(Exception):
    """A notebook that was started by another one failed; programs look for `FAILED` and `TIMEDOUT` in its text."""


class Notebook(Part):
    """Notebooks as functions."""

    _name = "dbutils.notebook"

    def __init__(self, context: TaskContext) -> None:
        self._context = context
        self.entry_point = EntryPoint(context)

    def exit(self, value: Any = "") -> None:
        """End this notebook with a value."""
        raise NotebookExit(str(value))

    def run(self, path: str, timeout_seconds: float = 0, arguments: Mapping[str, Any] | None = None) -> str:
        """Run another notebook and return what it gave to `exit`.

        Args:
            path: The notebook, relative to this one or absolute.
            timeout_seconds: When it is ended; 0 is never.
            arguments: Its parameters.

        Raises:
            WorkflowException: It failed, or did not end in time.
        """
        full = posixpath.join(posixpath.dirname(self._context.source), path)
        texts = {name: str(value) for name, value in (arguments or {}).items()}
        result = self._context.host.run_notebook(paths.full(posixpath.normpath(full)), texts, timeout_seconds)
        if result.error is not None:
            state = "TIMEDOUT" if result.timed_out else "FAILED"
            raise WorkflowException(
                f"com.databricks.NotebookExecutionException: {state}: the notebook {path} failed: {result.error}"
            )
        return result.result or ""

    def getContext(self) -> _Context:
        """The context this notebook runs in."""
        return _Context(self._context)


class _Option:
    """A value that may be missing, as the vendor's context gives it."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def isDefined(self) -> bool:
        return self._value is not None

    def isEmpty(self) -> bool:
        return self._value is None

    def get(self) -> Any:
        if self._value is None:
            raise ValueError("None.get")
        return self._value

    def getOrElse(self, default: Any) -> Any:
        return default if self._value is None else self._value

    def toString(self) -> str:
        return "None" if self._value is None else f"Some({self._value})"

    __repr__ = toString


class _Tags:
    def __init__(self, tags: Mapping[str, str]) -> None:
        self._tags = tags

    def get(self, name: str) -> _Option:
        return _Option(self._tags.get(name))

    def apply(self, name: str) -> str:
        return self._tags[name]

    def contains(self, name: str) -> bool:
        return name in self._tags

    def __repr__(self) -> str:
        return repr(dict(self._tags))


class _Context:
    """The context of a notebook: each function gives an option."""

    def __init__(self, task: TaskContext) -> None:
        self._task = task
        self._values = {
            "apiUrl": task.api_url,
            "apiToken": task.token,
            "browserHostName": task.api_url.partition("://")[2],
            "notebookPath": task.notebook_path,
            "notebookId": str(task.run_id) if task.notebook_path else None,
            "userName": task.user_name,
            "workspaceId": str(task.workspace_id),
            "jobId": str(task.job_id) if task.job_id else None,
            "currentRunId": str(task.run_id) if task.run_id else None,
            "rootRunId": str(task.root_run_id or task.run_id) if task.run_id else None,
            "clusterId": task.cluster_id,
        }

    def tags(self) -> _Tags:
        task = self._task
        tags = {
            "user": task.user_name,
            "orgId": str(task.workspace_id),
            "browserHostName": self._values["browserHostName"],
            "clusterId": task.cluster_id,
            "runId": str(task.run_id),
            "idInJob": str(task.run_id),
            "taskKey": task.task_key,
        }
        if task.job_id:
            tags |= {"jobId": str(task.job_id), "multitaskParentRunId": str(task.job_run_id), "jobType": "NORMAL"}
        return _Tags({name: value for name, value in tags.items() if value})

    def extraContext(self) -> _Tags:
        """What the vendor gives beside the tags."""
        found = {"notebook_path": self._task.notebook_path, "api_url": self._task.api_url}
        return _Tags({name: value for name, value in found.items() if value})

    def toJson(self) -> str:
        """All of it but the token; the run's numbers are objects with an `id`, as the vendor writes them."""
        shown = {name: value for name, value in self._values.items() if name != "apiToken"}
        run = {"id": self._task.run_id} if self._task.run_id else None
        root = {"id": self._task.root_run_id or self._task.run_id} if run else None
        more: dict[str, Any] = {"tags": self.tags()._tags, "extraContext": self.extraContext()._tags}
        more |= {"currentRunId": run, "rootRunId": root}
        return json.dumps(shown | more)

    def safeToJson(self) -> str:
        """What the vendor shows to code that may not see the whole context: one level, under `attributes`."""
        values = {name: value for name, value in self._values.items() if name != "apiToken"}
        notebook = {"notebook_path": self._task.notebook_path, "notebook_id": self._values["notebookId"]}
        return json.dumps({"attributes": values | dict(self.tags()._tags) | notebook})

    def __getattr__(self, name: str) -> Any:
        if name not in self.__dict__.get("_values", {}):
            raise AttributeError(f"the context of a local workspace's notebook has no {name!r}")
        return lambda: _Option(self._values[name])


class EntryPoint:
    """The way to the context that programs use which know the vendor's Java objects."""

    def __init__(self, task: TaskContext) -> None:
        self._task = task

    def getCurrentBindings(self) -> dict[str, str]:
        """The parameters that the notebook was given."""
        arguments = self._task.arguments
        return dict(arguments) if isinstance(arguments, Mapping) else {}

    def getDbutils(self) -> EntryPoint:
        """The same utilities, as the vendor's Java object."""
        return self

    def notebook(self) -> EntryPoint:
        """The utilities for notebooks."""
        return self

    def getContext(self) -> _Context:
        """The context of the running notebook."""
        return _Context(self._task)
