"""What a task is to the compute service: its specification, its outcome, and a handle on it while it runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from brickyard.runtime.regular_files import read_regular

__all__ = [
    "CELLS_FILE",
    "NO_RESULT",
    "OUTPUT_FILE",
    "RESULT_FILE",
    "TASK_FILE",
    "TaskHandle",
    "TaskKind",
    "TaskOutcome",
    "TaskSpec",
    "TaskState",
    "read_outcome",
]

TaskKind = Literal["notebook", "spark_python", "python_wheel", "dbt", "sql_warehouse", "repl"]
TaskState = Literal["SUCCESS", "FAILED", "TIMEDOUT", "CANCELED"]

#: The files in a run's directory: the specification (without its token and secrets), what the task printed (redacted,
#: written while it runs), the notebook's cells with their outputs, and the outcome, written last and in one step.
TASK_FILE, OUTPUT_FILE, CELLS_FILE, RESULT_FILE = "task.json", "output.log", "cells.json", "result.json"
#: The exit code of a process that could not write its result: EX_IOERR of sysexits.h.
NO_RESULT = 74
#: What of a specification is not written anywhere.
_HANDED_OVER = ("token", "secrets", "remote")


@dataclass(frozen=True)
class TaskSpec:
    """One task to execute.

    Attributes:
        run_id: The task's own run.
        job_id: The job it belongs to; 0 for a run that was submitted once.
        job_run_id: The run of the whole job.
        task_key: Its name in the job.
        kind: What it is; a `sql_warehouse` executes statements until it is stopped, a `repl` commands.
        source: The notebook's workspace path; the Python file's path (`/Workspace/..`, `/Volumes/..`, `dbfs:/..`);
            `package:entry_point` of a wheel; or the directory of a dbt project.
        parameters: A notebook's base parameters (widgets); a Python file's arguments; a wheel's arguments as a
            list, or as a mapping, which becomes `--key=value`; the commands of dbt.
        libraries: Requirements for pip, and paths of wheels in the workspace.
        task_values: What the tasks before it set, by task key.
        mounts: Where prefixes of paths that only this task has are on this machine.
        environment: Environment variables of the task; a value that is a key of `secrets` stands for that secret.
        spark_conf: Properties of its Spark session, likewise.
        secrets: Values of secrets by the reference that stands for each; they are handed over in memory only.
        user_name: On whose behalf it runs.
        token: What it authenticates with; it is handed over in memory only.
        directory: The run's directory; it is made where it is missing.
        timeout_seconds: After this long the task is killed and ends as TIMEDOUT; 0 is no limit.
        cluster_id: The cluster that it runs on; none where it has an engine of its own.
        remote: Where that cluster's Spark engine listens (`sc://...`), with a token: handed over in memory only.
        search_path: Directories with that cluster's libraries.
        records_notebooks: Whether the notebooks that it runs are recorded as runs.
        notes_uses: Whether it leaves a note of what it has read and written (`brickyard.runtime.uses`).
    """

    run_id: int
    job_id: int
    job_run_id: int
    task_key: str
    kind: TaskKind
    source: str
    user_name: str
    token: str = field(repr=False)
    directory: Path
    parameters: Mapping[str, str] | Sequence[str] = ()
    libraries: tuple[str, ...] = ()
    task_values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 0
    cluster_id: str = ""
    remote: str = field(default="", repr=False)
    search_path: tuple[str, ...] = ()
    notes_uses: bool = False
    records_notebooks: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The specification as JSON can hold it, without the token and the secrets."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _HANDED_OVER}
        parameters = self.parameters
        return plain | {
            "directory": str(self.directory),
            "parameters": dict(parameters) if isinstance(parameters, Mapping) else list(parameters),
            "libraries": list(self.libraries),
            "search_path": list(self.search_path),
            "task_values": {key: dict(values) for key, values in self.task_values.items()},
            "mounts": dict(self.mounts),
            "environment": dict(self.environment),
            "spark_conf": dict(self.spark_conf),
        }

    def revealed(self, values: Mapping[str, str]) -> dict[str, str]:
        """The environment or the Spark properties with the secrets that they refer to."""
        return {name: self.secrets.get(value, value) for name, value in values.items()}


@dataclass(frozen=True)
class TaskOutcome:
    """How a task ended. Nothing in it contains a secret's value.

    Attributes:
        state: How it ended.
        message: One sentence for the run's state message; empty where it succeeded.
        result: What `dbutils.notebook.exit` was given.
        truncated: Whether `result` was cut to the vendor's limit.
        error: `Type: message` of what was raised.
        error_trace: The traceback, of the user's own frames, without terminal colours.
        task_values: What the task set with `dbutils.jobs.taskValues.set`.
        code: The vendor's termination code, where it is not the user's code that failed.
    """

    state: TaskState
    message: str = ""
    result: str | None = None
    truncated: bool = False
    error: str | None = None
    error_trace: str | None = None
    task_values: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the task did what it should."""
        return self.state == "SUCCESS"

    def as_dict(self) -> dict[str, Any]:
        """The outcome as `result.json` holds it."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return plain | {"task_values": dict(self.task_values)}


class _Killer(Protocol):
    def __call__(self, handle: TaskHandle) -> None: ...


class TaskHandle:
    """A task that runs, or has run.

    Attributes:
        spec: What was started.
        heard: Called with what the process says while it runs.
        pid: The task's process; none before it is started, as while its libraries are being installed.
        pids: That process, and those that were forked for it: its Spark engine, other notebooks.
        end_process: Ends the process, at once where it is given `True`; none before it is asked for. For the compute
            service.
        why: Why it is being stopped, where that is a failure.
        code: The vendor's termination code for that.
        tell: Tells the process something; none before it is asked for.
    """

    def __init__(self, spec: TaskSpec, kill: _Killer, heard: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.spec = spec
        self.heard = heard
        self.pid: int | None = None
        self.pids: list[int] = []
        self.end_process: Callable[[bool], None] | None = None
        self.tell: Callable[[dict[str, Any]], None] | None = None
        self.why = self.code = ""
        self._kill = kill
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._outcome: TaskOutcome | None = None
        self._callbacks: list[Callable[[TaskOutcome], None]] = []
        self._stopping: TaskState | None = None

    def started(self, pid: int) -> None:
        """A process was started for the task; the first is the task's own."""
        self.pid = self.pid or pid
        self.pids.append(pid)

    @property
    def log(self) -> Path:
        """What the task has printed so far."""
        return self.spec.directory / OUTPUT_FILE

    @property
    def stopping(self) -> TaskState | None:
        """`CANCELED`, `TIMEDOUT` or `FAILED` once the task is being stopped."""
        return self._stopping

    @property
    def outcome(self) -> TaskOutcome | None:
        """The outcome; none while the task runs."""
        return self._outcome

    def wait(self, timeout: float | None = None) -> TaskOutcome | None:
        """Wait for the end, at most `timeout` seconds; none where it still runs then."""
        self._done.wait(timeout)
        return self._outcome

    def when_done(self, callback: Callable[[TaskOutcome], None]) -> None:
        """Call `callback` with the outcome, on a thread of the compute service; at once where it is there."""
        with self._lock:
            if self._outcome is None:
                self._callbacks.append(callback)
                return
        callback(self._outcome)

    def cancel(self) -> None:
        """Stop the task and every process it started; returns at once, the outcome follows."""
        self.stop("CANCELED")

    def stop(self, state: TaskState, why: str = "", code: str = "DRIVER_ERROR") -> None:
        """Stop the task for the given reason; the first reason stays, and an outcome that is there stays too."""
        with self._lock:
            if self._outcome is not None or self._stopping is not None:
                return
            self._stopping, self.why, self.code = state, why, code
        self._kill(self)

    def finish(self, outcome: TaskOutcome) -> None:
        """Set the outcome, once; for the compute service."""
        with self._lock:
            if self._outcome is not None:
                return
            self._outcome = outcome
            callbacks, self._callbacks = self._callbacks, []
        self._done.set()
        for callback in callbacks:
            callback(outcome)


def read_outcome(directory: Path) -> TaskOutcome | None:
    """The outcome that a run's directory holds; none where the task did not come to its end."""
    path = directory / RESULT_FILE
    try:
        return TaskOutcome(**json.loads(read_regular(path)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:  # whatever the task left there, its run ends
        message = f"The task's result cannot be read: {type(error).__name__}: {error}"
        return TaskOutcome("FAILED", message, error=message)
