"""Workspace tree, DBFS, volumes, model and run artifacts: one implementation, several roots."""

from brickyard.workspace.files.notebooks import NotebookSource
from brickyard.workspace.files.service import Files, build

__all__ = ["Files", "NotebookSource", "build"]
