"""The delivery of a cluster's logs to where its definition says: `cluster_log_conf`.

As on the service, they are in `<destination>/<cluster id>`: what the driver has put out in `driver`, and the output of
init scripts in `init_scripts` (https://docs.databricks.com/compute/configure and /init-scripts/logs.html). What a
process of a cluster prints is in the file of its task without secrets; from there it is added to `driver/stdout`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.runtime.redaction import Redactor
from brickyard.workspace.api.errors import ApiError, InvalidParameterValue
from brickyard.workspace.clock import now
from brickyard.workspace.clusters.log_files import Output, append, copy
from brickyard.workspace.clusters.records import ClusterRecord

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["LogDelivery"]

#: The service delivers every five minutes.
_SECONDS = 60.0
#: How long the end of a cluster waits for its logs.
_FINISH_SECONDS = 60.0
#: What is kept while nothing can be delivered: bytes of each text, and outputs of processes that have ended.
_MOST_TEXT, _MOST_LEFT = 1 << 20, 100
_STDOUT, _STDERR, _LOG4J = "driver/stdout", "driver/stderr", "driver/log4j-active.log"
_ADDRESS = "127_0_0_1"
_log = logging.getLogger(__name__)


class LogDelivery:
    """Delivers the logs of one cluster from its start to its end; does nothing where it has no destination.

    Args:
        workspace: Whose files they become.
        cluster: Whose logs; its creator must be able to write to the destination.
        script_logs: The directory with the output of init scripts.
    """

    def __init__(self, workspace: Workspace, cluster: ClusterRecord, script_logs: Path) -> None:
        self._workspace = workspace
        self._cluster = cluster
        self._scripts = script_logs
        conf = cluster.definition.get("cluster_log_conf", {})
        self._conf = {kind: str(one["destination"]) for kind, one in conf.items() if one}
        self._redactor = Redactor(())
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # one delivery after the other
        self._texts: dict[str, bytes] = {_STDERR: b"", _LOG4J: b""}
        self._followed: dict[Path, Output] = {}
        self._left: list[Output] = []  # of processes that have ended
        self._copied: dict[Path, int] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._over = False

    @property
    def active(self) -> bool:
        """Whether there is a destination."""
        return bool(self._conf)

    def begin(self) -> None:
        """The cluster starts: deliver from now on, until `finish`."""
        if self.active:
            self._thread = threading.Thread(target=self._run, name=f"logs-{self._cluster.id}", daemon=True)
            self._thread.start()

    def hide(self, secrets: Iterable[str]) -> None:
        """Values that are shown nowhere."""
        self._redactor = Redactor(secrets)

    def note(self, text: str, level: str = "INFO") -> None:
        """Add a line to the log of what happens to the cluster."""
        self._add(_LOG4J, f"{time.strftime('%y/%m/%d %H:%M:%S', time.gmtime())} {level} Cluster: {text}\n")

    def failed(self, text: str) -> None:
        """Add the traceback of something that failed."""
        self._add(_STDERR, f"{text.rstrip()}\n")

    def follow(self, output: Path) -> None:
        """Deliver what a process on the cluster prints to this file."""
        if self.active:
            with self._lock:
                self._followed.setdefault(output, Output(output))

    def leave(self, output: Path) -> None:
        """The process has ended: the rest of what it has printed is delivered soon, also if the file is removed."""
        with self._lock:
            found = self._followed.pop(output, None)
            if found is None:
                return
            found.end()
            self._left.append(found)
        if self._over:  # it has outlived the cluster
            threading.Thread(target=self._deliver, name=f"logs-{self._cluster.id}", daemon=True).start()
        self._wake.set()

    def finish(self) -> None:
        """The cluster has ended: wait until what is left is delivered."""
        self._over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_FINISH_SECONDS)

    def _add(self, name: str, text: str) -> None:
        if self.active:
            with self._lock:
                added = self._texts[name] + self._redactor.redact(text).encode(errors="backslashreplace")
                self._texts[name] = added[-_MOST_TEXT:]

    def _run(self) -> None:
        over = False
        while not over:
            self._wake.wait(_SECONDS)
            self._wake.clear()
            over = self._over
            self._deliver()

    def _deliver(self) -> None:
        """Deliver what is new, and write what became of that; what could not be delivered is tried again."""
        exception = None
        with self._turn:
            try:
                self._deliver_all()
            except ApiError as error:
                exception = error.message
            except OSError as error:
                exception = f"{type(error).__name__}: {error.strerror or error}"
            except Exception as error:  # the database cannot be read, say
                _log.exception("the logs of cluster %s could not be delivered", self._cluster.id)
                exception = f"{type(error).__name__}: the log of the workspace has the details"
            if exception:
                self._drop(0 if self._over else _MOST_LEFT)
            status = {"last_attempted": now()} | ({"last_exception": exception} if exception else {})
            try:
                self._workspace.clusters.store.note(self._cluster.id, log_status=status)
            except Exception:  # a full disk, say: nothing ends for it
                _log.exception("the delivery of the logs of cluster %s could not be noted", self._cluster.id)

    def _drop(self, most: int) -> None:
        """Keep no more than this of what could not be delivered, the newest."""
        with self._lock:
            dropped, self._left = self._left[: max(0, len(self._left) - most)], self._left[-most:] if most else []
        for output in dropped:
            output.close()

    def _deliver_all(self) -> None:
        place = self._place()
        for name in (_STDERR, _LOG4J):
            path = place(name)
            with self._lock:
                text, self._texts[name] = self._texts[name], b""
            try:
                append(path, text)
            except OSError:
                with self._lock:
                    self._texts[name] = (text + self._texts[name])[-_MOST_TEXT:]
                raise
        self._deliver_outputs(place(_STDOUT))
        for script_log in sorted(self._scripts.glob("*.log")):
            if self._copied.get(script_log) != (size := script_log.stat().st_size):
                copy(script_log, place(f"init_scripts/{self._cluster.id}_{_ADDRESS}/{script_log.name}"))
                self._copied[script_log] = size

    def _deliver_outputs(self, stdout: Path) -> None:
        append(stdout, b"")
        with self._lock:
            left, followed = list(self._left), list(self._followed.values())
        for output in left:
            output.deliver(stdout)
            with self._lock:
                self._left.remove(output)
            output.close()
        for output in followed:
            output.deliver(stdout)

    def _place(self) -> Callable[[str], Path]:
        """What tells where a file of the logs is, in a directory that is there.

        Raises:
            ApiError: There is no such destination, or the cluster's creator may not write to it.
        """
        destination = destination_of(self._conf)
        files = self._workspace.files
        creator = self._workspace.identity.principal_named(self._cluster.creator_name)

        def place(name: str) -> Path:
            found = files.roots.located(f"{destination.rstrip('/')}/{self._cluster.id}/{name}")
            if found.root not in (files.roots.dbfs, files.roots.volumes):
                raise InvalidParameterValue(f"cluster_log_conf: {destination} is neither in DBFS nor in a volume")
            files.writable(found.path)
            files.place_access.require_write(creator, found.path)
            found.local.parent.mkdir(parents=True, exist_ok=True)
            return found.local

        return place


def destination_of(conf: Mapping[str, str]) -> str:
    """Where logs are to be delivered.

    Raises:
        ApiError: It is in the storage of a cloud.
    """
    for kind in ("dbfs", "volumes"):
        if kind in conf:
            return conf[kind]
    raise InvalidParameterValue("cluster_log_conf.s3 is not supported by the local workspace; use dbfs or volumes")
