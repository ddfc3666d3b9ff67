"""The Spark engine of a running cluster: a process of its own, to which everybody connects who may attach to it."""

from __future__ import annotations

import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from brickyard.workspace.compute.client import Exit
from brickyard.workspace.compute.engines.forks import how_it_ended
from brickyard.workspace.compute.interactive import EngineFailed
from brickyard.workspace.compute.service import Compute

__all__ = ["ClusterEngine"]

_START_SECONDS = 120
#: Beside the socket nothing is there: its path may be as short as a few systems want it.
_PREFIX = "brickyard-cluster-"


class ClusterEngine:
    """Starts the gateway of one cluster, and hears of its work and its end.

    Args:
        compute: Starts it.
        message: What it is told: environment variables, Spark properties and where it imports from.
        scratch: A directory of its own.
        ended: Called when it has ended, with words for how.
        worked: Called when it has done something for a client, with how many seconds ago that was.

    Attributes:
        pid: Its process; 0 before it has answered.
    """

    def __init__(
        self,
        compute: Compute,
        message: Mapping[str, Any],
        scratch: Path,
        ended: Callable[[str], None],
        worked: Callable[[float], None],
    ) -> None:
        self._scratch = scratch
        self._cluster_id = str(message["cluster_id"])
        self._tell_ended, self._worked = ended, worked
        self._answered = threading.Event()
        self._error = ""
        self._port = 0
        self.pid = 0
        scratch.mkdir(parents=True, mode=0o700, exist_ok=True)
        self._sockets = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.socket = str(self._sockets / uuid.uuid4().hex[:12])
        own = {"scratch": str(scratch), "socket": self.socket}
        self._kill, self._tell = compute.start_engine({**message, **own}, self._heard, self._ended)

    def wait(self) -> None:
        """Wait until it listens.

        Raises:
            EngineFailed: It does not start.
        """
        if not self._answered.wait(_START_SECONDS):
            raise EngineFailed(f"it did not answer within {_START_SECONDS} seconds")
        if not self._port:
            raise EngineFailed(self._error)

    def remote(self, token: str, user_name: str) -> str:
        """The connection string of a client that has one of the workspace's tokens."""
        own = (
            f"user_id={quote(user_name, safe='')};x-brickyard-token={token};x-databricks-cluster-id={self._cluster_id}"
        )
        return f"sc://127.0.0.1:{self._port}/;{own}"

    def add_import(self, directory: str) -> None:
        """Let Python functions of its sessions import from one more directory."""
        self._tell({"import": directory})

    def kill(self) -> None:
        """End it with everything that it has started; `ended` is called then."""
        self._kill()

    def _heard(self, message: dict[str, Any]) -> None:
        if "used" in message:
            self._worked(message["used"])
            return
        self._port, self.pid = message.get("port", 0), message.get("pid", 0)
        self._error = message.get("error", "")
        self._answered.set()

    def _ended(self, end: Exit) -> None:
        gone = "was lost: the process that executes tasks has ended"
        how = end.error or (gone if end.code is None else how_it_ended(end.code))
        self._error = self._error or how
        self._port = 0
        self._answered.set()
        shutil.rmtree(self._sockets, ignore_errors=True)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._tell_ended(how)
