"""Dynamic value references: `{{job.parameters.x}}`, `{{tasks.k.values.v}}`, `{{job.start_time.iso_date}}` and others.

The names are those of the vendor's documentation "What is a dynamic value reference?", and of its older variables
(`{{job_id}}`, `{{run_id}}`, ...). As there, a name that does not exist in one of the namespaces is an error, and what
belongs to none of them (`{{ ds }}`) is text that stays as it is. Names with other signs than letters, digits and
underscores are put between backticks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "Scope",
    "TaskFacts",
    "UnknownReference",
    "check_reference",
    "is_own",
    "references",
    "references_in",
    "resolve",
    "resolve_all",
]

_REFERENCE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_SEGMENT = re.compile(r"`([^`]+)`|([\w-]+)")
_NAME = re.compile(rf"(?:{_SEGMENT.pattern})(?:\.(?:{_SEGMENT.pattern}))*")
# The table is one of the trigger's: https://docs.databricks.com/jobs/trigger-table-update.html .
_TABLE_UPDATE = re.compile(r"job\.trigger\.table_update\.(.+)\.(version|commit_timestamp\.(\w+))")
_NAMESPACES = frozenset({"job", "task", "tasks", "workspace", "input", "backfill"})
_OLD = frozenset({"job_id", "run_id", "parent_run_id", "task_key", "task_retry_count", "start_date", "start_time"})
_MOMENT: dict[str, Callable[[datetime], str]] = {
    "timestamp_ms": lambda at: str(round(at.timestamp() * 1000)),
    "iso_weekday": lambda at: str(at.isoweekday()),
    "is_weekday": lambda at: str(at.isoweekday() < 6).lower(),
    "iso_date": lambda at: at.strftime("%Y-%m-%d"),
    "iso_datetime": lambda at: at.isoformat(timespec="milliseconds").removesuffix("+00:00"),
    "year": lambda at: str(at.year),
    "month": lambda at: str(at.month),
    "day": lambda at: str(at.day),
    "hour": lambda at: str(at.hour),
    "minute": lambda at: str(at.minute),
    "second": lambda at: str(at.second),
}
_PLAIN = frozenset(
    {
        *("job.id", "job.name", "job.run_id", "job.repair_count", "job.trigger.type", "workspace.id", "workspace.url"),
        *("job.trigger.file_arrival.location", "job.trigger.table_update.updated_tables"),
        *("task.name", "task.run_id", "task.execution_count", "task.notebook_path"),
        *_OLD,
    }
)
_OF_TASK = frozenset({"run_id", "result_state", "error_code", "execution_count", "notebook_path"})


class UnknownReference(ValueError):
    """A reference names nothing that exists here."""


@dataclass(frozen=True)
class TaskFacts:
    """What other tasks may ask about a task that has ended.

    Attributes:
        facts: What is known of each, by name.
        values: Its task values.
        rows: What a SQL task has selected, by column; none where there is too much of it to be referred to.
    """

    facts: Mapping[str, str]
    values: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Scope:
    """What references mean for one task.

    Attributes:
        plain: Values by full name.
        moments: Times by name (`job.start_time`), each with the arguments of a time behind it.
        parameters: The job's parameters.
        tasks: Tasks that have ended, by key.
    """

    plain: Mapping[str, str]
    moments: Mapping[str, int] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, TaskFacts] = field(default_factory=dict)


def resolve(text: str, scope: Scope) -> str:
    """The text with every reference replaced by its value.

    Raises:
        UnknownReference: A reference names nothing, or a task value that was not set.
    """
    return _REFERENCE.sub(lambda match: _value(match[1], scope) if _is_known(match[1]) else match[0], text)


def resolve_all(value: Any, scope: Scope) -> Any:
    """JSON with every reference in its texts replaced.

    Raises:
        UnknownReference: As for `resolve`.
    """
    if isinstance(value, Mapping):
        return {name: resolve_all(one, scope) for name, one in value.items()}
    if isinstance(value, list):
        return [resolve_all(one, scope) for one in value]
    return resolve(value, scope) if isinstance(value, str) else value


def references(text: str) -> list[str]:
    """The references in a text, without their braces."""
    return [name for name in _REFERENCE.findall(text) if _is_known(name)]


def references_in(value: Any) -> set[str]:
    """The references in all texts of JSON."""
    if isinstance(value, Mapping):
        return references_in(list(value.values()))
    if isinstance(value, list):
        return set().union(*map(references_in, value))
    return set(references(value)) if isinstance(value, str) else set()


def is_own(name: str) -> bool:
    """Whether a reference means something else for each attempt at a task."""
    return _segments(name)[0] in ("task", "task_key", "run_id", "task_retry_count")


def _is_known(name: str) -> bool:
    """Whether a name belongs to a namespace of the vendor's, so that it must mean something."""
    return (
        name in _OLD
        or name == "input"
        or (_NAME.fullmatch(name) is not None and _segments(name)[0] in _NAMESPACES and "." in name)
    )


