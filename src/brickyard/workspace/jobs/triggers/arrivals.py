"""Triggers that look at what is there: new files in a place, new versions of tables."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.jobs.records import Json, RunRecord
from brickyard.workspace.jobs.triggers.base import Firing, Look

__all__ = ["POLL", "FileArrival", "TableUpdate", "Waits"]

POLL = 5_000  # between two looks; the vendor's are a minute apart
_log = logging.getLogger(__name__)

#: What is in a place: the name of each file, and what changes with it.
Files = Mapping[str, list[int]]
#: What is known of a table: its newest version, and when that was committed, in epoch milliseconds.
Commit = tuple[int, int]


class Waits:
    """How long a trigger waits, in milliseconds.

    Args:
        between: At least so long after it has fired.
        quiet: At least so long after the last change.
    """

    def __init__(self, between: int, quiet: int) -> None:
        self._between = between
        self._quiet = quiet

    def over(self, state: Json, now: int) -> bool:
        """Whether it may fire now."""
        fired = state.get("fired")
        return now - state["changed"] >= self._quiet and (fired is None or now - fired >= self._between)


class FileArrival:
    """Fires when there are files that were not there before; a file that is written again is not new.

    Args:
        url: The place, as the job names it.
        files: Answers what is there.
        waits: How long it waits.
    """

    def __init__(self, url: str, files: Callable[[], Files], waits: Waits) -> None:
        self._url = url
        self._files = files
        self._waits = waits

    def begin(self, now: int) -> Json:
        """What is there already is not new; of a place that cannot be read, everything is once it can."""
        try:
            seen = sorted(self._files())
        except ApiError as error:
            _log.warning("file arrival at %s: %s", self._url, error.message)
            seen = []
        return {"seen": seen, "new": {}, "changed": now}

    def resume(self, state: Json, now: int) -> Json:
        """What came while the workspace was off is new."""
        return state

    def look(self, state: Json, now: int, *, active: bool) -> Look:
        """Compare what is there with what was seen."""
        try:
            found = self._files()
        except ApiError as error:
            _log.warning("file arrival at %s: %s", self._url, error.message)
            return Look(state, now + POLL)
        seen = [name for name in state["seen"] if name in found]
        known = frozenset(seen)
        new = {name: marks for name, marks in found.items() if name not in known}
        after: Json = state | {"seen": seen, "new": new}
        if new != state["new"]:
            after["changed"] = now
        if not new or not self._waits.over(after, now):
            return Look(after, now + POLL)
        fired = {"seen": sorted(found), "new": {}, "changed": now, "fired": now}
        return Look(fired, now + POLL, Firing("FILE_ARRIVAL", {"time": now, "location": self._url}, again=True))

    def ended(self, state: Json, run: RunRecord, now: int) -> Json:
        """Runs do not matter to it."""
        return state


class TableUpdate:
    """Fires when one of some tables, or each of them, has a version that it did not have before.

    Args:
        tables: Their full names.
        commits: Answers what is known of a table; nothing where it is not there.
        every: Whether all of them must have been updated.
        waits: How long it waits.
    """

    def __init__(
        self, tables: list[str], commits: Callable[[str], Commit | None], waits: Waits, *, every: bool
    ) -> None:
        self._tables = tables
        self._commits = commits
        self._waits = waits
        self._every = every

    def begin(self, now: int) -> Json:
        """The versions that there are."""
        found = {name: self._commit(name) for name in self._tables}
        return {"versions": {name: one and one[0] for name, one in found.items()}, "updated": {}, "changed": now}

    def resume(self, state: Json, now: int) -> Json:
        """What was updated while the workspace was off counts."""
        return state

    def look(self, state: Json, now: int, *, active: bool) -> Look:
        """Compare the versions with those that were seen."""
        versions, updated = dict(state["versions"]), dict(state["updated"])
        for name in self._tables:
            commit = self._commit(name)
            if commit is not None and commit[0] != versions[name]:
                versions[name], updated[name] = commit[0], list(commit)
        after = state | {"versions": versions, "updated": updated}
        if updated != state["updated"]:
            after["changed"] = now
        enough = len(updated) == len(self._tables) if self._every else bool(updated)
        if not enough or not self._waits.over(after, now):
            return Look(after, now + POLL)
        info = {"time": now, "tables": updated}
        return Look(after | {"updated": {}, "fired": now}, now + POLL, Firing("TABLE", info, again=True))

    def ended(self, state: Json, run: RunRecord, now: int) -> Json:
        """Runs do not matter to it."""
        return state

    def _commit(self, name: str) -> Commit | None:
        try:
            return self._commits(name)
        except ApiError as error:
            _log.warning("table update of %s: %s", name, error.message)
            return None
