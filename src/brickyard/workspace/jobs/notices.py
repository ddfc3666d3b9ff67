"""What changes of runs and tasks are told to whom: https://docs.databricks.com/jobs/notifications.html ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace, ResourceDoesNotExist
from brickyard.workspace.clock import now
from brickyard.workspace.jobs.records import ITERATIONS, Json, RunRecord, TaskRecord
from brickyard.workspace.jobs.states import State
from brickyard.workspace.notifications.destinations import check_addresses
from brickyard.workspace.notifications.outbox import Notice
from brickyard.workspace.store.jobs import jobs, runs, task_runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.workspace import Workspace

__all__ = ["check_destinations", "check_notifications", "ended_in_time", "notices"]

_WARNING = "on_duration_warning_threshold_exceeded"
_FIELDS = ("email_notifications", "webhook_notifications")
_UNDER_WAY = ("RUNNING", "TERMINATING")
_SKIPPED = ("MAXIMUM_CONCURRENT_RUNS_REACHED", "UPSTREAM_FAILED", "UPSTREAM_CANCELED")
_DURATION = "RUN_DURATION_SECONDS"
_MOST = 3  # destinations for each event


def check_notifications(settings: Json) -> None:
    """Refuse notifications and health rules that cannot be.

    Raises:
        InvalidParameterValue: Names the field and what is wrong with it.
        NotImplementedByWorkspace: A rule is about what is not measured here.
    """
    for holder, where in _holders(settings):
        for event, addresses in holder.get("email_notifications", {}).items():
            if isinstance(addresses, list) and addresses:
                check_addresses(f"{where}email_notifications.{event}", addresses)
        for event, hooks in holder.get("webhook_notifications", {}).items():
            if len(hooks) > _MOST:
                raise InvalidParameterValue(
                    f"{where}webhook_notifications.{event} has {len(hooks)} destinations; at most {_MOST} are allowed"
                )
        _check_health(holder.get("health", {}).get("rules", []), where)


def _check_health(rules: list[Json], where: str) -> None:
    for rule in rules:
        if rule["metric"] != _DURATION:
            raise NotImplementedByWorkspace(
                f"{where}health: {rule['metric']} is not measured by the local workspace; {_DURATION} is"
            )
        if rule["value"] < 1:
            raise InvalidParameterValue(f"{where}health: value must be at least 1, not {rule['value']}")
    if len(rules) > 1:
        raise InvalidParameterValue(f"{where}health has more than one rule for {_DURATION}")


def check_destinations(workspace: Workspace, settings: Json, before: Json) -> None:
    """Refuse notification destinations that are not there, but for those that the job has had before.

    Raises:
        InvalidParameterValue: There is none of that id.
    """
    for one in sorted(_destinations(settings) - _destinations(before)):
        try:
            workspace.notifications.destinations.get(one)
        except ResourceDoesNotExist as error:
            raise InvalidParameterValue(f"webhook_notifications: {error.message}") from error


def _destinations(settings: Json) -> set[str]:
    return {
        hook["id"]
        for holder, _ in _holders(settings)
        for hooks in holder.get("webhook_notifications", {}).values()
        for hook in hooks
    }


def _holders(settings: Json) -> Iterator[tuple[Json, str]]:
    """The job and its tasks, and how messages name them."""
    yield settings, ""
    for task in settings.get("tasks", []):
        yield task, f"task {task.get('task_key')!r}: "
        if "for_each_task" in task:
            yield task["for_each_task"]["task"], f"task {task.get('task_key')!r}: for_each_task.task: "


def notices(
    connection: Connection, run: RunRecord, tasks: Sequence[TaskRecord], added: Sequence[TaskRecord]
) -> list[Notice]:
    """What is to be told of a run that is about to be written.

    Args:
        connection: The transaction in which it is written; it still has what was before.
        run: The run as it is now.
        tasks: The attempts at its tasks that have changed.
        added: Attempts that are new.
    """
    changed = {task.task_key for task in (*tasks, *added)}
    of_tasks = [one for one in run.settings.get("tasks", []) if one["task_key"] in changed] if changed else []
    telling = {one["task_key"]: one for one in of_tasks if _tells(one)}
    if not telling and not _tells(run.settings):
        return []
    found: list[Notice] = []
    if _tells(run.settings):
        row = connection.execute(select(runs.c.life_cycle).where(runs.c.run_id == run.run_id)).first()
        found += _of_run(connection, run, row.life_cycle if row else "")
    mine = [task for task in (*tasks, *added) if task.task_key in telling]
    query = select(task_runs.c.run_id, task_runs.c.state).where(task_runs.c.run_id.in_([one.run_id for one in mine]))
    before = {row.run_id: json.loads(row.state)["life_cycle"] for row in connection.execute(query)} if mine else {}
    newest = {task.task_key: task.run_id for task in added}
    for task in mine:
        again = newest.get(task.task_key, 0) > task.run_id
        found += _of_task(connection, run, task, telling[task.task_key], before.get(task.run_id, ""), again=again)
    return found


def ended_in_time(run: RunRecord, tasks: Sequence[TaskRecord]) -> list[int]:
    """The ids of the run and of those attempts at its tasks that have ended, and had a time limit."""
    limited = {one["task_key"] for one in run.settings.get("tasks", []) if one.get("health")}
    ended = [task.run_id for task in tasks if task.state.ended and task.task_key in limited]
    return [run.run_id, *ended] if run.state.ended and run.settings.get("health") else ended


def _tells(holder: Json) -> bool:
    return any(isinstance(one, list) and one for field in _FIELDS for one in holder.get(field, {}).values())


def _of_run(connection: Connection, run: RunRecord, before: str) -> list[Notice]:
    about = _about(connection, run) | {"started_at": run.started_at, "ended_at": run.ended_at}
    events = _events(before, run.state, run.settings)
    begun = run.repairs[-1]["start_time"] if run.repairs else run.started_at or now()
    return _told(run.settings, events, about | _ending(run.state), begun, len(run.repairs))


def _of_task(
    connection: Connection, run: RunRecord, task: TaskRecord, definition: Json, before: str, *, again: bool
) -> list[Notice]:
    events = _events(before, task.state, definition)
    if definition.get("notification_settings", {}).get("alert_on_last_attempt"):
        if again:
            events = [one for one in events if one != "on_failure"]
        if "on_start" in events and _is_retry(connection, run, task):
            events.remove("on_start")
    about = _about(connection, run) | {
        "parent_run_id": run.job_run_id,
        "run_id": task.run_id,
        "task_key": definition.get("iteration_of", task.task_key),
        "started_at": task.started_at,
        "ended_at": task.ended_at,
    }
    return _told(definition, events, about | _ending(task.state), task.started_at or now(), 0)


def _is_retry(connection: Connection, run: RunRecord, task: TaskRecord) -> bool:
    since = run.repairs[-1]["id"] if run.repairs else 0
    mine = (task_runs.c.job_run_id == run.run_id, task_runs.c.task_key == task.task_key)
    earlier = (*mine, task_runs.c.run_id < task.run_id, task_runs.c.run_id > since)
    return bool(connection.execute(select(func.count()).select_from(task_runs).where(*earlier)).scalar_one())


def _about(connection: Connection, run: RunRecord) -> Json:
    name = run.name
    if run.run_type == ITERATIONS:  # which is named after the task
        name = connection.execute(select(jobs.c.name).where(jobs.c.job_id == run.job_id)).scalar() or name
    return {"job_id": run.job_id, "job_name": name, "run_id": run.run_id}


def _ending(state: State) -> Json:
    return {"result": state.result, "reason": state.message} if state.ended else {}


def _events(before: str, state: State, holder: Json) -> list[str]:
    """What has happened, as the vendor's names of events."""
    was = State(before)
    if state.life_cycle in _UNDER_WAY and before not in _UNDER_WAY:
        return ["on_start"] if state.life_cycle == "RUNNING" else []
    if not state.ended or was.ended:
        return []
    if state.result in ("SUCCESS", "SUCCESS_WITH_FAILURES"):
        return ["on_success"]
    muted = holder.get("notification_settings", {})
    if state.result == "CANCELED" and muted.get("no_alert_for_canceled_runs"):
        return []
    if state.result in _SKIPPED and muted.get("no_alert_for_skipped_runs"):
        return []
    return ["on_failure"] if state.result in ("FAILED", "TIMEDOUT", "CANCELED", *_SKIPPED) else []


def _told(holder: Json, events: Sequence[str], about: Json, begun: int, repairs: int) -> list[Notice]:
    found = []
    for event in events:
        found += [Notice(now(), about | {"event": event, "to": to}) for to in _recipients(holder, event, about)]
    limit = next((rule["value"] for rule in holder.get("health", {}).get("rules", [])), None)
    if "on_start" in events and limit is not None:
        warned = about | {"event": _WARNING, "watch": repairs, "limit": limit}
        due = begun + limit * 1000 + 1
        found += [Notice(due, warned | {"to": to}) for to in _recipients(holder, _WARNING, about)]
    return found


def _recipients(holder: Json, event: str, about: Mapping[str, Any]) -> list[Json]:
    """The mail addresses together, and each destination."""
    mails = holder.get("email_notifications", {})
    addresses = mails.get(event, [])
    if event == "on_failure" and mails.get("no_alert_for_skipped_runs") and about.get("result") in _SKIPPED:
        addresses = []
    hooks = holder.get("webhook_notifications", {}).get(event, [])
    return ([{"addresses": addresses}] if addresses else []) + [{"destination": hook["id"]} for hook in hooks]
