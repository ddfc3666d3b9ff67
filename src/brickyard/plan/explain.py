"""Says what a plan's stages would do, in lines of text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from brickyard.plan.compare import FieldChange
from brickyard.plan.definition import Plan, ResourceChange
from brickyard.plan.kinds import kind_of
from brickyard.plan.stages import (
    ChangeResource,
    DeleteFiles,
    DeleteResource,
    RefreshState,
    Stage,
    UploadFiles,
    stages_of,
)

__all__ = ["explain", "summary"]

_SIGNS = {"create": "+", "update": "~", "recreate": "!", "delete": "-", "skip": " "}
_SECRET = re.compile(r"(?:^|[._\[])[A-Za-z0-9_]*(?:token|secret|password|api_?key)[A-Za-z0-9_]*\]?$", re.IGNORECASE)
_DRIFTED = "  (changed in the workspace)"
_MAX_FILES = 12
_MAX_VALUE = 90


def explain(plan: Plan) -> Iterator[str]:
    """The lines that show a plan: every stage, and every field that changes with the reason."""
    for stage in stages_of(plan):
        yield from _stage(stage)


def summary(plan: Plan) -> str:
    """How much a plan changes, in one line."""
    if plan.is_empty:
        return "no changes"
    words = {"create": "create", "update": "change", "recreate": "create again", "delete": "delete"}
    counts = {word: sum(change.action == action for change in plan.resources) for action, word in words.items()}
    parts = [f"{count} to {word}" for word, count in counts.items() if count]
    uploads = sum(file.action == "upload" for file in plan.files)
    deletions = len(plan.files) - uploads
    parts += [f"{uploads} file{'s' * (uploads != 1)} to upload"] if uploads else []
    parts += [f"{deletions} file{'s' * (deletions != 1)} to delete"] if deletions else []
    return ", ".join(parts) or "no changes to resources; the state is brought up to date"


def _stage(stage: Stage) -> Iterator[str]:
    match stage:
        case UploadFiles(files):
            size = sum(file.size for file in files) / 1024
            yield f"+ upload {len(files)} file{'s' * (len(files) != 1)} ({size:,.1f} KiB)"
            yield from _listed([(file.source or file.path) + _DRIFTED * file.drifted for file in files])
        case ChangeResource(change):
            yield from _resource(change)
        case RefreshState(change):
            yield f"  {change.address}: {change.reason}; only the state is brought up to date"
        case DeleteResource(change):
            kind = kind_of(change.address)
            lost = ", with what is stored in it" if kind.keeps_data else ""
            yield f"- {change.address}: delete the {kind.title} '{change.name}'{lost} ({change.reason})"
        case DeleteFiles(files):
            yield f"- delete {len(files)} file{'s' * (len(files) != 1)}"
            yield from _listed([file.stored for file in files])


def _listed(names: list[str]) -> Iterator[str]:
    for name in names[:_MAX_FILES]:
        yield f"    {name}"
    if len(names) > _MAX_FILES:
        yield f"    ... and {len(names) - _MAX_FILES} more"


def _resource(change: ResourceChange) -> Iterator[str]:
    kind = kind_of(change.address)
    verb = {"create": "create", "update": "change", "recreate": "delete and create again"}[change.action]
    yield f"{_SIGNS[change.action]} {change.address}: {verb} the {kind.title} '{change.name}' ({change.reason})"
    for field in change.changes:
        yield f"    {_field(field)}"


def _field(change: FieldChange) -> str:
    mark = _DRIFTED if change.reason == "drift" else ""
    return f"{change.path}: {_shown(change.path, change.before)} -> {_shown(change.path, change.after)}{mark}"


def _shown(path: str, value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, str) and "${resources." in value:
        return "(known after deploy)"
    if _SECRET.search(path) and not (isinstance(value, str) and value.startswith("{{")):
        return "(hidden)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 3] + "..."
