"""Parameters of jobs and tasks, which are text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.jobs.records import Json

__all__ = ["as_text", "as_texts", "parameters_of"]


def parameters_of(settings: Json) -> dict[str, str]:
    """The job's parameters with their defaults."""
    return {one["name"]: one["default"] for one in settings.get("parameters", [])}


def as_texts(values: Any) -> Any:
    """Parameters as text, which is all that tasks are given: numbers and truth values as JSON writes them.

    Raises:
        InvalidParameterValue: A value is neither text, number nor truth value.
    """
    if isinstance(values, Mapping):
        return {str(name): as_text(value) for name, value in values.items()}
    if isinstance(values, list):
        return [as_text(value) for value in values]
    raise InvalidParameterValue(f"parameters must be a mapping or a list, not {values!r}")


def as_text(value: Any) -> str:
    """One parameter as text.

    Raises:
        InvalidParameterValue: As for `as_texts`.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise InvalidParameterValue(f"a parameter must be a string, not {value!r}")
