"""What a task left behind: the cells of a notebook with their outputs, and its log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.runtime.regular_files import read_regular
from brickyard.workspace.compute.tasks import CELLS_FILE, OUTPUT_FILE
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.output import tail
from brickyard.workspace.rendering.cells import Cell, cells_shown

if TYPE_CHECKING:
    from brickyard.workspace.jobs.records import TaskRecord
    from brickyard.workspace.workspace import Workspace

__all__ = ["TaskOutput", "task_output"]

_LOG_BYTES = 256 * 1024
_CELLS_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class TaskOutput:
    """Cells, where the task is a notebook, and the end of the log; `cut` says that the log is longer."""

    cells: list[Cell]
    log: str
    cut: bool
    note: str = ""
    exited: str | None = None


def task_output(workspace: Workspace, attempt: TaskRecord) -> TaskOutput:
    """The output of one attempt at a task, as far as there is any; secrets were redacted when it was written."""
    directory = run_directory(workspace, attempt.run_id)
    log, cut = tail(directory / OUTPUT_FILE, _LOG_BYTES)
    path = directory / CELLS_FILE
    try:
        if path.stat().st_size > _CELLS_BYTES:
            return TaskOutput([], log, cut, "The outputs of the cells are too large for a page; the log has the text.")
        cells = json.loads(read_regular(path))["cells"]
    except OSError:  # there is none, or the program has put something else there
        return TaskOutput([], log, cut)
    return TaskOutput(cells_shown(cells), log, cut, exited=(attempt.outcome or {}).get("result"))
