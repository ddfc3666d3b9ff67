"""A job's settings: read with the vendor's own dataclasses, refused by name where they cannot run here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from brickyard import sdk
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.jobs.clusters import check_places
from brickyard.workspace.jobs.git_source import check_git_source, with_provider, with_source
from brickyard.workspace.jobs.graph import RUN_IF, GraphFault, Node, check, upstream
from brickyard.workspace.jobs.kinds import KINDS
from brickyard.workspace.jobs.limits import check_limits
from brickyard.workspace.jobs.notices import check_notifications
from brickyard.workspace.jobs.parameters import as_text, as_texts, parameters_of
from brickyard.workspace.jobs.records import Json
from brickyard.workspace.jobs.references import UnknownReference, check_reference, references
from brickyard.workspace.jobs.reuse import check_reuse
from brickyard.workspace.jobs.single_task import with_task_list
from brickyard.workspace.jobs.triggers.making import check_triggers
from brickyard.workspace.libraries.kinds import check_environment, check_library

__all__ = ["graph_of", "normalise"]

sdk.install()

_TASK_KEY = re.compile(r"[\w-]{1,100}", re.ASCII)
_JOB_DEFAULTS: Json = {
    "name": "Untitled",
    "max_concurrent_runs": 1,
    "format": "MULTI_TASK",
    "timeout_seconds": 0,
    "email_notifications": {},
    "webhook_notifications": {},
}
_TASK_DEFAULTS: Json = {"run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}}
_NOT_SETTINGS = ("triggers", "environment_variables")
_NOT_OF_TASKS = ("compute", "environment_variables_key")
_PAUSABLE = ("schedule", "trigger", "continuous")


def normalise(body: Mapping[str, Any], *, submitted: bool = False) -> Json:
    """The settings as they are stored: the vendor's JSON with its defaults.

    Args:
        body: What the caller sent.
        submitted: It is a run submitted once; there is no job to name.

    Raises:
        InvalidParameterValue: A field is unknown, wrong, or asks for what cannot be executed here.
        NotImplementedByWorkspace: It asks for what the workspace has not.
    """
    from databricks.sdk.service.jobs import JobSettings

    body = with_provider(with_task_list(body))
    check_shape(JobSettings, body)
    try:
        settings: Json = JobSettings.from_dict(dict(body)).as_dict()
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise InvalidParameterValue(f"the job's settings cannot be read: {error}") from error
    for path in _lost(body, settings, ""):
        raise InvalidParameterValue(f"{path} is not known to the local workspace, or its value is not one it can have")
    settings = {name: value for name, value in _JOB_DEFAULTS.items() if name not in settings} | settings
    if "tags" in settings:
        settings["tags"] = as_texts(settings["tags"])
    for parameter in settings.get("parameters", []):
        parameter["default"] = as_text(parameter["default"])
    for name in _PAUSABLE:
        if name in settings:
            settings[name] = {"pause_status": "UNPAUSED"} | settings[name]
    settings.get("git_source", {}).pop("git_snapshot", None)  # which runs have, as they are answered
    git = "git_source" in settings
    settings["tasks"] = [_with_defaults(task, git=git) for task in settings.get("tasks", [])]
    if not settings["tasks"]:
        del settings["tasks"]
    _check_settings(settings)
    if submitted and "tasks" not in settings:
        raise InvalidParameterValue("tasks is required: a run needs at least one task")
    return settings


def graph_of(tasks: list[Json]) -> list[Node]:
    """The tasks' graph."""
    return [
        Node(
            task["task_key"],
            tuple(one["task_key"] for one in task.get("depends_on", [])),
            task.get("run_if", "ALL_SUCCESS"),
            {one["task_key"]: one["outcome"] for one in task.get("depends_on", []) if "outcome" in one},
            task.get("disabled", False),
        )
        for task in tasks
    ]


def _lost(sent: Any, kept: Any, path: str) -> Iterator[str]:
    """Paths of what was sent and is not in what the vendor's dataclasses kept of it."""
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        for name, value in sent.items():
            where = f"{path}.{name}" if path else str(name)
            if name in kept:
                yield from _lost(value, kept[name], where)
            elif value is not None and value != [] and value != {}:
                yield where
    elif isinstance(sent, list) and isinstance(kept, list):
        for place, (one, other) in enumerate(zip(sent, kept, strict=False)):
            yield from _lost(one, other, f"{path}[{place}]")
    elif type(sent) is not type(kept):
        yield path


def _with_defaults(task: Json, *, git: bool) -> Json:
    task = {name: value for name, value in _TASK_DEFAULTS.items() if name not in task} | with_source(task, git=git)
    for kind in KINDS:
        for name in ("base_parameters", "parameters", "named_parameters"):
            if name in task.get(kind, {}):
                task[kind] = task[kind] | {name: as_texts(task[kind][name])}
    if "for_each_task" in task:
        task["for_each_task"] = task["for_each_task"] | {"task": _with_defaults(task["for_each_task"]["task"], git=git)}
    return task


