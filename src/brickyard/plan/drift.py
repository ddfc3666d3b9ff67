"""Which of the deployed files are in the workspace as they were left: a list per directory, no call per file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from brickyard.plan.connect import calling
from brickyard.plan.remote_files import RemoteFiles
from brickyard.plan.state import DeployedFile, Files

__all__ = ["seen", "with_times", "without_drifted"]

_READERS = 8


def seen(remote: RemoteFiles, paths: Iterable[str]) -> dict[str, int | None]:
    """When each file was last changed, in milliseconds; None where the workspace does not say.

    Args:
        remote: The workspace's files.
        paths: The files; those that are not there are left out of the answer.
    """
    wanted = set(paths)
    directories = sorted({path.rpartition("/")[0] for path in wanted})
    where = directories[0] if directories else None
    with calling("look at the deployed files", where), ThreadPoolExecutor(_READERS) as pool:
        listed = list(pool.map(remote.modified, directories))
    return {path: time for found in listed for path, time in found.items() if path in wanted}


def without_drifted(files: Files, now: Mapping[str, int | None]) -> Files:
    """The deployed files, where those that are gone or were changed by somebody else count as not uploaded."""
    return {path: file if _is_as_left(path, file, now) else DeployedFile(None) for path, file in files.items()}


def _is_as_left(path: str, file: DeployedFile, now: Mapping[str, int | None]) -> bool:
    if path not in now:
        return False
    return file.modified_at is None or now[path] is None or file.modified_at == now[path]


def with_times(files: Files, now: Mapping[str, int | None]) -> Files:
    """The deployed files with the times at which they are as they were uploaded."""
    return {
        path: dataclasses.replace(file, modified_at=now.get(path, file.modified_at)) for path, file in files.items()
    }
