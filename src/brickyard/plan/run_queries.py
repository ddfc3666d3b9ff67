"""What is known of runs: lists of them, their output and their cells; and repairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.errors import UsageError
from brickyard.plan.connect import Connection, calling
from brickyard.plan.exported_notebooks import to_jupyter
from brickyard.plan.runs import RunResult, TaskState

__all__ = ["ListedRun", "exported", "list_runs", "logs", "repair", "task_of"]

_PAGE = 25


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run in a list.

    Args:
        run: How it is.
        job_id: Its job.
        started_at: When it was asked for, in epoch milliseconds.
        trigger: What started it.
    """

    run: TaskState
    job_id: int
    started_at: int
    trigger: str


def list_runs(connection: Connection, job: str | None, limit: int, *, active: bool = False) -> list[ListedRun]:
    """Runs, newest first.

    Args:
        connection: The workspace.
        job: Only runs of this job: its id, or its name.
        limit: How many at most.
        active: Only those that have not ended.
    """
    query: dict[str, Any] = {"limit": min(limit, _PAGE)}
    if job is not None:
        query["job_id"] = job if job.isdigit() else _job_named(connection, job)
    if active:
        query["active_only"] = "true"
    found: list[ListedRun] = []
    with calling("list the runs", f"job {job}" if job else None):
        for item in _items(connection, query):
            found.append(_listed(item))
            if len(found) == limit:
                break
    return found


def _items(connection: Connection, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    while True:
        page = connection.call("GET", "/api/2.2/jobs/runs/list", query=query)
        yield from page.get("runs", ())
        if not page.get("next_page_token"):
            return
        query["page_token"] = page["next_page_token"]


def _listed(item: Mapping[str, Any]) -> ListedRun:
    state = TaskState.of(str(item.get("run_name") or ""), item)
    return ListedRun(state, int(item.get("job_id") or 0), int(item.get("start_time") or 0), str(item.get("trigger")))


def _job_named(connection: Connection, name: str) -> int:
    with calling("find the job", f"job {name}"):
        jobs = connection.call("GET", "/api/2.2/jobs/list", query={"name": name}).get("jobs", ())
    if len(jobs) != 1:
        what = "there is no job" if not jobs else f"there are {len(jobs)} jobs"
        raise UsageError(f"{what} called '{name}'", next="name the job by its id")
    return int(jobs[0]["job_id"])


def task_of(result: RunResult, key: str | None) -> Sequence[TaskState]:
    """The tasks of a run that are meant: the one of that key, or all.

    Raises:
        UsageError: It has no such task.
    """
    chosen = [task for task in result.tasks if key in (None, task.key)]
    if not chosen:
        keys = ", ".join(task.key for task in result.tasks)
        raise UsageError(f"the run has no task '{key}'", where=f"run {result.run.run_id}", next=f"its tasks: {keys}")
    return chosen


def logs(connection: Connection, task: TaskState) -> dict[str, Any]:
    """What a task's last attempt printed, returned or failed with, as the vendor's `RunOutput`."""
    with calling("read the output", f"run {task.run_id}"):
        return connection.call("GET", "/api/2.2/jobs/runs/get-output", query={"run_id": task.run_id})


def exported(connection: Connection, task: TaskState, form: str = "html") -> list[tuple[str, str]]:
    """The notebooks of a task with the results of their cells: names, and contents as `html` or `ipynb`.

    A loop has those of its iterations; a task that is no notebook has none.
    """
    found: list[tuple[str, str]] = []
    with calling("export the run", f"run {task.run_id}"):
        for run_id in _notebook_runs(connection, task.run_id):
            query = {"run_id": run_id, "views_to_export": "ALL"}
            views = connection.call("GET", "/api/2.2/jobs/runs/export", query=query).get("views", ())
            found += [(str(view.get("name") or task.key), str(view.get("content") or "")) for view in views]
    return [(name, to_jupyter(page)) for name, page in found] if form == "ipynb" else found


def _notebook_runs(connection: Connection, run_id: int) -> Iterator[int]:
    """The runs of notebooks that a task's run is or has; what is not known to be of another kind is one."""
    query: dict[str, Any] = {"run_id": run_id}
    while True:
        run = connection.call("GET", "/api/2.2/jobs/runs/get", query=query)
        for one in run.get("iterations", ()):
            if "notebook_task" in one:
                yield int(one["run_id"])
        if "page_token" not in query and _is_notebook(run, run_id):
            yield run_id
        if not run.get("next_page_token"):
            return
        query["page_token"] = run["next_page_token"]


def _is_notebook(run: Mapping[str, Any], run_id: int) -> bool:
    parts = [run, *(one for one in run.get("tasks", ()) if one.get("run_id") == run_id)]
    kinds = [key for one in parts for key in (*one, *one.get("task", {})) if key.endswith("_task")]
    return not kinds or "notebook_task" in kinds


def repair(connection: Connection, run_id: int, keys: Sequence[str], *, dependents: bool = False) -> int:
    """Run tasks of a run again, as a part of it; without keys, those that failed. Answers the repair's id."""
    with calling("repair the run", f"run {run_id}"):
        run = connection.call("GET", "/api/2.2/jobs/runs/get", query={"run_id": run_id, "include_history": "true"})
        earlier = [item["id"] for item in run.get("repair_history", ()) if item.get("id")]
        body: dict[str, Any] = {"run_id": run_id}
        body |= {"rerun_tasks": list(keys)} if keys else {"rerun_all_failed_tasks": True}
        body |= {"rerun_dependent_tasks": True} if dependents else {}
        body |= {"latest_repair_id": earlier[-1]} if earlier else {}
        return int(connection.call("POST", "/api/2.2/jobs/runs/repair", body=body)["repair_id"])
