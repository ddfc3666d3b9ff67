"""Files of the workspace: the calls that the vendor's own command line uses for a deployment."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote

from brickyard.plan.connect import Connection

__all__ = ["RemoteFiles"]


class RemoteFiles:
    """Reads and writes files of a workspace by their absolute path."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: set[str] = set()

    def write(self, path: str, data: bytes, *, overwrite: bool = True) -> None:
        """Write a file; a notebook loses its suffix, as the workspace sees it.

        Raises:
            databricks.sdk.errors.ResourceConflict: The file exists and `overwrite` is false.
        """
        from databricks.sdk.errors.platform import NotFound

        try:
            self._import(path, data, overwrite)
        except NotFound:
            self.mkdirs(path.rpartition("/")[0])
            self._import(path, data, overwrite)

    def _import(self, path: str, data: bytes, overwrite: bool) -> None:
        self._connection.api.do(
            "POST",
            f"/api/2.0/workspace-files/import-file/{quote(path.lstrip('/'))}",
            query={"overwrite": overwrite},
            headers={"Content-Type": "application/octet-stream"},
            data=io.BytesIO(data),
        )

    def read(self, path: str) -> bytes | None:
        """A file's content, or None if it does not exist."""
        from databricks.sdk.errors.platform import NotFound

        query = {"path": path, "direct_download": True, "format": "AUTO"}
        try:
            answer: Any = self._connection.api.do("GET", "/api/2.0/workspace/export", query=query, raw=True)
        except NotFound:
            return None
        with answer["contents"] as stream:
            content: bytes = stream.read()
        return content

    def mkdirs(self, path: str) -> None:
        """Create a directory and its parents, once per path."""
        if path not in self._known:
            self._connection.call("POST", "/api/2.0/workspace/mkdirs", body={"path": path})
            self._known.add(path)

    def modified(self, directory: str) -> dict[str, int | None]:
        """When each file and notebook of a directory was last changed, by path; none if it does not exist.

        The time is in milliseconds, and None where the workspace does not say it.
        """
        from databricks.sdk.errors.platform import NotFound

        try:
            listed = self._connection.call("GET", "/api/2.0/workspace/list", query={"path": directory})
        except NotFound:
            return {}
        # The workspace says paths without the `/Workspace` that they were asked for with.
        return {
            f"{directory}/{item['path'].rpartition('/')[2]}": item.get("modified_at")
            for item in listed.get("objects", ())
            if item.get("object_type") != "DIRECTORY"
        }

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file or directory; one that is not there is fine."""
        from databricks.sdk.errors.platform import NotFound

        try:
            self._connection.call("POST", "/api/2.0/workspace/delete", body={"path": path, "recursive": recursive})
        except NotFound:
            return
