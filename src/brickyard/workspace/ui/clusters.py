"""The pages of clusters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.cluster_lists import is_listed
from brickyard.workspace.api.errors import InvalidParameterValue, NotFound
from brickyard.workspace.clusters.records import LIVE, ClusterRecord, EventRecord
from brickyard.workspace.jobs.run_store import RunFilter
from brickyard.workspace.ui.page import Page
from brickyard.workspace.ui.run_rows import RunRow, run_row

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.jobs.records import Json, RunRecord, TaskRecord
    from brickyard.workspace.ui.task_rows import Pair
    from brickyard.workspace.workspace import Workspace

__all__ = ["cluster", "clusters"]

_EVENTS, _RUNS = 50, 100
_REFRESH_SECONDS = 3
_LONGEST = 300
_ALWAYS = (0, 2**63 - 1)
#: The definitions in events, which are long.
_REPEATED = ("attributes", "previous_attributes")
_CHANGING = LIVE - {"RUNNING"}
#: What the configuration does not repeat.
_ELSEWHERE = frozenset(
    {"cluster_name", "spark_version", "node_type_id", "driver_node_type_id", "autoscale", "num_workers"}
)


@dataclass(frozen=True)
class Event:
    """Something that happened to a cluster, with its details in words."""

    at: int
    kind: str
    details: str


@dataclass(frozen=True)
class InstalledLibrary:
    """A library of a cluster."""

    name: str
    state: str
    messages: list[str]


def clusters(workspace: Workspace, principal: Principal, _: Mapping[str, str]) -> Page:
    """The clusters that the principal may attach to, those that run first."""
    allows = workspace.identity.permissions.allows
    found = [
        one
        for one in workspace.clusters.store.all()
        if is_listed(one) and allows(principal, one.securable, "CAN_ATTACH_TO")
    ]
    rows = [(one, _size(one), bool(one.pinned_at)) for one in sorted(found, key=_order)]
    busy = any(one.state in _CHANGING for one in found)
    return Page("clusters.html", "Clusters", values={"clusters": rows}, refresh=_REFRESH_SECONDS if busy else None)


def cluster(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """One cluster: how it stands, what runs on it, what it is made of, and what happened to it.

    Raises:
        NotFound: There is none.
        PermissionDenied: The principal may not attach to it.
    """
    try:
        found = workspace.clusters.get(path["cluster"])
    except InvalidParameterValue as error:
        raise NotFound(error.message) from error
    workspace.identity.permissions.require(principal, found.securable, "CAN_ATTACH_TO")
    total, events = workspace.clusters.store.events(
        found.id, types=(), span=_ALWAYS, newest_first=True, offset=0, limit=_EVENTS
    )
    values = {
        "cluster": found,
        "facts": _facts(found),
        "configuration": _configuration(found.definition),
        "libraries": [_library(one) for one in workspace.libraries.statuses(found)],
        "runs": _runs(workspace, principal, found),
        "contexts": len(workspace.commands.live(found.id)),
        "events": [_event(one) for one in events],
        "total": total,
    }
    refresh = _REFRESH_SECONDS if found.state in _CHANGING or values["runs"] else None
    return Page(
        "cluster.html", found.name or found.id, "Cluster", (("Clusters", "/compute/clusters"),), values, refresh
    )


def _order(one: ClusterRecord) -> tuple[bool, bool, str]:
    return one.state not in LIVE, not one.pinned_at, one.name.lower()


def _size(one: ClusterRecord) -> str:
    """How many nodes it has."""
    scale, count = one.definition.get("autoscale"), int(one.definition.get("num_workers", 0))
    if scale:
        return f"{scale.get('min_workers')} to {scale.get('max_workers')} workers"
    return f"{count} worker{'' if count == 1 else 's'}" if count else "single node"


def _facts(one: ClusterRecord) -> list[Pair]:
    minutes = one.autotermination_minutes
    return [
        ("Cluster ID", one.id),
        ("Runtime", str(one.definition.get("spark_version", ""))),
        ("Node type", str(one.definition.get("node_type_id", ""))),
        ("Size", _size(one)),
        ("Ends", f"after {minutes} minutes without activity" if minutes else "when somebody terminates it"),
        ("Made by", f"{one.creator_name} ({one.source.lower()})"),
        ("Pinned", "yes" if one.pinned_at else ""),
    ]


def _configuration(definition: Json) -> list[tuple[str, list[Pair]]]:
    """Settings by what they are about; references to secrets are shown as they are, and not their values."""
    groups = [
        ("Spark", _texts(definition.get("spark_conf"))),
        ("Environment variables", _texts(definition.get("spark_env_vars"))),
        ("Tags", _texts(definition.get("custom_tags"))),
    ]
    shown = {*_ELSEWHERE, "spark_conf", "spark_env_vars", "custom_tags"}
    groups.append(("Other settings", _texts({name: one for name, one in definition.items() if name not in shown})))
    return [(title, rows) for title, rows in groups if rows]


def _texts(given: Any) -> list[Pair]:
    values = given if isinstance(given, Mapping) else {}
    return [(str(name), value if isinstance(value, str) else json.dumps(value)) for name, value in values.items()]


def _library(status: Mapping[str, Any]) -> InstalledLibrary:
    ((kind, what), *_) = status["library"].items()
    name = what if isinstance(what, str) else what.get("package") or what.get("coordinates") or json.dumps(what)
    return InstalledLibrary(f"{kind}: {name}", status["status"], list(status.get("messages") or ()))


def _runs(workspace: Workspace, principal: Principal, one: ClusterRecord) -> list[RunRow]:
    """The active runs with a task on it, as far as the principal may see them."""
    wanted = RunFilter(active=True, only=workspace.jobs.visible_to(principal))
    active = workspace.jobs.runs(wanted, _RUNS)
    return [run_row(run) for run in active if _is_on(run, workspace.jobs.tasks(run.run_id), one.id)]


def _is_on(run: RunRecord, attempts: Sequence[TaskRecord], cluster_id: str) -> bool:
    """Whether a run uses a cluster, or is going to."""
    inner = [task.get("for_each_task", {}).get("task", task) for task in run.tasks]
    was_on = any(task.cluster is not None and task.cluster["cluster_id"] == cluster_id for task in attempts)
    return was_on or any(task.get("existing_cluster_id") == cluster_id for task in inner)


def _event(event: EventRecord) -> Event:
    details = ", ".join(
        f"{name.replace('_', ' ')}: {_text(value)}"
        for name, value in event.details.items()
        if value and name not in _REPEATED
    )
    return Event(event.timestamp, event.type, details if len(details) <= _LONGEST else f"{details[:_LONGEST]}…")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
