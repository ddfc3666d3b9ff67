"""The task that this process executes, as the runtime's parts see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from brickyard.runtime.redaction import Redactor

__all__ = ["Host", "NotebookResult", "TaskContext", "current", "enter"]


@dataclass(frozen=True)
class NotebookResult:
    """How a notebook ended that another one started.

    Attributes:
        error: `Type: message` of what it raised, or why it could not run; none where it succeeded.
        result: What it gave to `dbutils.notebook.exit`.
        timed_out: Whether it was ended as it took too long.
    """

    error: str | None = None
    result: str | None = None
    timed_out: bool = False


class Host(Protocol):
    """What the process that executes a task offers to the code that runs in it."""

    def start_engine(self, search_path: Sequence[str]) -> str:
        """Start the task's Spark engine, and say where it listens (`sc://...`)."""

    def run_notebook(self, path: str, arguments: Mapping[str, str], timeout_seconds: float) -> NotebookResult:
        """Run another notebook in a process of its own and wait for its end."""

    def install(self, requirements: Sequence[str]) -> str:
        """Install libraries for the rest of this task; what the installer said."""

    def uninstall(self, names: Sequence[str]) -> str:
        """Remove libraries that this task has installed; what became of each."""

    def hide(self, secret: str) -> None:
        """Take this value out of everything the task prints from now on."""

    def outdated(self) -> bool:
        """Whether what is installed now replaces something that this interpreter, or its parent, has imported."""

    def renew(self, kept: Mapping[str, Any]) -> None:
        """Go on in a fresh interpreter of this process, whose task has `kept`."""


@dataclass
class TaskContext:
    """What is known about the running task.

    Attributes:
        api_url: Where the workspace listens, for example `http://127.0.0.1:8700`.
        token: What the task authenticates with.
        workspace_id: The vendor's workspace (organisation) id.
        user_name: On whose behalf it runs.
        job_id: The job; 0 where there is none.
        job_run_id: The job's run.
        run_id: The task's run, or that of the notebook that the task has started.
        root_run_id: The task's run in either case.
        task_key: The task's name in the job.
        kind: `notebook`, `spark_python` or `python_wheel`.
        source: The notebook's or file's path, or the wheel's entry point.
        arguments: A notebook's base parameters, or the arguments of a program.
        mounts: Where `/Workspace`, `/Volumes` and `/dbfs` are on this machine.
        directory: The run's directory.
        search_path: Directories with the task's libraries; they come first on `sys.path`.
        host: What the executing process offers.
        redactor: What takes secrets out of text.
        upstream: Task values of earlier tasks, by task key.
        task_values: Task values that this task has set.
        spark_conf: Properties of the Spark session.
        git_folder: The Git folder that the code is in.
        notes_uses: Whether it is noted what the task reads and writes (`uses.json`).
        kept: What an earlier interpreter of this process has left for this one (`Host.renew`).
        cluster: The id of the cluster that it runs on, whose Spark engine it shares with others; empty where its
            engine is its own.
    """

    api_url: str
    token: str
    workspace_id: int
    user_name: str
    job_id: int
    job_run_id: int
    run_id: int
    task_key: str
    kind: str
    source: str
    arguments: Mapping[str, str] | Sequence[str]
    mounts: Mapping[str, Path]
    directory: Path
    search_path: Sequence[str]
    host: Host
    redactor: Redactor
    upstream: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    task_values: dict[str, Any] = field(default_factory=dict)
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    git_folder: str | None = None
    notes_uses: bool = False
    cluster: str = ""
    kept: Mapping[str, Any] = field(default_factory=dict)
    root_run_id: int = 0

    @property
    def cluster_id(self) -> str:
        """What a program is told that asks for its cluster: where there is none, each run has a place of its own."""
        return self.cluster or f"local-{self.job_run_id or self.run_id}"

    @property
    def notebook_path(self) -> str | None:
        """The notebook's path as the workspace API shows it; none where the task is no notebook."""
        return self.source.removeprefix("/Workspace") if self.kind == "notebook" else None


_current: list[TaskContext] = []


def enter(context: TaskContext) -> None:
    """Make this the task of the process; a process executes one."""
    _current[:] = [context]


def current() -> TaskContext:
    """The task of this process.

    Raises:
        RuntimeError: The process executes none.
    """
    if not _current:
        raise RuntimeError("this process executes no Databricks task, so there is no dbutils, display or spark in it")
    return _current[0]
