"""What runs of a cluster: its init scripts, its libraries and its engine, from its start to its end."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import TYPE_CHECKING, Any, Protocol

from brickyard.workspace.clusters import hooks
from brickyard.workspace.clusters.engine import ClusterEngine
from brickyard.workspace.clusters.init_scripts import InitScripts, ScriptFailed
from brickyard.workspace.clusters.log_delivery import LogDelivery
from brickyard.workspace.clusters.records import ClusterRecord, Json, Reason
from brickyard.workspace.clusters.values import ClusterValues, SecretUnavailable, values_of
from brickyard.workspace.compute.client import ForkServerGone
from brickyard.workspace.compute.engines.choice import EngineChoice, UnknownEngine, split
from brickyard.workspace.compute.initial_catalog import initial_catalog
from brickyard.workspace.compute.interactive import EngineFailed, search_path

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["RunningCluster"]

_SESSION_IDLE_SECONDS = 86_400.0
_log = logging.getLogger(__name__)


class _Listener(Protocol):
    def ready(self, running: RunningCluster) -> None: ...

    def over(self, running: RunningCluster, reason: Reason | None) -> None: ...

    def rest(self) -> None: ...

    def happened(self, running: RunningCluster, kind: str, details: Json) -> None: ...


class RunningCluster:
    """What runs of a cluster between two starts.

    Args:
        workspace: Whose it is.
        cluster: The cluster as it is started; a change of its definition starts another one.
        listener: Hears when it is ready, and once when nothing of it is left: with a reason where it ended by itself.

    Attributes:
        claims: What uses it.
        used_at: When something was last done on it, in seconds (`clock`).
        values: Its environment variables and properties; there once it is ready.
        search_path: What everything on it imports from, its libraries first.
        logs: Where what happens to it and what is printed on it is delivered.
    """

    def __init__(
        self,
        workspace: Workspace,
        cluster: ClusterRecord,
        listener: _Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cluster = cluster
        self.claims: set[Any] = set()
        self.values = ClusterValues({}, {}, {})
        self.search_path: list[str] = []
        self.engine: ClusterEngine | None = None
        self.used_at = clock()
        self.logs = LogDelivery(workspace, cluster, workspace.root / "clusters" / cluster.id / "init_scripts")
        self._clock = clock
        self._workspace = workspace
        self._listener = listener
        self._lock = threading.Lock()
        self._scripts: InitScripts | None = None
        self._libraries: Future[list[str]] = Future()
        self._stopping = self._over = False

    def begin(self) -> None:
        """Start everything, on a thread of its own."""
        hooks.begun(self._workspace, self.cluster)
        self.logs.begin()
        version = self.cluster.definition["spark_version"]
        self.logs.note(f"{self.cluster.id} ({self.cluster.name}) starts with {version}")
        threading.Thread(target=self._run, name=f"cluster-{self.cluster.id}", daemon=True).start()

    def stop(self) -> None:
        """End everything; the listener hears when nothing is left."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            scripts, engine = self._scripts, self.engine
        self._libraries.cancel()
        if scripts is not None:
            scripts.stop()
        if engine is not None:
            engine.kill()

    def used(self) -> None:
        """Something is done on it now."""
        self.used_at = self._clock()

    def idle_seconds(self) -> float:
        """For how long nothing has been done on it; 0 while something uses it."""
        return 0.0 if any(not one.resting for one in list(self.claims)) else self._clock() - self.used_at

    def environment(self) -> dict[str, str]:
        """The variables of its processes, with the secrets' values in them."""
        version = str(self.cluster.definition["spark_version"]).partition(".x-")[0]
        return {"DATABRICKS_RUNTIME_VERSION": version, **self.values.revealed(self.values.environment)}

    def _run(self) -> None:
        try:
            self._prepare()
            self._start_engine()
        except _Stopped:
            self._end(None)
        except SecretUnavailable as error:
            self._end(Reason.fault("SECRET_RESOLUTION_ERROR", str(error), "CLIENT_ERROR"))
        except ScriptFailed as failed:
            self._end(failed.reason)
        except UnknownEngine as error:
            self._end(Reason.fault("INVALID_ARGUMENT", str(error), "CLIENT_ERROR"))
        except (EngineFailed, ForkServerGone, OSError) as error:
            self._end(Reason.fault("SPARK_STARTUP_FAILURE", f"The Spark engine could not be started: {error}"))
        except Exception as error:  # the cluster must not stay PENDING, whatever it is
            _log.exception("cluster %s could not be started", self.cluster.id)
            self._end(Reason.fault("INTERNAL_ERROR", f"{type(error).__name__}: {error}"))

    def _prepare(self) -> None:
        """Read the secrets, execute the init scripts, and install the libraries."""
        use = f"cluster_id={self.cluster.id}"
        self.values = values_of(self._workspace, self.cluster.definition, self.cluster.creator_name, use)
        self.logs.hide(self.values.secrets.values())
        scripts = InitScripts(self._workspace, self.cluster, self.environment(), self.values.secrets.values())
        if scripts.found:
            self._take(scripts)
            self._listener.happened(self, "INIT_SCRIPTS_STARTED", scripts.details())
            try:
                scripts.run()
            finally:
                self._listener.happened(self, "INIT_SCRIPTS_FINISHED", scripts.details())
                for name, status in scripts.statuses():
                    self.logs.note(f"init script {name}: {status}", "INFO" if status == "SUCCEEDED" else "ERROR")
        threading.Thread(target=self._install, name=f"libraries-{self.cluster.id}", daemon=True).start()
        try:
            self.search_path.extend(self._libraries.result())  # behind what was added meanwhile
        except CancelledError as error:
            raise _Stopped from error
        if self.logs.active:
            self._note_libraries()

    def _note_libraries(self) -> None:
        for status, said in self._workspace.libraries.told(self.cluster):
            self.logs.note(said, "INFO" if status == "INSTALLED" else "ERROR")

    def _install(self) -> None:
        """Install the libraries; who stops it does not wait for that, and the next start finds them installed."""
        try:
            found = hooks.installed(self._workspace, self.cluster)
            with contextlib.suppress(InvalidStateError):  # it was stopped
                self._libraries.set_result(found)
        except Exception as error:
            with contextlib.suppress(InvalidStateError):
                self._libraries.set_exception(error)

    def _take(self, scripts: InitScripts) -> None:
        with self._lock:
            if self._stopping:
                raise _Stopped
            self._scripts = scripts

    def _start_engine(self) -> None:
        scratch = self._workspace.root / "clusters" / self.cluster.id / f"engine-{self.cluster.context_id}"
        with self._lock:
            if self._stopping:
                raise _Stopped
            self.engine = ClusterEngine(self._workspace.compute, self._message(), scratch, self._ended, self._worked)
        self.engine.wait()
        self.used()
        self.logs.note("the Spark engine listens")
        if not self._stopping:
            self._listener.ready(self)

    def _message(self) -> Json:
        workspace, definition = self._workspace, self.cluster.definition
        conf = self.values.revealed(self.values.spark_conf)
        choice = EngineChoice.of(conf, workspace.engine)
        return {
            "cluster_id": self.cluster.id,
            "environ": workspace.compute.environment(self.environment()),
            "spark_conf": {**_tags(workspace, self.cluster), **split(conf, choice)},
            "engine": choice.as_dict(),
            "default_catalog": initial_catalog(conf, workspace.identity.settings.default_catalog),
            "search_path": [*self.search_path, *search_path()],
            "session_idle_seconds": _SESSION_IDLE_SECONDS,
            "cluster_name": definition.get("cluster_name", ""),
        }

    def _worked(self, seconds_ago: float) -> None:
        self.used_at = max(self.used_at, self._clock() - seconds_ago)

    def _ended(self, how: str) -> None:
        """The engine's process has ended, as the thread says that hears of all tasks: it does not wait for this."""
        threading.Thread(target=self._without_engine, args=(how,), name="cluster-end", daemon=True).start()

    def _without_engine(self, how: str) -> None:
        """End without an engine; that it did not answer before is said by who waits for it."""
        if self._stopping:
            self._end(None)
        elif self.engine is not None and self.engine.pid:
            self._end(Reason.fault("DRIVER_UNEXPECTED_FAILURE", f"The Spark engine {how}."))
        self._listener.rest()

    def _end(self, reason: Reason | None) -> None:
        with self._lock:
            if self._over:
                return
            self._over = True
        try:
            if self.engine is not None:  # it may have failed without an end
                self.engine.kill()
            if self._scripts is not None:
                self._scripts.end()
            hooks.ended(self._workspace, self.cluster)
            self.logs.note("ends" if reason is None else f"ends: {reason.code}: {reason.message}")
            self.logs.finish()
        finally:
            self._listener.over(self, None if self._stopping else reason)


