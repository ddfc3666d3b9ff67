"""What is forked in a test session has imported: commands, servers and engines, by the process they are forked from."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import sys

from brickyard import sdk
from brickyard.scoring.online import template
from brickyard.scoring.threads import cap_threads
from brickyard.workspace import api
from brickyard.workspace.compute import preload
from brickyard.workspace.workspace import AT_START

COMMANDS = (
    "brickyard.cli.bundle",
    "brickyard.cli.model",
    "brickyard.cli.runs",
    "brickyard.cli.score",
    "brickyard.cli.workspace",
    "brickyard.models.judge",
    "brickyard.models.promote",
    "brickyard.models.rollback",
    "brickyard.plan.connect",
    "brickyard.scoring.batch",
    "brickyard.scoring.plan.compile",
    "brickyard.workspace.process",
    "lightgbm",
    "mlflow.artifacts",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "mlflow.tracking",
    "tests.support.commands",
)
SERVERS = (
    "brickyard.workspace.server",
    "databricks.sdk",
    "httptools",
    "mlflow.server.handlers",
    "mlflow.store._unity_catalog.registry",
    "sqlalchemy.dialects.sqlite",
    "tests.support.programs",
    "tests.support.servers",
    "tests.workspace.compute.engine_process",
    "uvloop",
    *(f"brickyard.workspace.{service}" for service in AT_START),
    *(family.name for family in pkgutil.iter_modules(api.__path__, f"{api.__name__}.")),
)


cap_threads()  # before anything imports numpy: what is forked may have no threads
os.environ |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
vars(sys.modules["__main__"]).setdefault("__file__", __file__)  # without one, Spark takes this for a doctest run
sdk.install()
gc.disable()
for name in (*COMMANDS, *SERVERS, *preload.SPARK, *preload.TASKS, *template._MODULES):
    importlib.import_module(name)
gc.enable()
gc.freeze()
