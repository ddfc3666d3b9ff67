"""Where the files of runs are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.jobs.records import RunRecord

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["run_directory", "source_directory"]


def run_directory(workspace: Workspace, run_id: int) -> Path:
    """Where the files of one attempt at a task are."""
    return workspace.root / "runs" / str(run_id)


def source_directory(workspace: Workspace, run: RunRecord) -> Path:
    """Where the files of a run's Git source are; iterations have those of the run that they belong to."""
    return run_directory(workspace, run.job_run_id) / "source"
