"""Repairing a run: which of its tasks run again, with which settings, and its history of repairs.

https://docs.databricks.com/api/workspace/jobs/repairrun : the tasks run again as attempts of the same run, with the
job's settings of now. What comes after them and did not run, or was excluded, is decided again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue, InvalidState
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.clock import now
from brickyard.workspace.jobs.graph import Node, upstream
from brickyard.workspace.jobs.records import WORKFLOW_RUN, Ids, Json, RunRecord, TaskRecord
from brickyard.workspace.jobs.requests import run_request
from brickyard.workspace.jobs.settings import graph_of
from brickyard.workspace.jobs.states import State

__all__ = ["check_repair", "requested_repair", "stages"]

_OWN_FIELDS = frozenset(
    {"run_id", "latest_repair_id", "rerun_tasks", "rerun_all_failed_tasks", "rerun_dependent_tasks"}
)
_GOOD = frozenset({"SUCCESS", "EXCLUDED", "DISABLED"})


@dataclass(frozen=True)
class _Repair:
    """The types of what `runs/repair` is sent."""

    rerun_tasks: list[str] | None = None


def check_repair(run: RunRecord, run_id: int, latest: int | None) -> None:
    """Refuse to repair what is not a whole run that has ended, or what was repaired since the caller looked.

    Args:
        run: The run.
        run_id: What the caller named.
        latest: The repair that the caller takes for the last one.

    Raises:
        InvalidParameterValue: It is no job's run, or `latest` is not its last repair.
        InvalidState: It is active.
    """
    if run.run_id != run_id:
        raise InvalidParameterValue(f"Run {run_id} is a task's; repair the run {run.run_id} that it belongs to.")
    if run.run_type == WORKFLOW_RUN:
        raise InvalidParameterValue(
            f"Run {run_id} is of a notebook that run {run.parent} has executed; repair the run of that task."
        )
    if not run.state.ended:
        raise InvalidState(f"Run {run_id} is active; it can be repaired once it has ended.")
    last = run.repairs[-1]["id"] if run.repairs else None
    if latest != last:
        if latest is None:
            raise InvalidParameterValue("The latest repair ID needs to be provided in order to create a new repair.")
        raise InvalidParameterValue(f"The repair {latest} is not the latest repair of run {run_id}, which is {last}.")


def requested_repair(
    run: RunRecord, tasks: Sequence[TaskRecord], body: Mapping[str, Any], settings: Json, ids: Ids
) -> tuple[RunRecord, list[TaskRecord]]:
    """The run as `runs/repair` asks for it, and the new attempts at its tasks.

    Args:
        run: The run, which has ended.
        tasks: The attempts at its tasks so far, in their order.
        body: The vendor's `RepairRun`; parameters that it gives hold instead of those of the run.
        settings: The job's settings of now; a commit stays what it was unless the repository is another one there.
        ids: Where numbers for the repair and the attempts come from.

    Raises:
        InvalidParameterValue: The body asks for what cannot be.
    """
    last = {task.task_key: task for task in tasks}
    request = replace(run.request, commit="")
    wanted = {name: value for name, value in body.items() if name not in _OWN_FIELDS}
    if any(wanted.values()):
        given = run_request(wanted, settings)
        request = replace(given, parameters={**request.parameters, **given.job_parameters})
    if settings.get("git_source") == run.settings.get("git_source"):
        request = replace(request, commit=run.request.commit)
    keys = _to_run_again(run, last, body)
    return _begun_again(replace(run, request=request), last, keys, settings, ids)


def _to_run_again(run: RunRecord, last: Mapping[str, TaskRecord], body: Mapping[str, Any]) -> frozenset[str]:
    """The keys of the tasks that run again.

    Args:
        run: The run.
        last: The last attempt at each task.
        body: `rerun_tasks` or `rerun_all_failed_tasks`, and `rerun_dependent_tasks`.

    Raises:
        InvalidParameterValue: It asks for both or nothing, or for a task that the run does not have.
    """
    check_shape(_Repair, body)
    named, failed = list(body.get("rerun_tasks") or []), bool(body.get("rerun_all_failed_tasks"))
    if bool(named) == failed:
        raise InvalidParameterValue("Either rerun_tasks or rerun_all_failed_tasks is required, and not both.")
    if len(set(named)) < len(named):
        raise InvalidParameterValue("rerun_tasks cannot contain duplicate task keys.")
    for key in named:
        if key not in last:
            raise InvalidParameterValue(f"rerun_tasks names {key!r}, which is not a task of run {run.run_id}.")
    chosen = set(named) or {key for key, task in last.items() if task.state.result not in _GOOD}
    if not chosen:
        raise InvalidParameterValue(f"Run {run.run_id} has no failed tasks to repair.")
    nodes = graph_of(run.tasks)
    behind = _behind(nodes, chosen)
    if not body.get("rerun_dependent_tasks"):
        behind = {key for key in behind if last[key].state.result != "SUCCESS"}
    return frozenset(chosen | behind)


def _behind(nodes: Sequence[Node], keys: Collection[str]) -> set[str]:
    return {node.key for node in nodes if not upstream(nodes, node.key).isdisjoint(keys)}


def _begun_again(
    run: RunRecord, last: Mapping[str, TaskRecord], keys: Collection[str], current: Json, ids: Ids
) -> tuple[RunRecord, list[TaskRecord]]:
    """The run as it is when it begins again, and the new attempts at its tasks.

    Args:
        run: The run.
        last: The last attempt at each task.
        keys: The tasks that run again.
        current: The job's settings of now.
        ids: Where numbers for the repair and the attempts come from.

    Raises:
        InvalidParameterValue: A task that is to run again is no longer a task of the job.
    """
    definitions = {task["task_key"]: task for task in current.get("tasks", [])}
    for key in keys:
        if key not in definitions:
            raise InvalidParameterValue(f"The job no longer has the task {key!r}, so it cannot be repaired.")
    tasks = [definitions[key] if (key := task["task_key"]) in keys else task for task in run.settings["tasks"]]
    at, number = now(), ids.next()
    before = {"state": run.state.__dict__, "end_time": run.ended_at}
    made = {"id": number, "start_time": at, "before": before}
    attempts = [
        TaskRecord(ids.next(), run.run_id, task["task_key"], last[task["task_key"]].attempt + 1, State("BLOCKED"))
        for task in run.tasks
        if task["task_key"] in keys
    ]
    again = replace(
        run,
        settings=current | {"tasks": tasks},
        request=replace(run.request, only=tuple(last)),
        state=State("PENDING"),
        ended_at=None,
        stopping=None,
        repairs=(*run.repairs, made),
    )
    return again, attempts


def stages(run: RunRecord, attempts: Sequence[TaskRecord]) -> list[Json]:
    """The original run and its repairs, as the vendor's `RepairHistoryItem` but for their states, which are `State`."""
    starts = [0, *(one["id"] for one in run.repairs), float("inf")]
    ends = [(State(**one["before"]["state"]), one["before"]["end_time"]) for one in run.repairs]
    ends.append((run.state, run.ended_at))
    items = []
    for place, (state, ended_at) in enumerate(ends):
        own = [task.run_id for task in attempts if starts[place] < task.run_id < starts[place + 1]]
        made = run.repairs[place - 1] if place else {"start_time": run.created_at}
        kind = {"type": "REPAIR", "id": made["id"]} if place else {"type": "ORIGINAL"}
        times = {"start_time": made["start_time"], "end_time": ended_at or 0}
        items.append(kind | times | {"task_run_ids": own, "state": state})
    return items
