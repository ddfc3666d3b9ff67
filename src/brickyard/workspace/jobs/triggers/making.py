"""A job's trigger from its settings, and what is refused in them."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.jobs.records import JobRecord, Json
from brickyard.workspace.jobs.triggers.arrivals import FileArrival, TableUpdate, Waits
from brickyard.workspace.jobs.triggers.continuous import Continuous
from brickyard.workspace.jobs.triggers.places import commit_of, files_at
from brickyard.workspace.jobs.triggers.quartz import Cron, CronFault
from brickyard.workspace.jobs.triggers.times import Interval, Schedule
from brickyard.workspace.jobs.triggers.zones import zone_of

if TYPE_CHECKING:
    from brickyard.workspace.jobs.triggers.base import Trigger
    from brickyard.workspace.workspace import Workspace

__all__ = ["check_triggers", "definition_of", "make"]

_STARTERS = ("schedule", "trigger", "continuous")
_UNITS = {"MINUTES": 60_000, "HOURS": 3_600_000, "DAYS": 86_400_000, "WEEKS": 604_800_000}
_KINDS = ("file_arrival", "table_update", "periodic", "model")
_TIMES = ("min_time_between_triggers_seconds", "wait_after_last_change_seconds")
_LEAST_SECONDS, _MOST_TABLES = 60, 10
_QUARTZ = (
    "Databricks uses Quartz cron syntax, which is different from the standard cron syntax. See"
    " http://www.quartz-scheduler.org/documentation/quartz-2.3.0/tutorials/crontrigger.html for more details."
)


def definition_of(settings: Json) -> Json | None:
    """What starts runs of a job by itself, as its settings have it; nothing where that is paused, or nothing does."""
    for name in _STARTERS:
        if name in settings and settings[name].get("pause_status", "UNPAUSED") != "PAUSED":
            return {name: {key: value for key, value in settings[name].items() if key != "pause_status"}}
    return None


def make(workspace: Workspace, job: JobRecord, definition: Json) -> Trigger:
    """The trigger that a job's settings define."""
    if "continuous" in definition:
        return Continuous()
    if "schedule" in definition:
        wanted = definition["schedule"]
        return Schedule(Cron.read(wanted["quartz_cron_expression"]), _zone(wanted["timezone_id"]))
    wanted = definition["trigger"]
    if "periodic" in wanted:
        return Interval(wanted["periodic"]["interval"] * _UNITS[wanted["periodic"]["unit"]])
    if "file_arrival" in wanted:
        url = wanted["file_arrival"]["url"]
        return FileArrival(url, lambda: files_at(workspace, job, url), _waits(wanted["file_arrival"]))
    update = wanted["table_update"]
    return TableUpdate(
        update["table_names"],
        lambda name: commit_of(workspace, job, name),
        _waits(update),
        every=update.get("condition") == "ALL_UPDATED",
    )


def check_triggers(settings: Json) -> None:
    """Refuse what cannot start runs; also where it is paused, as the service does.

    Raises:
        InvalidParameterValue: Names the field and what is wrong with it.
        NotImplementedByWorkspace: It asks for what the workspace has not.
    """
    given = [name for name in _STARTERS if name in settings]
    if len(given) > 1:
        raise InvalidParameterValue(f"A job can have only one of {', '.join(_STARTERS)}; it has {' and '.join(given)}.")
    for name in ("schedule", "trigger"):
        if settings.get(name, {}).get("sql_condition"):
            raise NotImplementedByWorkspace(f"{name}.sql_condition is not implemented by the local workspace")
    if "schedule" in settings:
        _check_schedule(settings["schedule"])
    if "trigger" in settings:
        _check_trigger(settings["trigger"])
    if "continuous" in settings:
        _check_continuous(settings)


def _check_schedule(schedule: Json) -> None:
    expression = schedule["quartz_cron_expression"]
    try:
        Cron.read(expression)
    except CronFault as fault:
        message = f"Invalid quartz_cron_expression: {expression}. {_QUARTZ} ({fault}.)"
        raise InvalidParameterValue(message) from fault
    _zone(schedule["timezone_id"])


def _check_trigger(trigger: Json) -> None:
    kinds = [name for name in _KINDS if name in trigger]
    if len(kinds) != 1:
        raise InvalidParameterValue(f"trigger must have one of {', '.join(_KINDS[:-1])}; it has {len(kinds)}")
    [kind] = kinds
    if kind == "model":
        raise NotImplementedByWorkspace("trigger.model is not implemented by the local workspace")
    wanted = trigger[kind]
    if kind == "periodic" and wanted["interval"] < 1:
        raise InvalidParameterValue(f"trigger.periodic.interval must be at least 1, not {wanted['interval']}")
    for name in _TIMES:
        if wanted.get(name) and wanted[name] < _LEAST_SECONDS:
            raise InvalidParameterValue(
                f"trigger.{kind}.{name} must be at least {_LEAST_SECONDS} seconds, not {wanted[name]}"
            )
    if kind == "file_arrival" and not wanted["url"].strip():
        raise InvalidParameterValue("trigger.file_arrival.url is required")
    if kind == "table_update":
        _check_tables(wanted.get("table_names", []))


def _check_tables(names: list[str]) -> None:
    if not 1 <= len(names) <= _MOST_TABLES:
        raise InvalidParameterValue(
            f"trigger.table_update.table_names must have 1 to {_MOST_TABLES} tables, not {len(names)}"
        )
    for name in names:
        if name.count(".") != 2 or not all(name.split(".")):
            raise InvalidParameterValue(f"{name!r} in trigger.table_update.table_names is not catalog.schema.table")


def _check_continuous(settings: Json) -> None:
    if settings["continuous"].get("task_retry_mode") == "ON_FAILURE":
        raise NotImplementedByWorkspace(
            "continuous.task_retry_mode ON_FAILURE is not implemented by the local workspace"
        )
    if settings["max_concurrent_runs"] > 1:
        raise InvalidParameterValue("A continuous job has one run at a time; max_concurrent_runs must be 1.")
    for task in settings.get("tasks", []):
        if task.get("max_retries"):
            raise InvalidParameterValue(
                f"task {task['task_key']!r}: a continuous job starts again by itself; it cannot have max_retries"
            )


def _zone(name: str) -> tzinfo:
    zone = zone_of(name)
    if zone is None:
        raise InvalidParameterValue(
            f"Invalid timezone_id: {name}. It must be a Java time zone id, for example Europe/Amsterdam or UTC."
        )
    return zone


def _waits(wanted: Json) -> Waits:
    between, quiet = (wanted.get(name, 0) * 1000 for name in _TIMES)
    return Waits(between, quiet)
