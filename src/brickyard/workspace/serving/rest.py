"""The rest of a process that nobody asks: it ends, and the next request starts it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Rest"]


class Rest:
    """Knows who uses a process, since when nobody does, and whether it has ended for that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._using = 0
        self._used_at = time.monotonic()
        self._asleep = False
        self._awake = threading.Event()
        self._awake.set()

    @property
    def asleep(self) -> bool:
        """Whether the process has ended, or is to end, until somebody uses it."""
        return not self._awake.is_set()

    def begin(self, idle_seconds: float) -> bool:
        """Say that the process is to end, unless it is used or was used a shorter time ago; whether it is."""
        with self._lock:
            if self._using or self.asleep or time.monotonic() - self._used_at < idle_seconds:
                return False
            self._asleep = True
            self._awake.clear()
            return True

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep the process from rest meanwhile, and end its rest."""
        with self._lock:
            self._using += 1
            self._awake.set()
        try:
            yield
        finally:
            with self._lock:
                self._using -= 1
                self._used_at = time.monotonic()

    def over(self) -> bool:
        """Wait until the process is wanted again, where it has ended for rest; whether it had."""
        with self._lock:
            asleep, self._asleep = self._asleep, False
        self._awake.wait()
        return asleep

    def end(self) -> None:
        """End the rest for good, so that nobody waits."""
        self._awake.set()
