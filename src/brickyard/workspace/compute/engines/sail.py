"""Sail: a process for each session, forked by the fork server."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from brickyard.workspace.compute.engines.base import Address, Capabilities, Work
from brickyard.workspace.compute.engines.forks import Fork, Forks
from brickyard.workspace.compute.engines.sail_process import checkpoints

__all__ = ["SailEngine"]

_START_SECONDS = 60
_ANSWER_SECONDS = 5


class SailServer:
    """A forked Sail process, and its own directory."""

    def __init__(self, fork: Fork, scratch: Path) -> None:
        self._fork = fork
        self._scratch = scratch
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

    @property
    def kept(self) -> Path:
        """Where it keeps rows, and does not remove them itself (Sail 0.7.2)."""
        return checkpoints(self._scratch)

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
        """End it at once, and remove what it kept."""
        self._fork.kill()
        shutil.rmtree(self._scratch, ignore_errors=True)


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
        }
        self._scratch = scratch / "sail"
        self._lock = threading.Lock()
        self._ahead: tuple[Fork, Path] | None = self._forked()

    def start(self) -> SailServer:
        """A Sail process of its own for a session."""
        with self._lock:
            ahead, self._ahead = self._ahead, None
        return SailServer(*(ahead if ahead is not None and ahead[0].ended() is None else self._forked()))

    def _forked(self) -> tuple[Fork, Path]:
        """A process with a directory of its own: two users may have a session of one id."""
        own = self._scratch / uuid.uuid4().hex
        return self._forks.fork(self._message | {"scratch": str(own)}), own

    def close(self) -> None:
        """The processes end with the gateway's own."""
