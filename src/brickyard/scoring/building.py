"""A version's plan, made and verified by a process of its own: `python -m brickyard.scoring.building`.

That takes MLflow and the model's library, which are seconds and hundreds of megabytes. A run that scores by the plan
needs neither: it does its own preparations meanwhile, and reads what the process has kept.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.errors import ModelError

if TYPE_CHECKING:
    from brickyard.plan.connect import Connection
    from brickyard.scoring.source import ModelSource

__all__ = ["Build", "Built", "main"]


@dataclass(frozen=True)
class Built:
    """What the process has left.

    Attributes:
        files: The version's files.
        digest: Their content hash, by which the plan is kept; None where they have no plan.
    """

    files: Path
    digest: str | None


class Build:
    """The process, from its start.

    Args:
        source: The version.
        connection: The workspace that has it.
        directory: A new directory for its files.
    """

    def __init__(self, source: ModelSource, connection: Connection, directory: Path) -> None:
        from brickyard.models.files import environment_of

        environ = {name: value for name, value in os.environ.items() if not name.startswith("DATABRICKS_")}
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._what = f"{source.name} version {source.version}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, source.name, source.version, str(directory)],
            env={**environ, **environment_of(connection.config), "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what fails there is done here again, and says so
            text=True,
        )

    def result(self) -> Built | None:
        """Wait for its end; None where it failed.

        Raises:
            ModelError: The model's own code ended it, as if nothing were wrong.
        """
        assert self._process.stdout is not None
        said = self._process.stdout.read()
        if self._process.wait() != 0:
            return None
        if not said:
            raise ModelError("the model could not be loaded: its code ended the process", where=self._what)
        report = json.loads(said)
        return Built(Path(report["files"]), report["digest"])

    def close(self) -> None:
        """End it, where it still runs."""
        self._process.kill()
        with self._process:
            pass


def main(name: str, version: str, directory: str) -> None:
    """Fetch the version, compile and verify its plan, keep it, and say so on standard output."""
    gc.disable()  # in a process this short it takes a fifth of the imports' time, and finds nothing
    threading.Thread(target=_end_with_parent, daemon=True).start()
    say = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # loading runs the model's own code, which may print
    from brickyard import sdk

    sdk.install()
    from databricks.sdk.core import Config

    from brickyard.models.registry import Registry
    from brickyard.scoring.model import load_model

    files = Registry(Config(), name).download(version, Path(directory))
    model = load_model(files)
    with say:
        json.dump({"files": str(files), "digest": model.digest if model.rung == "plan" else None}, say)


def _end_with_parent() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
