"""What commands import, imported once: by the process from which those of a test session are forked, by nobody else."""

from __future__ import annotations

import gc
import importlib

from brickyard import sdk
from brickyard.scoring.threads import cap_threads

MODULES = (
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

cap_threads()  # before anything imports numpy: what is forked may have no threads
sdk.install()
gc.disable()
for name in MODULES:
    importlib.import_module(name)
gc.enable()
gc.freeze()
