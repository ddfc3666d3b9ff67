"""What the fork server imports before it forks: what Spark needs, what every task needs, and what many need."""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Iterable

__all__ = ["SPARK", "TASKS", "later", "load"]

#: Of a gateway and its engine, which clients from outside wait for.
SPARK = (
    "encodings.idna",
    "numpy.rec",
    "pandas",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "grpc._channel",
    "grpc._interceptor",
    "grpc._server",
    "pyspark.sql.connect.functions",
    "pyspark.sql.connect.session",
    "pysail.spark",
    "sqlglot.dialects.databricks",
    "brickyard.workspace.compute.engine",
    "brickyard.workspace.compute.engines.sail_process",
    "brickyard.workspace.compute.gateway",
    "brickyard.workspace.compute.gateway.files",
)
TASKS = (
    "pyspark.worker",
    "IPython.core.interactiveshell",
    "IPython.core.completerlib",
    "IPython.core.crashhandler",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "brickyard.runtime.execution",
    "brickyard.runtime.notebook.run",
    "brickyard.runtime.dbutils",
    "brickyard.workspace.compute.host",
    "brickyard.workspace.compute.imported",
)
_MANY = ("databricks.sdk", "mlflow", "mlflow.tracking", "mlflow.pyfunc", "mlflow.store._unity_catalog.registry")


def later() -> None:
    """Load everything, also what takes long to import and only many tasks need."""
    load((*TASKS, *_MANY))
    from brickyard.runtime.notebook.shell import make_ahead

    with contextlib.suppress(OSError):  # the disk is full: it is only faster with it
        make_ahead()
    _freeze()


def load(names: Iterable[str]) -> None:
    """Import modules, and keep what they have made out of the way of the garbage collection of forked processes."""
    gc.disable()  # imports make many objects and hardly any garbage: to look for it takes a sixth of their time
    try:
        for name in names:
            importlib.import_module(name)
    finally:
        gc.enable()
    _freeze()


def _freeze() -> None:
    gc.collect()
    gc.freeze()