class _Stopped(Exception):
    """It was stopped while it was being started."""


def _tags(workspace: Workspace, cluster: ClusterRecord) -> dict[str, str]:
    """The properties by which programs find out on which cluster they run."""
    prefix = "spark.databricks.clusterUsageTags."
    tags = cluster.default_tags | cluster.definition.get("custom_tags", {})
    is_fixed = "autoscale" not in cluster.definition
    logs = [one["destination"] for one in cluster.definition.get("cluster_log_conf", {}).values() if one]
    return {
        "spark.databricks.workspaceUrl": workspace.url.partition("://")[2],
        f"{prefix}clusterId": cluster.id,
        f"{prefix}clusterName": cluster.name,
        f"{prefix}clusterOwnerOrgId": str(workspace.workspace_id),
        f"{prefix}orgId": str(workspace.workspace_id),
        f"{prefix}clusterAllTags": json.dumps([{"key": name, "value": value} for name, value in tags.items()]),
        f"{prefix}clusterCreator": cluster.creator_name,
        f"{prefix}clusterLogDeliveryEnabled": str(bool(logs)).lower(),
        f"{prefix}clusterLogDestination": "".join(logs),
        f"{prefix}clusterNodeType": str(cluster.definition["node_type_id"]),
        f"{prefix}driverNodeType": str(cluster.definition["driver_node_type_id"]),
        f"{prefix}clusterScalingType": "fixed_size" if is_fixed else "autoscaling",
        f"{prefix}sparkVersion": str(cluster.definition["spark_version"]),
    }
