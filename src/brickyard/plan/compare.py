"""Compares what the project says, what was last applied and what the workspace has, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from brickyard.project.merging import KEYS

__all__ = ["ABSENT", "FieldChange", "compare", "flatten"]

# How a field that is not there is written in a change.
ABSENT = None

_MEMBER_KEYS = {**KEYS, "depends_on": "task_key"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that a deploy would change.

    Args:
        path: The field, for example `tasks[train].timeout_seconds`.
        before: Its value in the workspace; None if it has none.
        after: The value it would get; None if it would have none.
        reason: `project` if the project changed, `drift` if the workspace was changed from elsewhere.
    """

    path: str
    before: Any
    after: Any
    reason: Literal["project", "drift"]

    @property
    def field(self) -> str:
        """The top-level field that it is part of."""
        return self.path.partition(".")[0].partition("[")[0]


def compare(
    local: Mapping[str, Any],
    applied: Mapping[str, Any] | None,
    observed: Mapping[str, Any],
    now: Mapping[str, Any],
    ignored: tuple[str, ...] = (),
) -> tuple[FieldChange, ...]:
    """Find what must change.

    Args:
        local: What the project says.
        applied: What was last applied; None if that is not known, then only `local` and `now` count.
        observed: What the workspace said right after that. It fills in defaults, so `now` is compared with this
            and not with what was applied.
        now: What the workspace says now.
        ignored: The last names of fields that move by themselves.
    """
    wanted, have = flatten(local), flatten(now)
    before, seen = (flatten(applied), flatten(observed)) if applied is not None else ({}, {})
    changes = [
        *_of_project(wanted, before, have, ignored),
        *(_drift(wanted, before, seen, have, ignored) if seen else ()),
    ]
    return tuple(sorted(changes, key=lambda change: change.path))


def _of_project(
    wanted: dict[str, Any], before: dict[str, Any], have: dict[str, Any], ignored: tuple[str, ...]
) -> Iterator[FieldChange]:
    for path in {**wanted, **before}:
        if path in wanted and path in before and wanted[path] == before[path]:
            continue
        if path in wanted and (wanted[path] != have.get(path) or path not in have):
            if not before and path.rpartition(".")[2] in ignored and path in have:
                continue
            yield FieldChange(path, have.get(path, before.get(path)), wanted[path], "project")
        elif path not in wanted and path in have:
            yield FieldChange(path, have[path], ABSENT, "project")


def _drift(
    wanted: dict[str, Any],
    before: dict[str, Any],
    seen: dict[str, Any],
    have: dict[str, Any],
    ignored: tuple[str, ...],
) -> Iterator[FieldChange]:
    for path in {**seen, **have}:
        if seen.get(path) == have.get(path) or path.rpartition(".")[2] in ignored:
            continue
        is_project_change = wanted.get(path) != before.get(path)
        if is_project_change or (path in wanted and wanted[path] == have.get(path)):
            continue
        yield FieldChange(path, have.get(path), wanted.get(path, seen.get(path)), "drift")


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf by its path; members of lists that have a name are called by it, other lists are leaves."""
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for name, item in value.items():
            found.update(flatten(item, f"{path}.{name}" if path else str(name)))
        return found
    if isinstance(value, list | tuple):
        names = _member_names(value, path)
        if names is None:
            return {path: json.loads(json.dumps(value))} if value else {}
        found = {}
        for name, item in zip(names, value, strict=True):
            found.update(flatten(item, f"{path}[{name}]"))
        return found
    return {} if value is None else {path: value}


def _member_names(value: list[Any] | tuple[Any, ...], path: str) -> list[str] | None:
    key = _MEMBER_KEYS.get(path.rpartition(".")[2].partition("[")[0])
    if key is None or not value:
        return None
    names = [item.get(key) if isinstance(item, Mapping) else None for item in value]
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        return None
    return [str(name) for name in names]
