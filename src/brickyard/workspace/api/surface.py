"""The names of the vendor's operations, for answers about those that are not implemented.

`surface.txt` is derived from `databricks-sdk` by `scripts/coverage_page.py`: a line is `METHOD path Family.operation`.
"""

from __future__ import annotations

import functools
from importlib.resources import files

from brickyard.workspace.api.errors import NotImplementedByWorkspace

__all__ = ["not_implemented", "operation_name"]


def not_implemented(method: str, path: str) -> NotImplementedByWorkspace:
    """The answer to a call that the workspace does not implement, with the name that the vendor gives it."""
    name = operation_name(method, path)
    shown = f"{name} ({method} {path})" if name else f"{method} {path}"
    return NotImplementedByWorkspace(f"{shown} is not implemented by the local workspace")


def operation_name(method: str, path: str) -> str | None:
    """The vendor's name of an operation, for example `ClustersAPI.list`; nothing where it has none."""
    segments = path.split("/")
    candidates = _surface().get((method, len(segments)), ())
    fitting = [
        (sum(part.startswith("{") for part in parts), name) for parts, name in candidates if _fits(parts, segments)
    ]
    return min(fitting)[1] if fitting else None


@functools.cache
def _surface() -> dict[tuple[str, int], list[tuple[list[str], str]]]:
    """Operations by method and number of segments."""
    found: dict[tuple[str, int], list[tuple[list[str], str]]] = {}
    for line in files("brickyard.workspace.api").joinpath("surface.txt").read_text().splitlines():
        method, path, name = line.split(" ")
        parts = path.split("/")
        found.setdefault((method, len(parts)), []).append((parts, name))
    return found


def _fits(parts: list[str], segments: list[str]) -> bool:
    return all(part.startswith("{") or part == segment for part, segment in zip(parts, segments, strict=True))
