"""Tasks as a job defines them: what each does, with what, and after which others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.jobs.records import Json

__all__ = ["Pair", "TaskRow", "pairs", "starter", "task_row"]

Pair = tuple[str, str]  # a name and a value
_OPERATORS = {"EQUAL_TO": "=", "NOT_EQUAL": "≠", "GREATER_THAN": ">", "GREATER_THAN_OR_EQUAL": "≥"}
_OPERATORS |= {"LESS_THAN": "<", "LESS_THAN_OR_EQUAL": "≤"}


@dataclass(frozen=True)
class TaskRow:
    """A task as a job defines it.

    Attributes:
        key: Its name.
        kind: What it is.
        source: The code or thing that it runs.
        after: The tasks that it depends on, and when it runs.
        parameters: What it is given.
        cluster_id: The cluster that it runs on, where the job names one.
    """

    key: str
    kind: str
    source: str
    after: str
    parameters: list[Pair]
    cluster_id: str = ""


def task_row(task: Json) -> TaskRow:
    """A task as a line of a table."""
    kind, source, parameters = next(
        (show(task[name]) for name, show in _KINDS.items() if name in task), ("task", "", [])
    )
    key, cluster = str(task["task_key"]), str(task.get("existing_cluster_id", ""))
    return TaskRow(key, kind, source, _after(task), parameters, cluster)


def starter(settings: Json) -> str:
    """What starts runs of a job by itself; empty where nothing does."""
    found = next(((one, settings[one]) for one in ("schedule", "trigger", "continuous") if one in settings), None)
    if found is None:
        return ""
    kind, wanted = found
    paused = ", paused" if wanted.get("pause_status") == "PAUSED" else ""
    if kind == "schedule":
        return f"{wanted['quartz_cron_expression']} ({wanted['timezone_id']}){paused}"
    return f"{'continuous' if kind == 'continuous' else _trigger(wanted)}{paused}"


def pairs(given: Mapping[str, Any] | Sequence[Any] | None) -> list[Pair]:
    """Parameters by name, or by place."""
    if isinstance(given, Mapping):
        return [(str(name), str(value)) for name, value in given.items()]
    return (
        [] if not given or isinstance(given, str) else [(f"argument {at}", str(one)) for at, one in enumerate(given, 1)]
    )


def _trigger(wanted: Json) -> str:
    if "periodic" in wanted:
        number, unit = wanted["periodic"]["interval"], str(wanted["periodic"]["unit"]).lower()
        return f"every {unit.removesuffix('s')}" if number == 1 else f"every {number} {unit}"
    if "file_arrival" in wanted:
        return f"when files arrive in {wanted['file_arrival']['url']}"
    return f"when tables change: {', '.join(wanted.get('table_update', {}).get('table_names', []))}"


def _after(task: Json) -> str:
    names = [
        one["task_key"] + (f" ({one['outcome']})" if one.get("outcome") else "") for one in task.get("depends_on", [])
    ]
    rule = str(task.get("run_if", "ALL_SUCCESS"))
    unusual = f", {rule.replace('_', ' ').lower()}" if names and rule != "ALL_SUCCESS" else ""
    return ", ".join(names) + unusual


def _loop(work: Json) -> tuple[str, str, list[Pair]]:
    inner = task_row(work["task"])
    at_once = int(work.get("concurrency", 1))
    inputs = [("inputs", str(work["inputs"])), ("at once", str(at_once) if at_once > 1 else "")]
    return f"for each: {inner.kind}", inner.source, [one for one in inputs if one[1]] + inner.parameters


def _sql(work: Json) -> tuple[str, str, list[Pair]]:
    file, query = work.get("file", {}).get("path"), work.get("query", {}).get("query_id")
    return ("SQL file" if file else "SQL query"), str(file or query or ""), pairs(work.get("parameters"))


def _condition(work: Json) -> tuple[str, str, list[Pair]]:
    return "condition", f"{work['left']} {_OPERATORS.get(work['op'], work['op'])} {work['right']}", []


def _wheel(work: Json) -> tuple[str, str, list[Pair]]:
    given = work.get("named_parameters") or work.get("parameters")
    return "wheel", f"{work.get('package_name', '')}:{work.get('entry_point', '')}", pairs(given)


_KINDS: dict[str, Callable[[Json], tuple[str, str, list[Pair]]]] = {
    "notebook_task": lambda work: ("notebook", str(work.get("notebook_path", "")), pairs(work.get("base_parameters"))),
    "spark_python_task": lambda work: ("Python file", str(work.get("python_file", "")), pairs(work.get("parameters"))),
    "python_wheel_task": _wheel,
    "sql_task": _sql,
    "dbt_task": lambda work: ("dbt", "; ".join(work.get("commands", [])), []),
    "condition_task": _condition,
    "for_each_task": _loop,
    "run_job_task": lambda work: ("run of job", f"{work.get('job_id', '')}", pairs(work.get("job_parameters"))),
}
