"""The environment variables of the fork server and of tasks."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["RUNTIME_VERSION", "TASK_MARK", "base_environment", "task_environment", "without_own"]

#: The Databricks runtime whose behaviour tasks see; mlflow and other libraries look at it.
RUNTIME_VERSION = "16.4"
#: In the environment of every process of a task, with the workspace's directory, so that leftovers can be found.
TASK_MARK = "BRICKYARD_TASK_OF"
#: What of the user's own shell must not reach a task: it would redirect its libraries to another workspace, or let it
#: read the vaults behind secret scopes past their access lists.
_NOT_INHERITED = (
    "AZURE_",
    "DATABRICKS_",
    "MLFLOW_",
    "BRICKYARD_",
    "SPARK_",
    "PYSPARK_",
    "SAIL_",
    "UNITY_",
    "UC_",
    "_MLFLOW_",
)
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def without_own(inherited: Mapping[str, str]) -> dict[str, str]:
    """An environment without what is the workspace's own; code of others, as builds of packages are, may have it."""
    return {name: value for name, value in inherited.items() if not name.startswith(_NOT_INHERITED)}


def base_environment(inherited: Mapping[str, str], mark: str) -> dict[str, str]:
    """What every process that is forked for tasks begins with.

    Numeric libraries get half of the processors and wait passively: beside other processes a spinning pool of
    threads is many times slower.
    """
    clean = without_own(inherited)
    threads = str(max(1, (os.cpu_count() or 2) // 2))
    return (
        clean
        | dict.fromkeys(_THREADS, threads)
        | {
            "OMP_WAIT_POLICY": "passive",
            "DATABRICKS_RUNTIME_VERSION": RUNTIME_VERSION,
            "MLFLOW_TRACKING_URI": "databricks",
            "MLFLOW_REGISTRY_URI": "databricks-uc",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # It prints https:// addresses whatever the workspace speaks, and advertises the cloud's tracing.
            "MLFLOW_PRINT_MODEL_URLS_ON_CREATION": "false",
            "_MLFLOW_ENABLE_UC_TRACE_UPSELL": "false",
            "GIT_PYTHON_REFRESH": "quiet",
            "PYTHONUNBUFFERED": "1",
            "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
            TASK_MARK: mark,
        }
    )


def task_environment(own: Mapping[str, str], host: str, token: str) -> dict[str, str]:
    """What a task's environment has on top; it may set everything but who it is."""
    return dict(own) | {"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": token}
