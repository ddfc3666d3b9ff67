"""A clock that the test sets, and looks at the triggers when the test says so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from brickyard.workspace.jobs.records import RunRecord
from tests.workspace.jobs.lab import Lab


class Hands:
    """A lab whose triggers go by a clock of the test's own."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.now = 0
        self.set("2031-05-05T00:00:00")  # a Monday, after every time of the real clock
        self.take()

    def take(self) -> None:
        """Give the lab this clock; to be said again after a restart."""
        self.lab.jobs.triggers.clock = lambda: self.now

    def set(self, moment: str) -> None:
        """It is now that time of UTC."""
        self.now = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)

    def at(self, moment: str) -> list[RunRecord]:
        """Look at that time; answers all runs so far, oldest first."""
        self.set(moment)
        return self.tick()

    def later(self, seconds: float) -> list[RunRecord]:
        """Look so much later."""
        self.now += int(seconds * 1000)
        return self.tick()

    def tick(self) -> list[RunRecord]:
        """Look now."""
        from brickyard.workspace.jobs.run_store import RunFilter

        self.lab.jobs.triggers.tick()
        return self.lab.jobs.runs(RunFilter(), 100)[::-1]


@pytest.fixture
def hands(lab: Lab) -> Hands:
    return Hands(lab)
