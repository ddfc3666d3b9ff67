"""What a trigger is to the watch: it looks, says when to look again, and whether a run is to start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from brickyard.workspace.jobs.records import Json, RunRecord

__all__ = ["Firing", "Look", "Trigger"]


@dataclass(frozen=True)
class Firing:
    """That a run is to start.

    Attributes:
        type: The vendor's `TriggerType`.
        info: What references to the trigger mean in the run.
        again: Whether what it saw stays new where its run is refused, so that it fires again once a run has ended.
    """

    type: str
    info: Json = field(default_factory=dict)
    again: bool = False


@dataclass(frozen=True)
class Look:
    """What a trigger saw.

    Attributes:
        state: What it remembers from now on.
        next_at: When to look again, in epoch milliseconds; never by the clock alone, where it is nothing.
        firing: The run to start.
    """

    state: Json
    next_at: int | None
    firing: Firing | None = None


class Trigger(Protocol):
    """One job's trigger. It keeps nothing itself: what it remembers is given to it, and is in the database."""

    def begin(self, now: int) -> Json:
        """What it remembers at first."""

    def resume(self, state: Json, now: int) -> Json:
        """What it remembers of `state` after a restart of the workspace."""

    def look(self, state: Json, now: int, *, active: bool) -> Look:
        """See whether a run is to start; `active` is whether a run of the job is under way or waits."""

    def ended(self, state: Json, run: RunRecord, now: int) -> Json:
        """What it remembers after the end of a run of its job."""
