"""Brings what a project says and what a workspace answers into one form, so that they compare."""

from __future__ import annotations

from typing import Any

from brickyard.project.shape import Type
from brickyard.project.types import vendor_shapes

__all__ = ["picked"]


def picked(data: Any, shape: str) -> Any:
    """The fields of a vendor's type, without empty ones; what the workspace adds to it is left out.

    Args:
        data: A mapping.
        shape: The type's name, for example `jobs.JobSettings`.
    """
    return _picked(data, ["object", shape])


def _picked(data: Any, type_: Type) -> Any:
    if isinstance(type_, str):
        return data
    kind, inner = type_
    if kind == "list" and isinstance(data, list):
        return [_picked(item, inner) for item in data]
    if kind == "map" and isinstance(data, dict):
        return {name: _picked(item, inner) for name, item in data.items()}
    if kind == "object" and isinstance(data, dict):
        fields = vendor_shapes()[inner]
        found = {name: _picked(item, fields[name].type) for name, item in data.items() if name in fields}
        return {name: item for name, item in found.items() if item not in (None, [], {})}
    return data
