"""What the vendor's own libraries look for inside a Databricks runtime, by the names they look for.

`databricks.sdk.runtime` reads `dbruntime.UserNamespaceInitializer`, the SDK's credentials come from
`dbruntime.sdk_credential_provider`, mlflow's tags of a run from `dbruntime.databricks_repl_context`, and programs
import `databricks.connect`, `pyspark.dbutils` and `delta.tables`. (Read in databricks-sdk 0.156 and mlflow 3.17.)
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from brickyard.runtime import spark
from brickyard.runtime.context import current
from brickyard.runtime.ending import NotSupported

__all__ = ["DatabricksSession", "UserNamespaceInitializer", "install", "user_namespace"]


@dataclass(frozen=True)
class ReplContext:
    """Who and where the running code is; attributes are read by mlflow under these names."""

    apiUrl: str
    apiToken: str
    workspaceUrl: str
    workspaceId: str
    browserHostName: str
    notebookId: str | None
    notebookPath: str | None
    jobId: str | None
    jobRunId: str | None
    idInJob: str | None
    jobTaskType: str | None
    jobType: str | None
    clusterId: str | None
    mlflowGitRepoUrl: str | None = None
    mlflowGitRepoCommit: str | None = None
    mlflowGitRepoProvider: str | None = None
    isInNotebook: bool = False
    isInJob: bool = False
    isInCluster: bool = True
    sslTrustAll: bool = False
    aclPathOfAclRoot: str | None = None
    extraContext: None = None


def get_context() -> ReplContext:
    """The context of the running task."""
    task = current()
    in_job = task.job_id != 0
    return ReplContext(
        apiUrl=task.api_url,
        apiToken=task.token,
        workspaceUrl=task.api_url.partition("://")[2],
        workspaceId=str(task.workspace_id),
        browserHostName=task.api_url.partition("://")[2],
        notebookId=str(task.run_id) if task.notebook_path else None,
        notebookPath=task.notebook_path,
        jobId=str(task.job_id) if in_job else None,
        jobRunId=str(task.job_run_id) if in_job else None,
        idInJob=str(task.run_id) if in_job else None,
        jobTaskType=task.kind if in_job else None,
        jobType="NORMAL" if in_job else None,
        clusterId=task.cluster or None,
        isInNotebook=task.notebook_path is not None,
        isInJob=in_job,
    )


def init_runtime_native_auth() -> tuple[str, Callable[[], dict[str, str]]]:
    """The workspace and the credentials of `WorkspaceClient()` without arguments."""
    task = current()
    return task.api_url, lambda: {"Authorization": f"Bearer {task.token}"}


class UserNamespaceInitializer:
    """Gives `databricks.sdk.runtime` the names that every notebook has."""

    @classmethod
    def getOrCreate(cls) -> UserNamespaceInitializer:
        """The initializer; it has no state of its own."""
        return cls()

    def get_namespace_globals(self) -> dict[str, Any]:
        """The names and their values."""
        return user_namespace()


class DatabricksSession:
    """What Databricks Connect calls a Spark session; inside a task it is the task's."""

    class Builder:
        """Every way to say where the session is leads to the task's own engine."""

        def getOrCreate(self) -> Any:
            """The task's session."""
            return spark.session()

        def __getattr__(self, name: str) -> Callable[..., DatabricksSession.Builder]:
            if name.startswith("_"):
                raise AttributeError(name)
            return lambda *arguments, **options: self

    builder = Builder()


class DBUtils:
    """What Python files make from a session, `DBUtils(spark)`, where notebooks have `dbutils`."""

    def __new__(cls, *session: Any) -> Any:
        """The task's utilities, whatever the session."""
        from brickyard.runtime.dbutils import dbutils

        return dbutils()


class _Absent:
    """A name that `databricks.sdk.runtime` exports, of something that needs the JVM; its use says so."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(attribute)  # asked for by tools that look at objects
        raise NotSupported(
            f"{self._name}.{attribute} is not supported by the local workspace, which has no JVM; use spark"
        )


def user_namespace() -> dict[str, Any]:
    """What a notebook has without importing it."""
    from pyspark.sql.functions import udf

    from brickyard.runtime.dbutils import dbutils
    from brickyard.runtime.display import display, display_html

    session = spark.session()
    return {
        "spark": session,
        "dbutils": dbutils(),
        "display": display,
        "displayHTML": display_html,
        "sql": lambda *arguments, **options: session.sql(*arguments, **options),
        "table": lambda name: session.table(name),
        "udf": udf,
        "getArgument": dbutils().widgets.getArgument,
        "sc": _Absent("sc"),
        "sqlContext": _Absent("sqlContext"),
    }


def install() -> None:
    """Make the modules importable in this process."""
    package = _module("dbruntime", UserNamespaceInitializer=UserNamespaceInitializer)
    package.__path__ = []
    parts: dict[str, dict[str, Any]] = {
        "databricks_repl_context": {"get_context": get_context, "ReplContext": ReplContext},
        "sdk_credential_provider": {"init_runtime_native_auth": init_runtime_native_auth},
    }
    for name, content in parts.items():
        setattr(package, name, _module(f"dbruntime.{name}", **content))
    importlib.import_module("pyspark").__dict__["dbutils"] = _module("pyspark.dbutils", DBUtils=DBUtils)
    databricks = importlib.import_module("databricks")
    if importlib.util.find_spec("databricks.connect") is None:
        connect = _module("databricks.connect", DatabricksSession=DatabricksSession)
        connect.__path__ = []
        databricks.__dict__["connect"] = connect
        session = _module("databricks.connect.session", DatabricksSession=DatabricksSession)
        connect.__dict__["session"] = session
    _install_delta()


def _install_delta() -> None:
    """`delta.tables`, unless the environment has a package `delta`; loaded when it is first imported."""
    if importlib.util.find_spec("delta") is None:
        sys.meta_path.append(_Delta())


class _Delta(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules `delta` and `delta.tables`."""

    CONTENT: ClassVar[dict[str, dict[str, str]]] = {
        "delta": {"DeltaTable": "tables"},
        "delta.tables": {
            "DeltaTable": "tables",
            "DeltaOptimizeBuilder": "tables",
            "DeltaMergeBuilder": "merge",
            "DeltaTableBuilder": "builders",
            "IdentityGenerator": "builders",
        },
    }

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        """Where a module comes from."""
        if fullname not in self.CONTENT:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=fullname == "delta")

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module."""
        for name, part in self.CONTENT[module.__name__].items():
            module.__dict__[name] = getattr(importlib.import_module(f"brickyard.runtime.delta.{part}"), name)


def _module(name: str, **content: Any) -> ModuleType:
    module = sys.modules[name] = ModuleType(name, f"Provided by the local workspace inside a task: {name}.")
    module.__dict__.update(content)
    return module
