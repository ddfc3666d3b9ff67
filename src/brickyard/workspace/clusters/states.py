"""What is written of a cluster as its state changes."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.api.errors import InvalidState
from brickyard.workspace.clock import now
from brickyard.workspace.clusters.records import ClusterRecord, Json, Reason

__all__ = ["attributes", "failing", "need", "running", "size", "starting", "terminated", "terminating", "workers"]

_SIZES = ("num_workers", "autoscale")


def need(cluster: ClusterRecord, *states: str) -> None:
    """Refuse what a cluster cannot do in the state that it is in.

    Raises:
        InvalidState: In the vendor's words.
    """
    if cluster.state not in states:
        raise InvalidState(f"Cluster {cluster.id} is in unexpected state {cluster.state.title()}.")


def size(definition: Json) -> Json:
    """The vendor's `ClusterSize`."""
    return {name: definition[name] for name in _SIZES if name in definition}


def workers(definition: Json) -> int:
    """How many workers it has; those of one that scales by itself are always the fewest, as there are none."""
    return int(definition.get("num_workers", definition.get("autoscale", {}).get("min_workers", 0)))


def attributes(definition: Json) -> Json:
    """The vendor's `ClusterAttributes`."""
    return {name: value for name, value in definition.items() if name not in _SIZES}


def starting(state: str = "PENDING") -> dict[str, Any]:
    """A start begins."""
    return {
        "state": state,
        "state_message": "Starting Spark",
        "reason": None,
        "terminated_at": None,
        "started_at": now(),
        "context_id": now() * 1000,
    }


def running() -> dict[str, Any]:
    """The engine listens."""
    return {"state": "RUNNING", "state_message": "", "restarted_at": now()}


def terminating(reason: Reason) -> dict[str, Any]:
    """Its end begins."""
    return {"state": "TERMINATING", "state_message": reason.message, "reason": reason.as_dict()}


def terminated(reason: Reason | None = None) -> dict[str, Any]:
    """Nothing of it is left."""
    why = {} if reason is None else terminating(reason)
    return {**why, "state": "TERMINATED", "terminated_at": now()}


def failing(reason: Reason) -> Json:
    """The details of the event TERMINATING."""
    return {"reason": reason.as_dict()}
