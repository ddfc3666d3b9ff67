"""The pages of a job and of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import NotFound
from brickyard.workspace.jobs.records import RunRecord, TaskRecord, now
from brickyard.workspace.jobs.run_store import RunFilter
from brickyard.workspace.jobs.states import State
from brickyard.workspace.ui.outputs import task_output
from brickyard.workspace.ui.page import Crumb, Page

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["JobRow", "RunRow", "job", "job_rows", "run", "run_rows"]

_RUNS = 50
_REFRESH_SECONDS = 3
_LARGEST_ID = 2**63 - 1
_KINDS = {
    "notebook_task": ("notebook", "notebook_path"),
    "spark_python_task": ("Python file", "python_file"),
    "python_wheel_task": ("wheel", "entry_point"),
}


@dataclass(frozen=True)
class RunRow:
    """A run or an attempt at a task, as a line of a list. Times are epoch milliseconds.

    Attributes:
        offset: Where it began, in percent of the whole run's time.
        share: How long it took, in percent of the whole run's time.
    """

    run_id: int
    job_id: int
    name: str
    state: str
    message: str
    ended: bool
    started_at: int | None
    duration: int | None
    attempt: int = 0
    detail: str = ""
    error: str = ""
    trace: str = ""
    offset: float = 0
    share: float = 0


@dataclass(frozen=True)
class JobRow:
    """A job, as a line of a list."""

    job_id: int
    name: str
    tasks: int
    schedule: str
    last: RunRow | None


@dataclass(frozen=True)
class TaskRow:
    """A task as a job defines it."""

    key: str
    kind: str
    source: str
    after: str
    parameters: list[tuple[str, str]]


def job_rows(workspace: Workspace, principal: Principal, limit: int) -> list[JobRow]:
    """The newest jobs that a principal may see, each with its last run."""
    rows = []
    for record in workspace.jobs.page(principal, name=None, before=None, offset=0, limit=limit):
        last = run_rows(workspace, record.job_id, 1, principal)
        tasks = len(record.settings.get("tasks", []))
        rows.append(
            JobRow(record.job_id, record.settings["name"], tasks, _schedule(record.settings), last[0] if last else None)
        )
    return rows


def run_rows(workspace: Workspace, job_id: int | None, limit: int, principal: Principal) -> list[RunRow]:
    """The newest runs that a principal may see, of one job or of all."""
    wanted = RunFilter(job_id=job_id, only=workspace.jobs.visible_to(principal))
    return [_run_row(one) for one in workspace.jobs.runs(wanted, limit)]


def job(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """What a job does, and its runs."""
    record = workspace.jobs.get(_number(path["job"], "job"))
    workspace.identity.permissions.require(principal, workspace.jobs.securable(record.job_id), "CAN_VIEW")
    runs = run_rows(workspace, record.job_id, _RUNS, principal)
    facts = [
        ("Job ID", str(record.job_id)),
        ("Created by", record.creator or "somebody who was deleted"),
        ("Runs as", record.run_as or "nobody: its owner was deleted"),
        ("Schedule", _schedule(record.settings) or "none; runs when it is started"),
        ("Runs at once", str(record.settings.get("max_concurrent_runs", 1))),
    ]
    if tags := record.settings.get("tags"):
        facts.append(("Tags", ", ".join(f"{name}: {value}" if value else name for name, value in tags.items())))
    values = {
        "description": record.settings.get("description", ""),
        "facts": facts,
        "created_at": record.created_at,
        "parameters": [(one["name"], one["default"]) for one in record.settings.get("parameters", [])],
        "tasks": [_task_row(one) for one in record.settings.get("tasks", [])],
        "runs": runs,
        "name": record.settings["name"],
    }
    busy = any(not one.ended for one in runs)
    return Page(
        "job.html",
        record.settings["name"],
        "Job",
        (("Jobs", "/"),),
        values,
        _REFRESH_SECONDS if busy else None,
    )


def run(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """How a run went: its tasks, and the output where there is one task only."""
    wanted = _number(path["run"], "run")
    workspace.identity.permissions.require(principal, workspace.jobs.securable_of_run(wanted), "CAN_VIEW")
    record, attempts = workspace.jobs.run(wanted)
    if record.job_id != _number(path["job"], "job"):
        raise NotFound(f"Job {path['job']} has no run {wanted}.")
    only = attempts[0] if wanted != record.run_id else None  # the address names one attempt at a task
    shown = only or (attempts[-1] if len({task.task_key for task in attempts}) == 1 else None)
    definitions = {task["task_key"]: task for task in record.settings.get("tasks", [])}
    whole = _run_row(record)
    values = {
        "run": whole if only is None else _attempt_row(record, only, definitions),
        "record": record,
        "is_task": only is not None,
        "tasks": [_attempt_row(record, task, definitions) for task in attempts],
        "parameters": _parameters(record, shown),
        "output": None if shown is None else task_output(workspace, shown.run_id),
        "key": shown.task_key if shown else "",
    }
    ended = whole.ended if only is None else only.state.ended
    title = record.name if only is None else only.task_key
    return Page(
        "run.html",
        title,
        "Job run" if only is None else "Task run",
        _way_to(record, only),
        values,
        None if ended else _REFRESH_SECONDS,
    )


def _way_to(record: RunRecord, attempt: TaskRecord | None) -> tuple[Crumb, ...]:
    way: tuple[Crumb, ...] = (("Jobs", "/"),)
    if record.run_type == "JOB_RUN":
        way += ((record.name, f"/jobs/{record.job_id}"),)
    if attempt is not None:
        way += ((f"Run {record.run_id}", f"/jobs/{record.job_id}/runs/{record.run_id}"),)
    return way


def _run_row(record: RunRecord) -> RunRow:
    return RunRow(
        run_id=record.run_id,
        job_id=record.job_id,
        name=record.name,
        state=_state(record.state),
        message=record.state.message,
        ended=record.state.ended,
        started_at=record.created_at,
        duration=(record.ended_at or now()) - (record.started_at or record.created_at),
    )


def _attempt_row(record: RunRecord, task: TaskRecord, definitions: Mapping[str, Mapping[str, Any]]) -> RunRow:
    begin = record.started_at or record.created_at
    whole = max(1, (record.ended_at or now()) - begin)
    took = None if task.started_at is None else (task.ended_at or now()) - task.started_at
    outcome = task.outcome or {}
    return RunRow(
        run_id=task.run_id,
        job_id=record.job_id,
        name=task.task_key,
        state=_state(task.state),
        message=task.state.message,
        ended=task.state.ended,
        started_at=task.started_at,
        duration=took,
        attempt=task.attempt,
        detail=_task_row(definitions[task.task_key]).source,
        error=outcome.get("error") or "",
        trace=outcome.get("error_trace") or "",
        offset=min(99.0, 100 * max(0, (task.started_at or begin) - begin) / whole),
        share=max(0.6, min(100.0, 100 * (took or 0) / whole)),
    )


def _task_row(task: Mapping[str, Any]) -> TaskRow:
    kind, name = next((_KINDS[field] for field in _KINDS if field in task), ("task", ""))
    settings: Mapping[str, Any] = next((task[field] for field in _KINDS if field in task), {})
    source = str(settings.get(name, ""))
    if kind == "wheel":
        source = f"{settings.get('package_name', '')}:{source}"
    given = settings.get("base_parameters") or settings.get("named_parameters") or settings.get("parameters") or {}
    after = ", ".join(one["task_key"] for one in task.get("depends_on", []))
    return TaskRow(task["task_key"], kind, source, after, _pairs(given))


def _parameters(record: RunRecord, task: TaskRecord | None) -> list[tuple[str, str]]:
    """What the shown task was started with; for a run of several tasks, the job's parameters."""
    if task is None or not task.resolved:
        return _pairs(record.request.parameters)
    pairs: list[tuple[str, str]] = []
    for settings in task.resolved.values():
        given = settings.values() if isinstance(settings, Mapping) else ()
        pairs += [pair for one in given for pair in _pairs(one)]
    return pairs


def _pairs(given: Mapping[str, Any] | Sequence[Any]) -> list[tuple[str, str]]:
    if isinstance(given, Mapping):
        return [(str(name), str(value)) for name, value in given.items()]
    return [] if isinstance(given, str) else [(f"argument {at}", str(value)) for at, value in enumerate(given, 1)]


def _schedule(settings: Mapping[str, Any]) -> str:
    schedule = settings.get("schedule")
    if not schedule:
        return ""
    paused = ", paused" if schedule.get("pause_status") == "PAUSED" else ""
    return f"{schedule['quartz_cron_expression']} ({schedule['timezone_id']}){paused}"


def _state(state: State) -> str:
    return state.result or state.shown


def _number(text: str, noun: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > _LARGEST_ID:
        raise NotFound(f"There is no {noun} {text!r}.")
    return int(text)
