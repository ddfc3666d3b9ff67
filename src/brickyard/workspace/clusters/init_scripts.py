"""Init scripts: executed one after the other before a cluster's engine starts, each with logs of its own.

What a script exports is not there for others, as on the service: each is a process
(https://docs.databricks.com/init-scripts/environment-variables.html).
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from brickyard.runtime.redaction import Redactor
from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.clusters import hooks
from brickyard.workspace.clusters.records import ClusterRecord, Json, Reason
from brickyard.workspace.compute.environ import TASK_MARK
from brickyard.workspace.compute.processes import signal_group

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["PLACES", "REFUSED_PLACES", "InitScripts", "ScriptFailed"]

#: Where scripts can be, and where the service has them besides.
PLACES, REFUSED_PLACES = ("workspace", "volumes", "dbfs", "file"), ("abfss", "s3", "gcs")
_SHOWN = 500
_LONGEST_NAME = 180  # bytes: file systems take 255
_ID = "DB_CLUSTER_ID"


class ScriptFailed(Exception):
    """A script could not be read, or ended with another exit code than 0."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


@dataclass
class _Script:
    info: Json
    name: str
    is_global: bool = False
    file: Path | None = None
    outcome: Json = field(default_factory=lambda: {"status": "NOT_EXECUTED"})


class InitScripts:
    """The scripts of one start of a cluster.

    Args:
        workspace: Whose files they are.
        cluster: Whose scripts; its creator must be able to read them.
        environment: The cluster's environment variables.
        secrets: What logs must not show.
    """

    def __init__(
        self, workspace: Workspace, cluster: ClusterRecord, environment: Mapping[str, str], secrets: Iterable[str]
    ) -> None:
        self._workspace = workspace
        self._cluster = cluster
        self._environment = workspace.compute.environment({**environment, **_variables(cluster)})
        self._redactor = Redactor(secrets)
        self._logs = workspace.root / "clusters" / cluster.id / "init_scripts"
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()
        self.found = [_Script({}, name, True, file) for name, file in hooks.global_scripts(workspace, cluster)]
        for info in cluster.definition.get("init_scripts") or []:
            self.found.append(_Script(info, next(info[place]["destination"] for place in PLACES if info.get(place))))

    def run(self) -> None:
        """Execute them until one fails.

        Raises:
            ScriptFailed: One has failed, or they were stopped.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        for number, script in enumerate(self.found):
            begun = time.monotonic()
            try:
                self._execute(script, number)
            finally:
                script.outcome["execution_duration_seconds"] = round(time.monotonic() - begun)

    def stop(self) -> None:
        """End the one that runs, with everything that it has started."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                signal_group(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """End what the scripts have left running, as a service that one has started."""
        import psutil

        for process in psutil.process_iter():
            try:
                environ = process.environ()
                if environ.get(TASK_MARK) == self._environment[TASK_MARK] and environ.get(_ID) == self._cluster.id:
                    process.kill()
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue

    def details(self) -> Json:
        """The vendor's `EventDetails` of what has been executed so far."""
        own = [{**one.info, **one.outcome} for one in self.found if not one.is_global]
        of_all = [{"file": {"destination": one.name}, **one.outcome} for one in self.found if one.is_global]
        return {"init_scripts": {"cluster": own, "global": of_all, "reported_for_node": "127.0.0.1"}}

    def statuses(self) -> list[tuple[str, str]]:
        """What became of each, by its name."""
        return [(one.name, one.outcome["status"]) for one in self.found]

    def _execute(self, script: _Script, number: int) -> None:
        try:
            text = self._text(script)
        except (ApiError, OSError) as error:
            said = error.message if isinstance(error, ApiError) else f"{type(error).__name__}: {error.strerror}"
            raise self._failed(script, "FAILED_FETCH", f"Cannot read the script: {said}") from error
        code, errors = self._run_text(
            text, f"{time.strftime('%Y%m%d_%H%M%S')}_{number:02}_{_short(Path(script.name).name)}"
        )
        if code:
            script.outcome["stderr"] = errors[-_SHOWN:]
            raise self._failed(script, "FAILED_EXECUTION", f"Script exit status is non-zero ({code})")
        script.outcome["status"] = "SUCCEEDED"

    def _text(self, script: _Script) -> bytes:
        if script.file is not None:
            return script.file.read_bytes()
        if script.info.get("file"):
            return Path(script.name.removeprefix("file:")).read_bytes()
        path = script.name
        if script.info.get("workspace") and not path.startswith("/Workspace/"):
            path = f"/Workspace{path}"
        files = self._workspace.files
        creator = self._workspace.identity.principal_named(self._cluster.creator_name)
        files.place_access.require_read(creator, files.roots.located(path).path)
        return files.local_path(path).read_bytes()

    def _run_text(self, text: bytes, name: str) -> tuple[int, str]:
        """Execute a script; its exit code, and what it wrote to its standard error."""
        with tempfile.TemporaryDirectory(prefix="brickyard-init-") as directory:
            script = Path(directory) / "script.sh"
            script.write_bytes(text)
            outputs = [Path(directory) / kind for kind in ("stdout", "stderr")]
            with outputs[0].open("wb") as out, outputs[1].open("wb") as err:
                code = self._wait(script, out, err)
            said = [self._redactor.redact(one.read_text(errors="replace")) for one in outputs]
        for kind, one in zip(("stdout", "stderr"), said, strict=True):
            (self._logs / f"{name}.{kind}.log").write_text(one)
        return code, said[1]

    def _wait(self, script: Path, out: BinaryIO, err: BinaryIO) -> int:
        with self._lock:
            if self._stopped:
                return -signal.SIGKILL
            self._process = subprocess.Popen(
                ["/bin/bash", str(script)],
                env=self._environment,
                cwd=script.parent,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        code = int(self._process.wait())
        with self._lock:
            self._process = None
        return code

    def _failed(self, script: _Script, status: str, message: str) -> ScriptFailed:
        script.outcome |= {"status": status, "error_message": message}
        scope, code = (
            ("Global", "GLOBAL_INIT_SCRIPT_FAILURE") if script.is_global else ("Cluster scoped", "INIT_SCRIPT_FAILURE")
        )
        whole = f"{scope} init script {script.name} failed: {message}"
        return ScriptFailed(Reason.fault(code, whole, "CLIENT_ERROR"))


def _short(name: str) -> str:
    """A name that has a place in the name of a log."""
    return name.encode(errors="replace")[:_LONGEST_NAME].decode(errors="ignore").replace("\0", "")


def _variables(cluster: ClusterRecord) -> dict[str, str]:
    """What the service gives to init scripts."""
    definition = cluster.definition
    return {
        _ID: cluster.id,
        "DB_CLUSTER_NAME": cluster.name,
        "DB_IS_DRIVER": "TRUE",
        "DB_DRIVER_IP": "127.0.0.1",
        "DB_CONTAINER_IP": "127.0.0.1",
        "DB_INSTANCE_TYPE": str(definition.get("driver_node_type_id") or definition.get("node_type_id") or ""),
        "DB_IS_JOB_CLUSTER": "TRUE" if cluster.source == "JOB" else "FALSE",
    }
