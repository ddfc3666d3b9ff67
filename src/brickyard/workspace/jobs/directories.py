"""Where the files of runs are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["run_directory"]


def run_directory(workspace: Workspace, run_id: int) -> Path:
    """Where the files of one attempt at a task are."""
    return workspace.root / "runs" / str(run_id)
