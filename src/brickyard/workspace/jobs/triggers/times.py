"""Triggers that the clock alone fires: schedules, and intervals."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from brickyard.workspace.jobs.records import Json, RunRecord
from brickyard.workspace.jobs.triggers.base import Firing, Look
from brickyard.workspace.jobs.triggers.quartz import Cron

__all__ = ["Interval", "Schedule"]

_LEAST_APART = 10_000  # between two runs of a schedule, whatever its seconds say, as the vendor documents


class Schedule:
    """A cron expression in a time zone. Times that passed while the workspace was off are not made up for."""

    def __init__(self, cron: Cron, zone: tzinfo) -> None:
        self._cron = cron
        self._zone = zone

    def begin(self, now: int) -> Json:
        """The next time."""
        return {"next": self._after(now)}

    def resume(self, state: Json, now: int) -> Json:
        """The next time from now."""
        return self.begin(now)

    def look(self, state: Json, now: int, *, active: bool) -> Look:
        """Fire at the time that was next; of several that passed, once."""
        due = state["next"]
        if due is None or now < due:
            return Look(state, due)
        following = self._after(max(now, due + _LEAST_APART - 1))
        return Look({"next": following}, following, Firing("PERIODIC", {"time": due}))

    def ended(self, state: Json, run: RunRecord, now: int) -> Json:
        """Runs do not matter to it."""
        return state

    def _after(self, now: int) -> int | None:
        found = self._cron.after(datetime.fromtimestamp(now / 1000, UTC), self._zone)
        return None if found is None else int(found.timestamp()) * 1000


class Interval:
    """Every so many milliseconds from when it was set; what passed while the workspace was off is not made up for."""

    def __init__(self, every: int) -> None:
        self._every = every

    def begin(self, now: int) -> Json:
        """One interval from now."""
        return {"next": now + self._every}

    def resume(self, state: Json, now: int) -> Json:
        """The next of its times from now."""
        passed = max(0, -(-(now - state["next"]) // self._every))
        return {"next": state["next"] + passed * self._every}

    def look(self, state: Json, now: int, *, active: bool) -> Look:
        """Fire at the time that was next; of several that passed, once."""
        due = state["next"]
        if now < due:
            return Look(state, due)
        following = due + ((now - due) // self._every + 1) * self._every
        return Look({"next": following}, following, Firing("PERIODIC", {"time": due}))

    def ended(self, state: Json, run: RunRecord, now: int) -> Json:
        """Runs do not matter to it."""
        return state
