"""What a run holds while it is active, and gives back when it is left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.jobs.people import whoever_runs
from brickyard.workspace.jobs.records import RunRecord

if TYPE_CHECKING:
    from brickyard.workspace.jobs.execution import Surroundings

__all__ = ["Holdings"]

_log = logging.getLogger(__name__)
TOKEN_LIFETIME_SECONDS = 7 * 24 * 3600


class Holdings:
    """A run's token, the places of its attempts, its clusters and its code.

    Args:
        around: Where they are from.
        run_id: The run.

    Attributes:
        token: What the tasks of the run authenticate with.
    """

    def __init__(self, around: Surroundings, run_id: int) -> None:
        self._around = around
        self._places: set[int] = set()
        self.token = ""
        around.clusters.begin(run_id)

    def issue_token(self, run: RunRecord) -> RunRecord:
        """Give the run a token; the one that it had before a restart ends.

        Raises:
            Nobody: The principal that the run runs as is gone.
        """
        identity = self._around.workspace.identity
        owner = whoever_runs(self._around.workspace, run.run_as)
        if run.token_id is not None:
            try:
                identity.delete_token(owner, run.token_id)
            except ApiError:
                _log.info("the token of run %s had ended already", run.run_id)
        self.token, record = identity.create_token(owner, f"run {run.run_id}", TOKEN_LIFETIME_SECONDS, listed=False)
        return replace(run, token_id=record.id)

    def end_token(self, run: RunRecord) -> RunRecord:
        """End the run's token, where it has one."""
        if run.token_id is not None:
            self._around.workspace.identity.revoke_token(self.token)
        return replace(run, token_id=None)

    def take_places(self, attempts: Iterable[int]) -> None:
        """These attempts have places now."""
        self._places.update(attempts)

    def give_back(self, *attempts: int) -> None:
        """Give back the places of these attempts, where they hold any."""
        for attempt in self._places.intersection(attempts):
            self._places.discard(attempt)
            self._around.slots.give_back()

    def release(self, run: RunRecord, *, ended: bool) -> None:
        """Give everything back; where one thing fails, the others are given back nevertheless.

        Args:
            run: The run as it is now.
            ended: Whether it has ended; else the workspace stops, and the next start goes on with it.
        """
        around = self._around
        steps: list[Callable[[], None]] = [
            lambda: around.slots.forget(run.run_id),
            lambda: self.give_back(*self._places),
        ]
        if ended:
            steps += [
                lambda: around.clusters.end(run.run_id),
                lambda: around.git.leave(run),
                lambda: around.on_end(run),
            ]
        for step in steps:
            try:
                step()
            except Exception:  # whatever it is, what comes after it does not depend on it
                _log.exception("run %s could not give back all that it held", run.run_id)
