"""The page of a job, and jobs and runs in lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.workspace.clock import now
from brickyard.workspace.files.git import shown_url
from brickyard.workspace.jobs.records import JobRecord
from brickyard.workspace.jobs.run_store import RunFilter
from brickyard.workspace.rendering.format import when
from brickyard.workspace.ui.page import Page
from brickyard.workspace.ui.run_rows import RunRow, number_of, run_row
from brickyard.workspace.ui.task_graph import drawing
from brickyard.workspace.ui.task_rows import Pair, starter, task_row

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["JobRow", "job", "job_rows", "run_rows"]

_RUNS = 50
_REFRESH_SECONDS = 3


@dataclass(frozen=True)
class JobRow:
    """A job, as a line of a list."""

    job_id: int
    name: str
    tasks: int
    schedule: str
    last: RunRow | None


def job_rows(workspace: Workspace, principal: Principal, limit: int) -> list[JobRow]:
    """The newest jobs that a principal may see, each with its last run."""
    rows = []
    for record in workspace.jobs.page(principal, name=None, before=None, offset=0, limit=limit):
        last = run_rows(workspace, record.job_id, 1, principal)
        tasks = len(record.settings.get("tasks", []))
        rows.append(
            JobRow(record.job_id, record.settings["name"], tasks, starter(record.settings), last[0] if last else None)
        )
    return rows


def run_rows(workspace: Workspace, job_id: int | None, limit: int, principal: Principal) -> list[RunRow]:
    """The newest runs that a principal may see, of one job or of all."""
    wanted = RunFilter(job_id=job_id, only=workspace.jobs.visible_to(principal))
    return [run_row(one) for one in workspace.jobs.runs(wanted, limit)]


def job(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """What a job does, and its runs."""
    record = workspace.jobs.get(number_of(path["job"], "job"))
    workspace.identity.permissions.require(principal, workspace.jobs.securable(record.job_id), "CAN_VIEW")
    runs = run_rows(workspace, record.job_id, _RUNS, principal)
    tasks = record.settings.get("tasks", [])
    rows = [task_row(one) for one in tasks]
    values = {
        "description": record.settings.get("description", ""),
        "facts": _facts(workspace, record),
        "created_at": record.created_at,
        "parameters": [(one["name"], one["default"]) for one in record.settings.get("parameters", [])],
        "tasks": rows,
        "drawing": drawing(tasks, {one.key: one.kind for one in rows}),
        "runs": runs,
    }
    name, busy = record.settings["name"], any(not one.ended for one in runs)
    return Page("job.html", name, "Job", (("Jobs", "/"),), values, _REFRESH_SECONDS if busy else None)


def _facts(workspace: Workspace, record: JobRecord) -> list[Pair]:
    settings = record.settings
    due = workspace.jobs.triggers.due(record.job_id)
    source = settings.get("git_source", {})
    limit = settings.get("timeout_seconds")
    tags = settings.get("tags", {})
    return [
        ("Job ID", str(record.job_id)),
        ("Created by", record.creator or "somebody who was deleted"),
        ("Runs as", record.run_as or "nobody: its owner was deleted"),
        ("Starts", starter(settings) or "when somebody starts it"),
        ("Next", when(due) if due and due > now() else ""),
        ("Runs at once", str(settings.get("max_concurrent_runs", 1))),
        ("Time limit", f"{limit} s" if limit else ""),
        ("Repository", shown_url(source.get("git_url", ""))),
        ("Tags", ", ".join(f"{name}: {value}" if value else name for name, value in tags.items())),
    ]
