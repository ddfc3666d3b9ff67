"""How many tasks run at once: as many as there are places, and memory for."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Slots"]


class Slots:
    """A number of places for running tasks; whoever finds none is called when one is free.

    Args:
        limit: How many tasks may run at the same time.
        room: How many more memory allows, when so many run.
    """

    def __init__(self, limit: int, room: Callable[[int], int]) -> None:
        self._limit, self._free = limit, limit
        self._room = room
        self._lock = threading.Lock()
        self._waiting: dict[int, Callable[[], None]] = {}  # in the order in which they came

    def take(self, wanted: int, owner: int, call_me: Callable[[], None]) -> int:
        """Take up to `wanted` places; with fewer than that, `call_me` is called once when a place is free."""
        with self._lock:
            self._waiting.pop(owner, None)
            taken = min(wanted, self._allowed()) if wanted else 0
            self._free -= taken
            following = self._following()
            if taken < wanted:
                self._waiting[owner] = call_me
        following()
        return taken

    def give_back(self) -> None:
        """Free a place."""
        with self._lock:
            self._free += 1
            following = self._following()
        following()

    def forget(self, owner: int) -> None:
        """The owner no longer waits; a place that was offered to it is offered to the next."""
        with self._lock:
            self._waiting.pop(owner, None)
            following = self._following()
        following()

    def look_again(self) -> None:
        """There may be more memory now."""
        if self._waiting:
            with self._lock:
                following = self._following()
            following()

    @property
    def reason(self) -> str:
        """Why somebody who has taken fewer places than wanted has to wait, for people."""
        if self._free == 0:
            return f"Queued due to reaching the limit of {self._limit} active task runs."
        return "Queued because the memory that is available now is needed by the tasks that run."

    def _allowed(self) -> int:
        return min(self._free, self._room(self._limit - self._free)) if self._free else 0

    def _following(self) -> Callable[[], None]:
        """Whom to call, outside the lock, because a place is free."""
        first = next(iter(self._waiting), None)
        if first is None or self._allowed() == 0:
            return _nobody
        return self._waiting.pop(first)


def _nobody() -> None:
    """Nobody waits, or no place is free."""
