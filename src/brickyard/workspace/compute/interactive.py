"""The Spark engine that everybody shares who connects to the workspace from outside: there while it is used."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.client import Exit, ForkServerClient, ForkServerGone

__all__ = ["EngineFailed", "InteractiveEngine", "search_path"]

_START_SECONDS = 120
_LONGEST_SOCKET = 90  # a path of a socket has at most 104 bytes on macOS, 108 on Linux
_log = logging.getLogger(__name__)


class EngineFailed(Exception):
    """The engine could not be started; the message says why."""


class _Start:
    """One start of the engine, for which several may wait; `over` is called when it has ended by itself."""

    def __init__(self, over: Callable[[], None]) -> None:
        self._over = over
        self.done = threading.Event()
        self.socket = ""
        self.error = ""

    def answered(self, message: dict[str, Any]) -> None:
        self.socket, self.error = message.get("remote", ""), message.get("error", "")
        self.done.set()

    def ended(self, end: Exit) -> None:
        self.error = self.error or end.error or f"its process ended with {end.code}"
        self.done.set()
        if end.code is not None:
            self._over()


class InteractiveEngine:
    """Starts the engine with the first connection, and again when it has ended.

    Args:
        fork_server: The running fork server; started where there is none.
        message: What an engine is told, but for its places.
        scratch: A directory of its own.
        over: Called when the engine has ended.
    """

    def __init__(
        self,
        fork_server: Callable[[], ForkServerClient],
        message: Callable[[], dict[str, Any]],
        scratch: Path,
        over: Callable[[], None] = lambda: None,
    ) -> None:
        self._ended = over
        self._fork_server = fork_server
        self._message = message
        self._scratch = scratch
        self._sockets: Path | None = None
        self._start: _Start | None = None
        self._lock = threading.Lock()

    def socket(self, lost: str = "") -> str:
        """Where the engine listens; starts it where it does not run.

        Args:
            lost: Where it was found not to listen any more.

        Raises:
            EngineFailed: It does not start.
        """
        with self._lock:
            if self._start is not None and self._over(self._start, lost):
                self._start = None
            start = self._start = self._start or self._begin()
        if not start.done.wait(_START_SECONDS):
            raise EngineFailed(f"it did not answer within {_START_SECONDS} seconds")
        if start.error:
            raise EngineFailed(start.error)
        return start.socket

    def close(self) -> None:
        """Remove what an engine that has ended has left."""
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
        shutil.rmtree(self._scratch, ignore_errors=True)

    @staticmethod
    def _over(start: _Start, lost: str) -> bool:
        return start.done.is_set() and (bool(start.error) or start.socket == lost)

    def _begin(self) -> _Start:
        self.close()
        self._scratch.mkdir(parents=True, mode=0o700)
        self._sockets = self._place()
        start = _Start(self._ended)
        own = {"scratch": str(self._scratch), "socket": str(self._sockets / uuid.uuid4().hex[:12])}
        try:
            self._fork_server().spawn(
                self._message() | own | {"do": "engine"},
                started=lambda pid: None,
                ended=start.ended,
                heard=start.answered,
            )
        except (ForkServerGone, OSError) as error:
            raise EngineFailed(str(error)) from error
        _log.info("starting the Spark engine of clients from outside")
        return start

    def _place(self) -> Path:
        """A private directory for sockets, whose names must be short."""
        if len(os.fsencode(self._scratch)) < _LONGEST_SOCKET - 13:
            return self._scratch
        return Path(tempfile.mkdtemp(prefix="brickyard-"))


def search_path() -> list[str]:
    """What Python functions of clients import from: what the workspace itself does."""
    return [str(Path(entry).resolve()) for entry in sys.path if entry]
