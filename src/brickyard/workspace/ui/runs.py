"""The page of a run, and of one attempt at a task."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import ApiError, NotFound
from brickyard.workspace.clock import now
from brickyard.workspace.files.git import shown_url
from brickyard.workspace.jobs.records import ITERATIONS, Json, RunRecord, TaskRecord
from brickyard.workspace.jobs.repair import stages
from brickyard.workspace.ui.outputs import task_output
from brickyard.workspace.ui.page import Crumb, Page
from brickyard.workspace.ui.run_rows import RunRow, number_of, run_row, state_of
from brickyard.workspace.ui.task_graph import Drawing, drawing
from brickyard.workspace.ui.task_rows import Pair, pairs, task_row

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["run"]

_REFRESH_SECONDS = 3
#: A wait that is worth a line, in milliseconds.
_WAITED = 1000
_TRIGGERS = {
    "ONE_TIME": "by hand",
    "PERIODIC": "its schedule",
    "RETRY": "a retry",
    "RUN_JOB_TASK": "a task of another run",
    "FILE_ARRIVAL": "files that arrived",
    "TABLE": "tables that changed",
    "CONTINUOUS": "being continuous",
    "CONTINUOUS_RESTART": "a restart by hand",
}
Parts = Mapping[int, tuple[RunRecord, Sequence[TaskRecord]]]


@dataclass(frozen=True)
class Attempt:
    """One attempt at a task, with what is known of it beside its state.

    Attributes:
        row: Its line.
        kind: What it is.
        source: What it runs.
        note: What came of it, where that is more than a state: a condition's outcome, a loop's count.
        child: The page of the run that it has started, where there is one.
        given: What an iteration was given.
    """

    row: RunRow
    kind: str = ""
    source: str = ""
    note: str = ""
    child: str = ""
    given: str = ""


@dataclass(frozen=True)
class Stage:
    """The original run, or one of its repairs."""

    name: str
    state: str
    started_at: int
    ended_at: int
    tasks: str


def run(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """How a run went: its tasks, and the output where there is one task only."""
    wanted = number_of(path["run"], "run")
    workspace.identity.permissions.require(principal, workspace.jobs.securable_of_run(wanted), "CAN_VIEW")
    record, attempts = workspace.jobs.run(wanted)
    if record.job_id != number_of(path["job"], "job"):
        raise NotFound(f"Job {path['job']} has no run {wanted}.")
    only = attempts[0] if wanted != record.run_id else None  # the address names one attempt at a task
    shown = only or (attempts[-1] if len({task.task_key for task in attempts}) == 1 else None)
    parts = workspace.jobs.parts(record, attempts)
    rows = [_attempt(record, task, parts) for task in attempts]
    whole = run_row(record) if only is None else rows[0].row
    values = {
        "run": whole,
        "record": record,
        "is_task": only is not None,
        "attempt": rows[0] if only else None,
        "tasks": rows,
        "drawing": None if only else _drawing(record, rows),
        "facts": _facts(record),
        "links": [*_part_of(workspace, record, only), *_cluster_of(shown)],
        "job_parameters": pairs(record.request.parameters),
        "parameters": _parameters(record, shown),
        "iterations": _iterations(parts, shown),
        "stages": [] if only else _stages(record, attempts),
        "others": _other_attempts(workspace, record, only),
        "output": None if shown is None or _is_loop(parts, shown) else task_output(workspace, shown),
    }
    title, kind = (record.name, "Job run") if only is None else (only.task_key, "Task run")
    return Page(
        "run.html", title, kind, _way_to(workspace, record, only), values, None if whole.ended else _REFRESH_SECONDS
    )


def _way_to(workspace: Workspace, record: RunRecord, attempt: TaskRecord | None) -> tuple[Crumb, ...]:
    if record.run_type == ITERATIONS and record.parent is not None:  # shown with the loop that it belongs to
        above, (loop, *_) = workspace.jobs.run(record.parent)
        return (*_way_to(workspace, above, loop), (loop.task_key, _address(above, loop.run_id)))
    way: tuple[Crumb, ...] = (("Jobs", "/"),)
    if record.run_type == "JOB_RUN":
        way += ((record.name, f"/jobs/{record.job_id}"),)
    if attempt is not None:
        way += ((f"Run {record.run_id}", _address(record, record.run_id)),)
    return way


def _facts(record: RunRecord) -> list[Pair]:
    """What else there is to say of a run."""
    source, commit = record.settings.get("git_source"), record.request.commit
    waited = (record.started_at or now()) - record.created_at
    return [
        ("Started by", record.creator or "somebody who was deleted"),
        ("Runs as", record.run_as if record.run_as != record.creator else ""),
        ("Because of", _TRIGGERS.get(record.trigger, record.trigger.replace("_", " ").lower())),
        ("Waited", f"{waited / 1000:.1f} s before it began" if waited > _WAITED else ""),
        ("Repository", _repository(source) if source else ""),
        ("Commit", commit),
    ]


def _repository(source: Json) -> str:
    revision = next((source[f"git_{one}"] for one in ("branch", "tag", "commit") if source.get(f"git_{one}")), "")
    return f"{shown_url(source.get('git_url', ''))} ({revision})"


def _cluster_of(task: TaskRecord | None) -> list[tuple[str, str, str]]:
    """The cluster that a task was on: what it is, its id and its page."""
    if task is None or task.cluster is None:
        return []
    cluster_id = str(task.cluster["cluster_id"])
    return [("Cluster", cluster_id, f"/compute/clusters/{cluster_id}")]


def _part_of(workspace: Workspace, record: RunRecord, attempt: TaskRecord | None) -> list[tuple[str, str, str]]:
    """The task that has started this run."""
    if attempt is not None or record.parent is None:
        return []
    with contextlib.suppress(ApiError):  # it was deleted since
        above, (task, *_) = workspace.jobs.run(record.parent)
        return [("Part of", f"task {task.task_key} of run {above.run_id}", _address(above, task.run_id))]
    return []


def _attempt(record: RunRecord, task: TaskRecord, parts: Parts) -> Attempt:
    definition = record.definition(task)
    note, child = _outcome(record, task, definition, parts)
    about = task_row(definition)
    return Attempt(_row(record, task), about.kind, about.source, note, child)


def _outcome(record: RunRecord, task: TaskRecord, definition: Json, parts: Parts) -> tuple[str, str]:
    """What came of a task that is more than its state, and the page of what it has started."""
    part = parts.get(task.run_id)
    if part is not None and part[0].run_type == ITERATIONS:
        last = {one.task_key: one for one in part[1]}.values()
        good, bad = (
            sum(one.state.result in results for one in last) for results in (("SUCCESS",), ("FAILED", "TIMEDOUT"))
        )
        failed = f", {bad} failed" if bad else ""
        return f"{good} of {len(last)} iterations succeeded{failed}", _address(record, task.run_id)
    if part is not None:
        return f"run {part[0].run_id}", _address(part[0], part[0].run_id)
    result = (task.outcome or {}).get("result")
    if "condition_task" in definition and result:
        sides = (task.resolved or {}).get("condition_task", {})
        return f"{task_row(definition | {'condition_task': definition['condition_task'] | sides}).source}: {result}", ""
    return "", ""


def _is_loop(parts: Parts, task: TaskRecord) -> bool:
    return task.run_id in parts and parts[task.run_id][0].run_type == ITERATIONS


def _iterations(parts: Parts, task: TaskRecord | None) -> list[Attempt]:
    """The attempts at a loop's iterations."""
    if task is None or not _is_loop(parts, task):
        return []
    record, attempts = parts[task.run_id]
    inputs = {one["task_key"]: _input(one) for one in record.settings["tasks"]}
    return [Attempt(_row(record, one), given=inputs[one.task_key]) for one in attempts]


