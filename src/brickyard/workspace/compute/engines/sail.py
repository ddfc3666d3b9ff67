"""Sail: a process for each session, forked by the fork server."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from brickyard.workspace.compute.engines.base import Address, Capabilities, Work
from brickyard.workspace.compute.engines.forks import Fork, Forks

__all__ = ["SailEngine"]

_START_SECONDS = 60
_ANSWER_SECONDS = 5


class SailServer:
    """A forked Sail process."""

    def __init__(self, fork: Fork) -> None:
        self._fork = fork
        try:
            answer = fork.answer(_START_SECONDS)
        except TimeoutError:
            fork.kill()
            raise RuntimeError(f"The Spark engine 'sail' did not start within {_START_SECONDS} seconds.") from None
        if "address" not in answer:
            said = answer.get("error") or fork.ended(1) or "said nothing"
            raise RuntimeError(f"The Spark engine 'sail' did not start: {said}.")
        self._address = Address(answer["address"])

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._address

    def interrupt(self, timeout: float) -> Work:
        """Raise an exception in the threads that execute Python functions; what is still done."""
        answer = self._fork.ask({"do": "interrupt"}, timeout)
        return Work(answer.get("functions", 0), answer.get("computes", False))

    def import_from(self, entry: str) -> None:
        """Put a directory or archive on the path of Python functions."""
        self._fork.ask({"do": "import", "entry": entry}, _ANSWER_SECONDS)

    def work_in(self, directory: str) -> None:
        """Make a directory the one that Python functions work in."""
        self._fork.ask({"do": "work in", "directory": directory}, _ANSWER_SECONDS)

    def ended(self, timeout: float = 0) -> str | None:
        """How it ended; none while it runs."""
        return self._fork.ended(timeout)

    def kill(self) -> None:
        """End it at once."""
        self._fork.kill()


class SailEngine:
    """Starts Sail processes; the first one ahead of the first session.

    Args:
        forks: The fork server.
        search_path: What Python functions import from.
        environ: Their environment variables.
        scratch: A private directory.
    """

    capabilities = Capabilities("sail")

    def __init__(self, forks: Forks, search_path: Sequence[str], environ: Mapping[str, str], scratch: Path) -> None:
        self._forks = forks
        self._message = {
            "do": "sail",
            "search_path": list(search_path),
            "environ": dict(environ),
            "scratch": str(scratch),
        }
        self._lock = threading.Lock()
        self._ahead: Fork | None = forks.fork(self._message)

    def start(self) -> SailServer:
        """A Sail process of its own for a session."""
        with self._lock:
            fork, self._ahead = self._ahead, None
        if fork is not None and fork.ended() is None:
            return SailServer(fork)
        return SailServer(self._forks.fork(self._message))

    def close(self) -> None:
        """The processes end with the gateway's own."""
