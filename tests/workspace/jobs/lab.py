"""A workspace in this process whose compute does as the test says: the scheduler's real parts, without processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.client import Exit
from brickyard.workspace.compute.tasks import RESULT_FILE, TaskHandle, TaskOutcome, TaskSpec
from brickyard.workspace.jobs import Jobs
from brickyard.workspace.jobs.records import RunRecord, TaskRecord
from brickyard.workspace.store import Store
from brickyard.workspace.workspace import Workspace
from tests.support import wait_for

CLUSTER = {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 1}
Behaviour = Callable[[TaskSpec], TaskOutcome | None]
OK = TaskOutcome("SUCCESS")
BROKEN = TaskOutcome("FAILED", "Workload failed, see run output for details", error="ValueError: no", error_trace="t")


class Memory:
    """Room for as many tasks as the test says."""

    def __init__(self) -> None:
        self.rooms = 1000

    def room(self, held: int) -> int:
        return self.rooms

    def tick(self) -> None:
        """Set by the scheduler."""


class ScriptedCompute:
    """Ends each task as its behaviour says; without an outcome the task runs until the test or a stop ends it."""

    def __init__(self) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.started: list[TaskSpec] = []
        self.handles: dict[str, TaskHandle] = {}
        self.most_at_once = 0
        self.memory = Memory()
        self.deaf = False  # a stop is asked for and does not come
        self._lock = threading.Lock()
        self._running = 0

    def warm_up(self) -> None:
        """Nothing is slow to start."""

    def start_engine(
        self, own: Any, heard: Callable[[dict[str, Any]], None], ended: Callable[[Exit], None]
    ) -> tuple[Callable[[], None], Callable[[dict[str, Any]], None]]:
        """The engine of a cluster, which runs at once."""
        heard({"port": 1, "pid": 1})
        return lambda: ended(Exit(0)), lambda said: None

    def environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """What processes of a cluster have."""
        return dict(own)

    def rest(self) -> None:
        """There is no process that could."""

    def start_task(self, spec: TaskSpec) -> TaskHandle:
        handle = TaskHandle(spec, self._kill)
        with self._lock:
            self.started.append(spec)
            self.handles[spec.task_key] = handle
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        outcome = self.behaviours.get(spec.task_key, lambda _: OK)(spec)
        if outcome is not None:
            self.finish(spec.task_key, outcome)
        return handle

    def finish(self, task_key: str, outcome: TaskOutcome = OK) -> None:
        """End a task that runs."""
        with self._lock:
            self._running -= 1
        self.handles[task_key].finish(outcome)

    def keys(self) -> list[str]:
        """The tasks that were started, in order."""
        return [spec.task_key for spec in self.started]

    def given(self) -> list[dict[str, str]]:
        """The named parameters that the tasks were started with, in order."""
        return [dict(spec.parameters) for spec in self.started if isinstance(spec.parameters, Mapping)]

    def _kill(self, handle: TaskHandle) -> None:
        if handle.stopping is not None and not self.deaf:
            self.finish(handle.spec.task_key, TaskOutcome(handle.stopping))


class LabWorkspace(Workspace):
    """A workspace with scripted compute."""

    scripted: ScriptedCompute

    @property
    def compute(self) -> Any:
        return self.scripted


class Lab:
    """One workspace directory, in which the jobs service can be started, left and started again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.compute = ScriptedCompute()
        self.start()

    def start(self) -> None:
        """Start a process's worth of services on what the directory holds."""
        (self.root / "data").mkdir(exist_ok=True)
        store = Store(self.root / "workspace.db")
        self.workspace = LabWorkspace(
            name="lab", root=self.root, url="http://127.0.0.1:1", workspace_id=77, store=store
        )
        self.workspace.scripted = self.compute
        self.owner = self.workspace.identity.owner

    @property
    def jobs(self) -> Jobs:
        """The service."""
        return self.workspace.jobs

    def die(self) -> None:
        """Lose everything but the directory, as a kill would."""
        self.workspace.close()
        self.compute = ScriptedCompute()

    def job(self, *tasks: Mapping[str, Any], **settings: Any) -> int:
        """Make a job."""
        return self.jobs.create({"name": "lab", "tasks": list(tasks), **settings}, self.owner)

    def run(self, job_id: int, **request: Any) -> int:
        """Start a run."""
        return self.jobs.run_now({"job_id": job_id, **request}, self.owner).run_id

    def ended(self, run_id: int) -> RunRecord:
        """The run, once it has ended."""
        wait_for(lambda: self.jobs.run(run_id)[0].state.ended)
        return self.jobs.run(run_id)[0]

    def done(self, *tasks: Mapping[str, Any], **settings: Any) -> tuple[RunRecord, dict[str, TaskRecord]]:
        """Make a job, run it to its end, and answer the run and the last attempt at each task."""
        run = self.ended(self.run(self.job(*tasks, **settings)))
        return run, self.last(run.run_id)

    def last(self, run_id: int) -> dict[str, TaskRecord]:
        """The last attempt at each task."""
        return {task.task_key: task for task in self.jobs.tasks(run_id)}

    def running(self, task_key: str) -> TaskHandle:
        """The handle of a task, once it runs."""
        return wait_for(lambda: self.compute.handles.get(task_key))

    def leave_result(self, run_id: int, outcome: TaskOutcome) -> None:
        """Write what a task that ended leaves behind."""
        import json

        directory = self.root / "runs" / str(run_id)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / RESULT_FILE).write_text(json.dumps(outcome.as_dict()))


def task(key: str, *depends_on: str, **more: Any) -> dict[str, Any]:
    """A notebook task."""
    needs = {"depends_on": [{"task_key": one} for one in depends_on]} if depends_on else {}
    return {"task_key": key, "notebook_task": {"notebook_path": f"/nb/{key}"}} | needs | more
