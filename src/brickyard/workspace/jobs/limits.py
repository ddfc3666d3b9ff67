"""How long and how many the parts of a job may be: https://docs.databricks.com/api/workspace/jobs/create ."""

from __future__ import annotations

import re

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.jobs.records import Json

__all__ = ["check_limits"]

_NAME_BYTES, _DESCRIPTION_LENGTH, _TASKS, _TAGS, _RUNS = 4096, 27_700, 1000, 25, 1000
_PARAMETER = re.compile(r"[\w.-]+", re.ASCII)


def check_limits(settings: Json) -> None:
    """Refuse a job that is larger than the service takes.

    Raises:
        InvalidParameterValue: Names the part, its limit and its size.
    """
    sizes = (
        ("name has", len(str(settings["name"]).encode(errors="replace")), _NAME_BYTES, "bytes"),
        ("description has", len(settings.get("description", "")), _DESCRIPTION_LENGTH, "characters"),
        ("a job has", len(settings.get("tasks", [])), _TASKS, "tasks"),
        ("a job has", len(settings.get("tags", {})), _TAGS, "tags"),
        ("max_concurrent_runs is", settings["max_concurrent_runs"], _RUNS, "runs"),
    )
    for what, size, limit, unit in sizes:
        if size > limit:
            raise InvalidParameterValue(f"{what} {size} {unit}; at most {limit} are allowed")
    for parameter in settings.get("parameters", []):
        if not _PARAMETER.fullmatch(parameter["name"]):
            raise InvalidParameterValue(
                f"the parameter name {parameter['name']!r} may only contain letters, digits, _, - and ."
            )
