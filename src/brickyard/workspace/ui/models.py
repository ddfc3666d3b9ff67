"""The pages of registered models and their versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.registry.names import ModelName, parse_version
from brickyard.workspace.registry.records import ModelVersion, PageRequest
from brickyard.workspace.rendering.format import iso, number
from brickyard.workspace.ui.experiments import run_address
from brickyard.workspace.ui.page import Crumb, Page

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["model", "version"]

_MOST = 100
# The tags that Brickyard's gate and promotion write to a version; each but the last two holds JSON.
_GATE, _METRICS, _CHAMPION = "brickyard_gate", "brickyard_gate_metrics", "brickyard_gate_champion_metrics"
_DECISION, _HISTORY, _APPROVAL = "brickyard_gate_decision", "brickyard_history_", "brickyard_approval_"
_SOURCE = "brickyard_source"
_PLACES = {_SOURCE: "Promoted from", "brickyard_origin": "Trained in"}
_ACTIONS = {"promote": "Promoted", "rollback": "Rolled back"}


@dataclass(frozen=True)
class Gate:
    """What the gate saw: its facts, and each metric of the version beside the champion's on the same data."""

    decision: str
    facts: list[tuple[str, str]]
    metrics: list[tuple[str, Any, Any]]


def model(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """A model's aliases, versions, and what was live when."""
    name = ModelName.parse(f"{path['catalog']}.{path['schema']}.{path['model']}")
    workspace.catalog.access(principal).require_sight(ObjectKind.MODEL, str(name))
    found = workspace.registry.models.get(name)
    versions = workspace.registry.versions.search(PageRequest(_MOST), name).items
    values = {
        "found": found,
        "aliases": sorted(found.aliases.items()),
        "versions": [(one, one.tags.get(_DECISION, ""), _metrics(one)) for one in versions],
        "history": _history(found.tags),
        "tags": [(key, value) for key, value in sorted(found.tags.items()) if not key.startswith(_HISTORY)],
    }
    return Page("model.html", str(name), "Registered model", _way_to(name), values)


async def version(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """One version: the gate's evidence, where it came from, who approved it."""
    name = ModelName.parse(f"{path['catalog']}.{path['schema']}.{path['model']}")
    number = parse_version(path["version"])
    access = workspace.catalog.access(principal)
    await anyio.to_thread.run_sync(access.require_sight, ObjectKind.MODEL, str(name))
    found = await anyio.to_thread.run_sync(workspace.registry.versions.get, name, number)
    run_page = await run_address(workspace, found.run_id) if found.run_id else ""
    told = (_GATE, _METRICS, _CHAMPION, _DECISION, *_PLACES)
    tags = [(k, v) for k, v in sorted(found.tags.items()) if k not in told and not k.startswith(_APPROVAL)]
    values = {
        "found": found,
        "run_page": run_page,
        # What a promotion uploaded from is a directory that is gone.
        "source": "" if _SOURCE in found.tags else found.source,
        "gate": _gate(found.tags),
        "lineage": _lineage(found.tags),
        "approvals": [_read(value) for key, value in sorted(found.tags.items()) if key.startswith(_APPROVAL)],
        "tags": tags,
    }
    way = (*_way_to(name), (name.model, f"/explore/data/models/{name.catalog}/{name.schema}/{name.model}"))
    return Page("version.html", f"{name} version {found.version}", "Model version", way, values)


def _way_to(name: ModelName) -> tuple[Crumb, ...]:
    return ("Models", "/"), (name.parent, f"/explore/data/{name.catalog}/{name.schema}")


def _gate(tags: Mapping[str, str]) -> Gate | None:
    seen = _read(tags.get(_GATE))
    if not seen:
        return None
    given = seen.get("data")
    data: dict[str, Any] = given if isinstance(given, dict) else {}
    rows = number(data.get("rows", ""))
    facts = [
        ("Decided", f"{iso(seen.get('at'))} by {seen.get('by', '')}"),
        ("Environment", f"{seen.get('environment', '')} (version {seen.get('version', '')} there)"),
        ("Compared with", f"champion, version {seen['champion']}" if seen.get("champion") else "no champion yet"),
        (
            "Data",
            f"{data.get('table', '')}, Delta version {data.get('version', '')}, {rows} rows",
        ),
        ("Policy", str(seen.get("policy", ""))),
        ("Git commit", str(seen.get("commit", ""))),
    ]
    own, champion = _read(tags.get(_METRICS)), _read(tags.get(_CHAMPION))
    metrics = [(metric, value, champion.get(metric)) for metric, value in own.items()]
    return Gate(str(seen.get("decision", "")), [fact for fact in facts if fact[1]], metrics)


def _lineage(tags: Mapping[str, str]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Where the same files are or were made: title, host, facts."""
    found = []
    for key, title in _PLACES.items():
        place = _read(tags.get(key))
        if place:
            where = f"{place.get('environment', '')}: {place.get('model', '')} version {place.get('version', '')}"
            facts = [("MLflow run", place.get("run_id")), ("Git commit", place.get("commit"))]
            found.append((title, where, [(name, str(value)) for name, value in facts if value]))
    return found


def _metrics(found: ModelVersion) -> dict[str, Any]:
    return _read(found.tags.get(_METRICS))


def _history(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """What became live when, newest first."""
    events = []
    for key in sorted(key for key in tags if key.startswith(_HISTORY)):
        for event in _parsed(tags[key]) or []:
            if isinstance(event, dict):
                action = str(event.get("a", ""))
                event = {"action": _ACTIONS.get(action, action), **{k: str(v) for k, v in event.items()}}
                events.append(event)
    return events[::-1]


def _read(text: str | None) -> dict[str, Any]:
    value = _parsed(text)
    return value if isinstance(value, dict) else {}


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None  # a tag may be anybody's, and hold anything