def _input(iteration: Json) -> str:
    """What an iteration was given, as far as it uses it."""
    values: Json = iteration.get("values", {})
    if "input" in values:
        return str(values["input"])
    return ", ".join(
        f"{name.removeprefix('input.')}: {one}" for name, one in values.items() if name.startswith("input.")
    )


def _drawing(record: RunRecord, rows: Sequence[Attempt]) -> Drawing | None:
    states = {one.row.name: (one.row.state, _address(record, one.row.run_id)) for one in rows}  # the last attempt's
    details = {task["task_key"]: _kind(task) for task in record.tasks}
    return drawing(record.tasks, details, states)


def _kind(task: Json) -> str:
    return task_row(task).kind


def _stages(record: RunRecord, attempts: Sequence[TaskRecord]) -> list[Stage]:
    """The original run and its repairs, where there are any."""
    if not record.repairs:
        return []
    keys = {one.run_id: one.task_key for one in attempts}
    return [
        Stage(
            "Original run" if one["type"] == "ORIGINAL" else f"Repair {place}",
            state_of(one["state"]),
            one["start_time"],
            one["end_time"],
            ", ".join(dict.fromkeys(keys[number] for number in one["task_run_ids"])),
        )
        for place, one in enumerate(stages(record, attempts))
    ]


def _other_attempts(workspace: Workspace, record: RunRecord, only: TaskRecord | None) -> list[RunRow]:
    """All attempts at a task, where there are several."""
    if only is None:
        return []
    found = [one for one in workspace.jobs.tasks(record.run_id) if one.task_key == only.task_key]
    return [_row(record, one) for one in found] if len(found) > 1 else []


def _row(record: RunRecord, task: TaskRecord) -> RunRow:
    begin = record.started_at or record.created_at
    whole = max(1, (record.ended_at or now()) - begin)
    took = None if task.started_at is None else (task.ended_at or now()) - task.started_at
    outcome = task.outcome or {}
    return RunRow(
        run_id=task.run_id,
        job_id=record.job_id,
        name=task.task_key,
        state=state_of(task.state),
        message=task.state.message,
        ended=task.state.ended,
        started_at=task.started_at,
        duration=took,
        attempt=task.attempt,
        error=outcome.get("error") or "",
        trace=outcome.get("error_trace") or "",
        offset=min(99.0, 100 * max(0, (task.started_at or begin) - begin) / whole),
        share=max(0.6, min(100.0, 100 * (took or 0) / whole)),
    )


def _parameters(record: RunRecord, task: TaskRecord | None) -> list[Pair]:
    """What the shown task was started with, but for the job's parameters."""
    found: list[Pair] = []
    for settings in ((task.resolved if task else None) or {}).values():
        given: Any = settings.values() if isinstance(settings, Mapping) else ()
        found += [pair for one in given for pair in pairs(one if isinstance(one, Mapping | list) else None)]
    mine = set(pairs(record.request.parameters))
    return [one for one in found if one not in mine]


def _address(record: RunRecord, run_id: int) -> str:
    return f"/jobs/{record.job_id}/runs/{run_id}"
