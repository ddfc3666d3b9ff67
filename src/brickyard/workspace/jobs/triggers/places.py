"""What triggers look at, with the rights of whoever the job runs as: files of a place, versions of a table."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied
from brickyard.workspace.catalog.urls import CLOUDS, address
from brickyard.workspace.jobs.people import Nobody, run_as, whoever_runs

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.jobs.records import JobRecord
    from brickyard.workspace.workspace import Workspace

__all__ = ["commit_of", "files_at"]

_MOST_FILES = 10_000  # https://docs.databricks.com/jobs/file-arrival-triggers.html
_COMMIT = re.compile(r"(\d{20})\.json")


def files_at(workspace: Workspace, job: JobRecord, url: str) -> dict[str, list[int]]:
    """The files below a place, each with its size and time.

    Raises:
        ApiError: The place is none, cannot be read by whoever the job runs as, or has too many files.
    """
    directory = _directory(workspace, url, _principal(workspace, job))
    found: dict[str, list[int]] = {}
    for parent, folders, names in os.walk(directory):
        folders[:] = [one for one in folders if not one.startswith("_delta_log")]
        for name in names:
            path = Path(parent, name)
            try:
                status = path.stat()
            except OSError:  # it is gone again
                continue
            found[path.relative_to(directory).as_posix()] = [status.st_size, status.st_mtime_ns]
        if len(found) > _MOST_FILES:
            raise InvalidParameterValue(f"{url} has more than {_MOST_FILES} files, the most that are watched.")
    return found


def commit_of(workspace: Workspace, job: JobRecord, name: str) -> tuple[int, int] | None:
    """The newest version of a table and when it was committed; nothing where it has none.

    Raises:
        ApiError: There is no such table, or whoever the job runs as may not read it.
    """
    from brickyard.workspace.catalog.privileges import ObjectKind

    catalog, principal = workspace.catalog, _principal(workspace, job)
    catalog.access(principal).require(ObjectKind.TABLE, name, "SELECT")
    record = catalog.table(name)
    if record.location is None:
        raise InvalidParameterValue(f"{name} is a view; updates of tables are watched, not those of views.")
    log = record.directory / "_delta_log"
    if not log.is_dir():
        return None
    versions = [int(match[1]) for one in log.iterdir() if (match := _COMMIT.fullmatch(one.name))]
    if not versions:
        return None
    newest = max(versions)
    return newest, int((log / f"{newest:020d}.json").stat().st_mtime * 1000)


def _directory(workspace: Workspace, url: str, principal: Principal) -> Path:
    """Where a url leads, for whom it may be read."""
    files = workspace.files
    if url.startswith("/") or url.lower().startswith("dbfs:"):
        place = files.roots.located(url)
        if place.root is files.roots.volumes:
            files.place_access.require_sight(principal, place.path)
        else:
            files.place_access.require_dbfs(principal, place.path.removeprefix("/dbfs") or "/", deep=True)
        return place.local
    found = address(url, workspace.data)
    if found.local is None:
        known = ", ".join(sorted(CLOUDS))
        raise InvalidParameterValue(f"{url} is in a cloud's storage ({known}), which a local workspace cannot watch.")
    files.place_access.require_elsewhere(principal, found.local, "READ_FILES")
    return found.local


def _principal(workspace: Workspace, job: JobRecord) -> Principal:
    try:
        return whoever_runs(workspace, run_as(workspace, job))
    except Nobody as nobody:
        raise PermissionDenied(str(nobody)) from nobody
