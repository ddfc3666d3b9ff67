"""The delivery of a cluster's logs to where its definition says: `cluster_log_conf`.

As on the service, they are in `<destination>/<cluster id>`: what the driver has put out in `driver`, and the output of
init scripts in `init_scripts` (https://docs.databricks.com/compute/configure and /init-scripts/logs.html). What a
process of a cluster prints is in the file of its task without secrets; from there it is added to `driver/stdout`.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.runtime.redaction import Redactor
from brickyard.workspace.api.errors import ApiError, InvalidParameterValue
from brickyard.workspace.clock import now
from brickyard.workspace.clusters.records import ClusterRecord

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["LogDelivery"]

#: The service delivers every five minutes.
_SECONDS = 60.0
_CHUNK = 1 << 20
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
        self._followed: dict[Path, int] = {}
        self._over = threading.Event()

    @property
    def active(self) -> bool:
        """Whether there is a destination."""
        return bool(self._conf)

    def begin(self) -> None:
        """The cluster starts: deliver from now on, until `finish`."""
        if self.active:
            threading.Thread(target=self._run, name=f"logs-{self._cluster.id}", daemon=True).start()

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
                self._followed.setdefault(output, 0)

    def leave(self, output: Path) -> None:
        """The process has ended: deliver the rest of what it has printed, before the file may be removed."""
        if output in self._followed:
            self._deliver()
            with self._lock:
                self._followed.pop(output, None)

    def finish(self) -> None:
        """The cluster has ended: deliver what is left."""
        self._over.set()
        if self.active:
            self._deliver()

    def _add(self, name: str, text: str) -> None:
        if self.active:
            with self._lock:
                self._texts[name] += self._redactor.redact(text).encode(errors="backslashreplace")

    def _run(self) -> None:
        while not self._over.wait(_SECONDS):
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
                exception = f"{type(error).__name__}: {error.strerror}"
            status = {"last_attempted": now()} | ({"last_exception": exception} if exception else {})
            try:
                self._workspace.clusters.store.change(self._cluster.id, log_status=status)
            except Exception:  # a full disk, say: nothing ends for it
                _log.exception("the delivery of the logs of cluster %s could not be noted", self._cluster.id)

    def _deliver_all(self) -> None:
        place = self._place()
        for name in (_STDERR, _LOG4J):
            path = place(name)
            with self._lock:
                text = self._texts[name]
            _append(path, text)
            with self._lock:
                self._texts[name] = self._texts[name][len(text) :]
        stdout = place(_STDOUT)
        _append(stdout, b"")
        for output in list(self._followed):
            self._add_new(output, stdout)
        for script_log in sorted(self._scripts.glob("*.log")):
            path = place(f"init_scripts/{self._cluster.id}_{_ADDRESS}/{script_log.name}")
            if not path.exists():
                shutil.copyfile(script_log, path)

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

    def _add_new(self, output: Path, path: Path) -> None:
        try:
            with output.open("rb") as source:
                source.seek(self._followed[output])
                while data := source.read(_CHUNK):
                    _append(path, data)
                    self._followed[output] += len(data)
        except FileNotFoundError:
            return  # nothing has been printed


def destination_of(conf: Mapping[str, str]) -> str:
    """Where logs are to be delivered.

    Raises:
        ApiError: It is in the storage of a cloud.
    """
    for kind in ("dbfs", "volumes"):
        if kind in conf:
            return conf[kind]
    raise InvalidParameterValue("cluster_log_conf.s3 is not supported by the local workspace; use dbfs or volumes")


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