def _check_settings(settings: Json) -> None:
    for name in _NOT_SETTINGS:
        if settings.get(name):
            raise InvalidParameterValue(f"{name} is not supported by the local workspace")
    if not isinstance(settings["name"], str):
        raise InvalidParameterValue(f"name must be a string, not {settings['name']!r}")
    _check_numbers(settings, "", ("timeout_seconds", "max_concurrent_runs"))
    _check_unique(settings)
    for one in settings.get("environments", []):
        check_environment(one["environment_key"], one.get("spec", {}))
    tasks = settings.get("tasks", [])
    check_limits(settings)
    check_triggers(settings)
    check_reuse(settings)
    check_git_source(settings)
    check_notifications(settings)
    for task in tasks:
        _check_task(task, settings)
    nodes = graph_of(tasks)
    try:
        check(nodes)
    except GraphFault as error:
        raise InvalidParameterValue(f"{error}.") from error
    _check_outcomes(tasks)
    _check_references(settings, nodes)


def _check_outcomes(tasks: list[Json]) -> None:
    """Refuse a dependency on an outcome of what has none, and one that is neither true nor false."""
    conditions = {task["task_key"] for task in tasks if "condition_task" in task}
    for task in tasks:
        for one in task.get("depends_on", []):
            if "outcome" in one and (one["task_key"] not in conditions or one["outcome"] not in ("true", "false")):
                raise InvalidParameterValue(
                    f"task {task['task_key']!r}: depends_on.outcome is true or false, after a condition task; it is "
                    f"{one['outcome']!r} after {one['task_key']!r}"
                )


def _check_unique(settings: Json) -> None:
    """Refuse a name that means two things."""
    for part, key in (("job_clusters", "job_cluster_key"), ("environments", "environment_key"), ("parameters", "name")):
        names = [one.get(key) for one in settings.get(part, [])]
        for name in names:
            if not name or names.count(name) > 1:
                what = "more than one of the same" if name else "one without a"
                raise InvalidParameterValue(f"{part} has {what} {key}{f' {name!r}' if name else ''}")


def _check_numbers(holder: Json, where: str, names: tuple[str, ...]) -> None:
    for name in names:
        value = holder.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < (-1 if name == "max_retries" else 0):
            raise InvalidParameterValue(f"{where}{name} must be a whole number, not {value!r}")


def _check_task(task: Json, settings: Json) -> None:
    key = task.get("task_key")
    if not isinstance(key, str) or not _TASK_KEY.fullmatch(key):
        raise InvalidParameterValue(
            f"task_key {key!r} is not valid: it has 1 to 100 letters, digits, underscores and hyphens"
        )
    kinds = [name for name in task if name.endswith(("_task", "_operator_task"))]
    for name in [*kinds, *(one for one in _NOT_OF_TASKS if task.get(one))]:
        if name not in KINDS:
            raise InvalidParameterValue(
                f"task {key!r}: {name} is not supported by the local workspace; it executes {', '.join(KINDS)}"
            )
    if len(kinds) != 1:
        raise InvalidParameterValue(f"task {key!r} must have one of {', '.join(KINDS)}; it has {len(kinds)}")
    if task["run_if"] not in RUN_IF:
        raise InvalidParameterValue(f"task {key!r}: run_if {task['run_if']!r} is not one of {', '.join(RUN_IF)}")
    _check_numbers(task, f"task {key!r}: ", ("timeout_seconds", "max_retries", "min_retry_interval_millis"))
    KINDS[kinds[0]].check(key, task[kinds[0]])
    if "for_each_task" in task:
        _check_task(task["for_each_task"]["task"], settings)
    _check_where(key, task, settings)


def _check_where(key: str, task: Json, settings: Json) -> None:
    """Refuse what the task runs in and with, where it is not there."""
    check_places(key, task, settings)
    environments = {one["environment_key"] for one in settings.get("environments", [])}
    if task.get("environment_key") and task["environment_key"] not in environments:
        raise InvalidParameterValue(f"task {key!r}: environment_key {task['environment_key']!r} is not defined")
    for library in task.get("libraries", []):
        check_library(f"task {key!r}", library)


def _check_references(settings: Json, nodes: list[Node]) -> None:
    parameters = parameters_of(settings)
    try:
        for name, default in parameters.items():
            for reference in references(default):
                if reference.startswith(("job.parameters.", "tasks.", "task.")):
                    raise UnknownReference(f"{{{{{reference}}}}} cannot be used in the default of parameter {name!r}")
                check_reference(reference, {}, frozenset())
        for task in settings.get("tasks", []):
            before = upstream(nodes, task["task_key"])
            looped = task.get("for_each_task", {}).get("task")
            plain = [task.get("for_each_task", {}).get("inputs")] if looped else [task.get(kind) for kind in KINDS]
            for texts, in_loop in ((plain, False), (looped, True)):
                for reference in (one for text in _texts(texts) for one in references(text)):
                    check_reference(reference, parameters, before, in_loop=in_loop)
    except UnknownReference as error:
        raise InvalidParameterValue(f"{error}.") from error


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
