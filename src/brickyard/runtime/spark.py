"""The task's Spark session: there from the beginning, and connected to an engine when it is first used."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession as AnySparkSession
from pyspark.sql.connect.session import SparkSession

from brickyard.runtime import paths
from brickyard.runtime.context import TaskContext, current

__all__ = ["USES", "LazySparkSession", "install", "is_connected", "remote", "session", "state"]

#: The setting by which the engine is told to note what the task reads and writes, and tells it.
USES = "spark.brickyard.uses"
#: Tells an engine that is not the task's own where its functions import from.
IMPORTS = "spark.brickyard.imports"
_OF_PYTHON = (sys.prefix, sys.base_prefix)  # the engine has it itself

_lock = threading.RLock()
_sessions: list[SparkSession] = []
_remotes: list[str] = []


class LazySparkSession(SparkSession):
    """A Spark session that becomes an ordinary one when it is first used; the engine is started then."""

    def __init__(self) -> None:
        self.release_session_on_close = False

    @property
    def is_stopped(self) -> bool:
        """It has not been started yet, so it has not been stopped."""
        return False

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("__") and name not in ("is_stopped", "release_session_on_close"):
            _connect(self)
        return object.__getattribute__(self, name)

    def __repr__(self) -> str:
        return "<Spark session; its engine starts when it is first used>"


def session() -> Any:
    """The task's session."""
    return _sessions[0]


def is_connected() -> bool:
    """Whether the task has used Spark."""
    return bool(_remotes)


def remote() -> str:
    """Where the task's engine listens; starts it if need be."""
    with _lock:
        if not _remotes:
            context = current()
            _remotes.append(context.host.start_engine(_search_path()))
            os.environ["SPARK_REMOTE"] = _remotes[0]
        return _remotes[0]


def state() -> list[str]:
    """What a later interpreter of the process keeps: where the engine listens, and the session there."""
    if not _remotes:
        return []
    return [_remotes[0], *([session().session_id] if session().__class__ is SparkSession else [])]


def _search_path() -> list[str]:
    """Functions of the user's are executed elsewhere, where a relative path would mean another directory."""
    return [str(Path(paths.local(entry)).resolve()) for entry in sys.path]


def install(context: TaskContext) -> None:
    """Make the session the active one, so that every way of getting a session gives this one."""
    session = LazySparkSession()
    _sessions[:] = [session]
    SparkSession._default_session = session
    SparkSession._active_session.session = session
    _remotes[:] = context.kept.get("spark", [])[:1]
    if _remotes:
        os.environ["SPARK_REMOTE"] = _remotes[0]
    _start_before(AnySparkSession.Builder)
    _start_before(SparkSession.Builder)
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"


def _connect(session: LazySparkSession) -> None:
    with _lock:
        if session.__class__ is LazySparkSession:
            url = _with_session(remote())
            object.__setattr__(session, "__class__", SparkSession)
            try:
                SparkSession.__init__(session, connection=url)
            except BaseException:  # interrupted, too: the next use begins anew
                object.__setattr__(session, "__class__", LazySparkSession)
                raise
            atexit.unregister(session.client._on_exit)  # the engine ends with the task, there is nothing to clean up
            context = current()
            if context.cluster:  # whose engine goes on; sessions of it begin with its properties
                atexit.register(_release, session)
                own = {IMPORTS: json.dumps([entry for entry in _search_path() if not entry.startswith(_OF_PYTHON)])}
            else:
                own = {**_cluster_tags(context), **context.spark_conf}
            properties: dict[str, str | int | bool] = {**_job_tags(context), **own}
            if current().notes_uses:
                properties[USES] = True
            session.conf._set_all(properties, silent=False)  # in one call


def _with_session(url: str) -> str:
    """The address of the session that an earlier interpreter of this process has used, if there is one."""
    own = current().kept.get("spark", [])[1:]
    return f"{url}{';' if '/;' in url else '/;'}session_id={own[0]}" if own else url


def _release(session: SparkSession) -> None:
    """End the session on an engine that others use as well."""
    with contextlib.suppress(Exception):  # the engine may be gone by now
        session.client.release_session()


def _job_tags(context: TaskContext) -> dict[str, str]:
    run = {"spark.databricks.job.id": str(context.job_id), "spark.databricks.job.runId": str(context.job_run_id)}
    return run if context.job_run_id else {}


def _cluster_tags(context: TaskContext) -> dict[str, str]:
    """The properties by which programs find out on a cluster where they run."""
    name = f"job-{context.job_id}-run-{context.job_run_id}-{context.task_key}"
    version = f"{os.environ.get('DATABRICKS_RUNTIME_VERSION', '')}.x-scala2.12"
    return {
        "spark.databricks.workspaceUrl": context.api_url.partition("://")[2],
        "spark.databricks.clusterUsageTags.clusterId": context.cluster_id,
        "spark.databricks.clusterUsageTags.clusterName": name,
        "spark.databricks.clusterUsageTags.clusterOwnerOrgId": str(context.workspace_id),
        "spark.databricks.clusterUsageTags.orgId": str(context.workspace_id),
        "spark.databricks.clusterUsageTags.sparkVersion": version,
    }


def _start_before(builder: Any) -> None:
    """Start the engine before a builder looks for one, unless the code names another."""
    original = builder.getOrCreate

    def get_or_create(self: Any) -> Any:
        if "spark.remote" not in self._options:
            remote()
        return original(self)

    builder.getOrCreate = get_or_create