def _segments(name: str) -> list[str]:
    return [quoted or plain for quoted, plain in _SEGMENT.findall(name)]


def check_reference(name: str, parameters: Mapping[str, Any], tasks: frozenset[str], *, in_loop: bool = False) -> None:
    """Refuse a reference that can never have a value in a job with these parameters and tasks.

    Args:
        name: The reference.
        parameters: The job's parameters.
        tasks: The tasks that end before.
        in_loop: Whether there is an `{{input}}`.

    Raises:
        UnknownReference: It names nothing of the kind.
    """
    moment, _, argument = name.rpartition(".")
    if name in _PLAIN or (moment in ("job.start_time", "job.trigger.time") and argument in _MOMENT):
        return
    if _TABLE_UPDATE.fullmatch(name):
        return
    first, *rest = _segments(name)
    if first == "input" and in_loop:
        return
    if first == "job" and rest[0] == "parameters":
        if ".".join(rest[1:]) not in parameters:
            raise UnknownReference(f"{{{{{name}}}}} refers to a parameter that the job does not define")
        return
    is_value = len(rest) > 2 and rest[1] == "values"
    if first != "tasks" or not (is_value or _is_output(rest) or (len(rest) == 2 and rest[1] in _OF_TASK)):
        raise UnknownReference(f"{{{{{name}}}}} is not a dynamic value reference that is known here")
    if rest[0] not in tasks:
        raise UnknownReference(f"{{{{{name}}}}} refers to {rest[0]!r}, which this task does not depend on")


def _is_output(rest: list[str]) -> bool:
    """Whether what is behind `tasks` names rows of a SQL task."""
    return rest[1:] == ["output", "rows"] or (len(rest) == 4 and rest[1:3] == ["output", "first_row"])


def _value(name: str, scope: Scope) -> str:
    if name in scope.plain:
        return scope.plain[name]
    moment, _, argument = name.rpartition(".")
    if moment in scope.moments and argument in _MOMENT:
        return _MOMENT[argument](datetime.fromtimestamp(scope.moments[moment] / 1000, UTC))
    if _TABLE_UPDATE.fullmatch(name):
        return ""  # no update of that table started the run
    first, *rest = _segments(name)
    if first == "job" and rest[0] == "parameters":
        return _parameter(name, ".".join(rest[1:]), scope)
    if first != "tasks" or len(rest) < 2:
        raise UnknownReference(f"{{{{{name}}}}} is not a dynamic value reference that is known here")
    is_value = rest[1] == "values"
    return _of_task(name, rest[0], ".".join(rest[2:] if is_value else rest[1:]), scope, is_value=is_value)


def _parameter(name: str, key: str, scope: Scope) -> str:
    if key not in scope.parameters:
        raise UnknownReference(f"{{{{{name}}}}} refers to a parameter that the job does not define")
    return scope.parameters[key]


def _of_task(name: str, key: str, what: str, scope: Scope, *, is_value: bool) -> str:
    task = scope.tasks.get(key)
    if task is None:
        raise UnknownReference(f"{{{{{name}}}}} refers to the task {key!r}, which has not ended before this one")
    if not is_value and what.startswith("output."):
        return _of_rows(name, key, what.split(".", 2)[1:], task)
    if not is_value:
        if what not in task.facts:
            raise UnknownReference(f"{{{{{name}}}}} is not a dynamic value reference that is known here")
        return task.facts[what]
    if what not in task.values:
        raise UnknownReference(f"{{{{{name}}}}} refers to a task value that the task {key!r} did not set")
    value = task.values[what]
    return value if isinstance(value, str) else json.dumps(value)


def _of_rows(name: str, key: str, what: Sequence[str], task: TaskFacts) -> str:
    if task.rows is None:
        raise UnknownReference(
            f"{{{{{name}}}}}: the task {key!r} has no output that can be referred to, which a SQL task has "
            "that has selected at most 1,000 rows of at most 48 KiB together"
        )
    if what == ["rows"]:
        return json.dumps(task.rows)
    if not task.rows or what[-1] not in task.rows[0]:
        raise UnknownReference(f"{{{{{name}}}}}: the task {key!r} has selected no row with that column")
    value = task.rows[0][what[-1]]
    return value if isinstance(value, str) else json.dumps(value)
