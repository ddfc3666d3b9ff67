"""The trigger of continuous jobs: one run is always active, and failures are followed by longer and longer waits.

Source: https://docs.databricks.com/jobs/continuous.html , which says less than a minute passes between two runs, and
leaves the waits after failures to the system: here 10 seconds, doubled by each failure, to at most half an hour.
"""

from __future__ import annotations

from brickyard.workspace.jobs.records import Json, RunRecord
from brickyard.workspace.jobs.triggers.base import Firing, Look

__all__ = ["Continuous"]

_BETWEEN = 1_000
_FIRST_WAIT, _LONGEST_WAIT = 10_000, 1_800_000
_HEALTHY = 3_600_000  # a run that lasted so long was healthy, however it ended
_NOT_FAILED = ("SUCCESS", "SUCCESS_WITH_FAILURES", "CANCELED")


class Continuous:
    """Starts a run as soon as none is active."""

    def begin(self, now: int) -> Json:
        """At once."""
        return {"failures": 0, "next": now}

    def resume(self, state: Json, now: int) -> Json:
        """Failures still count after a restart of the workspace."""
        return state

    def look(self, state: Json, now: int, *, active: bool) -> Look:
        """Fire when no run is active and the wait is over; while one is, its end is what is next."""
        if active:
            return Look(state, None)
        if now < state["next"]:
            return Look(state, state["next"])
        return Look(state, None, Firing("CONTINUOUS", {"time": now}))

    def ended(self, state: Json, run: RunRecord, now: int) -> Json:
        """Wait longer after each failure, and hardly at all after a run that was healthy."""
        lasted = (run.ended_at or 0) - (run.started_at or run.ended_at or 0)
        if run.state.result in _NOT_FAILED:
            return {"failures": 0, "next": now + _BETWEEN}
        failures = 1 if lasted >= _HEALTHY else state["failures"] + 1
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(failures - 1, 20))
        return {"failures": failures, "next": now + wait}
