"""The use of a running cluster by something else: a task of a job, a context of command execution."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brickyard.workspace.clusters.running_cluster import RunningCluster

__all__ = ["Claim", "ClusterUnavailable"]


_log = logging.getLogger(__name__)


class ClusterUnavailable(Exception):
    """There is no running cluster to be had; the message says why.

    Attributes:
        code: The vendor's termination code of a run that needed it.
    """

    def __init__(self, message: str, code: str = "CLUSTER_ERROR") -> None:
        super().__init__(message)
        self.code = code


class Claim:
    """What a running cluster gives to one of its users, until it is released or lost.

    While there is one that does not rest, the cluster does not end for want of activity. Several can be held at once;
    each client of the engine has sessions of its own there. A process that uses the engine releases its Spark sessions
    when it ends (`spark.stop()`), as the engine goes on without it.

    Attributes:
        cluster_id: The cluster.
        environment: Environment variables for processes on it, with references to secrets as they are.
        spark_conf: The cluster's Spark properties, likewise. Sessions of its engine begin with them.
        secrets: The secrets' values, by the reference that stands for each: not to be written anywhere, and to be
            redacted in what is shown.
        search_path: Directories from which processes on it import: its libraries.
        resting: Whether it does nothing now.
    """

    def __init__(self, running: RunningCluster) -> None:
        self.resting = False
        self._running = running
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._outputs: list[Path] = []
        self._callbacks: list[Callable[[str], None]] = []
        version = str(running.cluster.definition["spark_version"]).partition(".x-")[0]
        self.cluster_id = running.cluster.id
        self.environment: Mapping[str, str] = {"DATABRICKS_RUNTIME_VERSION": version, **running.values.environment}
        self.spark_conf = running.values.spark_conf
        self.secrets = running.values.secrets
        self.search_path = tuple(running.search_path)

    def remote(self, token: str, user_name: str) -> str:
        """The Spark Connect address of the cluster's engine for who has a token of the workspace: `sc://..`."""
        engine = self._running.engine
        return "" if engine is None else engine.remote(token, user_name)

    def follow(self, output: Path, what: str) -> None:
        """Have what is printed to a file delivered with the cluster's logs, until the claim is released.

        Args:
            output: The file; it has no secrets in it.
            what: What prints it, for the log of what happens.
        """
        self._outputs.append(output)
        self._running.logs.note(f"{what} begins")
        self._running.logs.follow(output)

    def ended(self, what: str, trace: str = "") -> None:
        """Have said in the cluster's logs how something on it has ended: without secrets, with its traceback."""
        self._running.logs.note(what, "ERROR" if trace else "INFO")
        if trace:
            self._running.logs.failed(f"{what}\n{trace}")

    def rest(self, resting: bool) -> None:
        """Do nothing from now on, or something again; for users that hold a claim for longer than they work."""
        if resting != self.resting:
            self._running.used()
            self.resting = resting

    def when_lost(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with the reason when the cluster ends before the claim is released; at once where it has."""
        with self._lock:
            if self._reason is None:
                self._callbacks.append(callback)
                return
        callback(self._reason)

    def lost(self, reason: str) -> None:
        """The cluster has ended; for the cluster service."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback(reason)
            except Exception:  # the others have to hear of it as well
                _log.exception("the end of cluster %s could not be told", self.cluster_id)

    def release(self) -> None:
        """Use it no more; does nothing the second time."""
        with self._lock:
            self._callbacks = []
        try:
            for output in self._outputs:
                self._running.logs.leave(output)
        finally:
            self._running.claims.discard(self)
            self._running.used()

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
