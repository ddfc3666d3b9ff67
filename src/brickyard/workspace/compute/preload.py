"""What the fork server imports before it forks, in two stages: what every task needs, and what many need."""

from __future__ import annotations

import importlib

__all__ = ["first", "second"]

_FIRST = (
    "IPython.core.interactiveshell",
    "IPython.core.completerlib",
    "IPython.core.crashhandler",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "encodings.idna",
    "numpy.rec",
    "pandas",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "grpc._channel",
    "grpc._interceptor",
    "grpc._server",
    "pyspark.worker",
    "pyspark.sql",
    "pyspark.sql.functions",
    "pyspark.sql.types",
    "pyspark.sql.connect.session",
    "pyspark.sql.connect.functions",
    "pysail.spark",
    "sqlglot",
    "sqlglot.dialects.databricks",
    "brickyard.runtime.execution",
    "brickyard.runtime.notebook.run",
    "brickyard.runtime.dbutils",
    "brickyard.workspace.compute.host",
    "brickyard.workspace.compute.engine",
    "brickyard.workspace.compute.engines.sail_process",
    "brickyard.workspace.compute.gateway",
    "brickyard.workspace.compute.gateway.files",
)
_SECOND = ("databricks.sdk", "mlflow", "mlflow.tracking", "mlflow.pyfunc", "mlflow.store._unity_catalog.registry")


def first() -> None:
    """What nearly every task needs."""
    _load(_FIRST)


def second() -> None:
    """What takes long to import and many tasks need."""
    _load(_SECOND)


def _load(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)
