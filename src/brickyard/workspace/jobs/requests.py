"""What callers ask of jobs: changes of settings, and runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import MAX_INTEGER, check_shape
from brickyard.workspace.jobs.parameters import as_texts, parameters_of
from brickyard.workspace.jobs.records import Json, RunRequest
from brickyard.workspace.jobs.single_task import within_task

__all__ = ["flag", "idempotency_token", "merged", "number", "optional_number", "run_request"]

_PARAMS = ("notebook_params", "python_params", "python_named_params", "sql_params", "dbt_commands")
_PERFORMANCE = ("performance_target", "duration_target")
_RUN_NOW = frozenset({"job_id", "job_parameters", "idempotency_token", "only", "queue", *_PERFORMANCE, *_PARAMS})
_MOST_BYTES = 10_000  # of the JSON of parameters
_KEYED = {"tasks": "task_key", "job_clusters": "job_cluster_key"}


@dataclass(frozen=True)
class _RunNow:
    """The types of what `run-now` is sent."""

    job_parameters: dict[str, str] | None = None
    notebook_params: dict[str, str] | None = None
    python_params: list[str] | None = None
    python_named_params: dict[str, str] | None = None
    sql_params: dict[str, str] | None = None
    dbt_commands: list[str] | None = None
    only: list[str] | None = None
    queue: dict[str, Any] | None = None


@dataclass(frozen=True)
class _Update:
    """The types of what `update` is sent beside the settings."""

    fields_to_remove: list[str] | None = None


def number(holder: Mapping[str, Any], name: str) -> int:
    """A required whole number; older clients send it as text.

    Raises:
        InvalidParameterValue: It is missing or is no number.
    """
    value = optional_number(holder, name)
    if value is None:
        raise InvalidParameterValue(f"{name} is required")
    return value


def optional_number(holder: Mapping[str, Any], name: str) -> int | None:
    """A whole number, where it is given.

    Raises:
        InvalidParameterValue: It is no number.
    """
    value = holder.get(name)
    if value is None or value == "":
        return None
    try:
        found = int(str(value))
    except ValueError as error:
        raise InvalidParameterValue(f"{name} must be a whole number, not {value!r}") from error
    if abs(found) > MAX_INTEGER:
        raise InvalidParameterValue(f"{name} must have at most 64 bits; {found} has more")
    return found


def flag(holder: Mapping[str, Any], name: str) -> bool:
    """A truth value from a query or a body; false where it is missing."""
    return str(holder.get(name, "false")).lower() == "true"


def idempotency_token(body: Mapping[str, Any]) -> str | None:
    """The caller's idempotency token, where there is one.

    Raises:
        InvalidParameterValue: It is longer than the vendor allows.
    """
    token = body.get("idempotency_token")
    if token in (None, ""):
        return None
    if not isinstance(token, str) or len(token) > 64:
        raise InvalidParameterValue("idempotency_token must be a string of at most 64 characters")
    return token


def run_request(body: Mapping[str, Any], settings: Json) -> RunRequest:
    """What `run-now` asks for, checked against the job.

    Raises:
        InvalidParameterValue: A field is not supported, or names what the job does not have.
    """
    check_shape(_RunNow, body)
    for name, value in body.items():
        if name not in _RUN_NOW and value not in (None, [], {}):
            raise InvalidParameterValue(f"{name} is not supported by the local workspace in run-now")
    defined = parameters_of(settings)
    given = as_texts(body.get("job_parameters") or {})
    overriding = {name: as_texts(body[name]) for name in _PARAMS if body.get(name)}
    for name, value in overriding.items():
        if len(json.dumps(value, ensure_ascii=False).encode(errors="replace")) > _MOST_BYTES:
            raise InvalidParameterValue(f"{name} must have at most {_MOST_BYTES} bytes as JSON")
    if given and overriding:
        raise InvalidParameterValue(f"job_parameters cannot be given together with {', '.join(overriding)}")
    unknown = sorted(set(given) - set(defined))
    if unknown:
        raise InvalidParameterValue(
            f"the job does not define the parameter {', '.join(unknown)}; it defines {', '.join(defined) or 'none'}"
        )
    return RunRequest(defined | given, overriding, given, _only(body, settings))


def _only(body: Mapping[str, Any], settings: Json) -> tuple[str, ...]:
    only = tuple(body.get("only") or ())
    keys = [task["task_key"] for task in settings.get("tasks", [])]
    for key in only:
        if key not in keys:
            raise InvalidParameterValue(f"only names {key!r}, which is not a task of the job")
    return only


def merged(settings: Json, changes: Mapping[str, Any], remove: list[str]) -> Json:
    """Settings after `jobs/update`: fields are replaced whole, tasks and job clusters one by one by their key.

    Raises:
        InvalidParameterValue: The changes have a wrong type, or `remove` names what cannot be removed.
    """
    from databricks.sdk.service.jobs import JobSettings

    changes = within_task(settings, changes)
    check_shape(JobSettings, changes, "new_settings")
    check_shape(_Update, {"fields_to_remove": remove})
    result = settings | {name: value for name, value in changes.items() if name not in _KEYED}
    for name, key in _KEYED.items():
        if changes.get(name):
            by_key = {one.get(key): one for one in [*settings.get(name, []), *changes[name]]}
            result[name] = list(by_key.values())
    for path in remove:
        _remove(result, str(path))
    return result


def _remove(settings: Json, path: str) -> None:
    name, _, item = path.partition("/")
    if name not in settings:
        return
    if not item:
        del settings[name]
    elif name in _KEYED:
        settings[name] = [one for one in settings[name] if one.get(_KEYED[name]) != item]
    else:
        raise InvalidParameterValue(f"fields_to_remove: {path} is not supported; only tasks and job_clusters are")
