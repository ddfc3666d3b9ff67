"""Local copies of files that live in the workspace's own tree (`/Workspace/...`)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlencode

from brickyard.workspace.compute.gateway.errors import SparkError, not_found
from brickyard.workspace.compute.gateway.unity import UnityCatalog

__all__ = ["WorkspaceFiles"]


class WorkspaceFiles:
    """Fetches workspace files over the public API, with the task's rights.

    Args:
        workspace: Sends requests to the workspace.
        directory: Where copies are kept.
    """

    def __init__(self, workspace: UnityCatalog, directory: Path) -> None:
        self._workspace = workspace
        self._directory = directory

    def fetch(self, path: str) -> Path:
        """A fresh local copy of one file.

        Raises:
            SparkError: PATH_NOT_FOUND, or what the workspace says.
        """
        query = urlencode({"path": path.removeprefix("/Workspace"), "direct_download": "true", "format": "AUTO"})
        status, content = self._workspace.send("GET", f"/api/2.0/workspace/export?{query}")
        if status == 404:
            raise not_found("path", f"file:{path}")
        if status >= 400:
            raise SparkError("WORKSPACE_FILE_ERROR", f"The workspace answered {status} for {path}.")
        place = self._directory / hashlib.sha256(path.encode()).hexdigest()[:32] / Path(path).name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return place
