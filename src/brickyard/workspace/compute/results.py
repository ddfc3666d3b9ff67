"""Writing a task's outcome so that it is there whole, or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.tasks import RESULT_FILE, TaskOutcome

__all__ = ["write_json", "write_outcome"]


def write_outcome(directory: Path, outcome: TaskOutcome) -> None:
    """Write `result.json`, durably."""
    write_json(directory / RESULT_FILE, outcome.as_dict(), durable=True)


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:
    """Replace a JSON file in one step; where it is `durable`, it survives a crash of the machine."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(value, file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
