"""The processes of a server, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from brickyard.errors import WorkspaceProcessError

if TYPE_CHECKING:
    import psutil

__all__ = ["end"]

_STOP_SECONDS = 15
_GONE_SECONDS = 3
_LOOK_SECONDS = 0.01


def end(pid: int, name: str, *, gone_seconds: float = _GONE_SECONDS) -> None:
    """Ask a server to end, and wait until nothing of it is left; what does not end by itself is killed.

    Args:
        pid: The server.
        name: Its workspace.
        gone_seconds: For how long the parents of processes that ended are given to ask for them.

    Raises:
        WorkspaceProcessError: A process does not end even then.
    """
    tree = _tree(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    alive = _wait(tree, gone_seconds)
    late = [child for one in alive for child in _tree(one.pid)]  # started while it was ending
    _kill([*alive, *late])
    alive = _wait([*alive, *late], gone_seconds)
    if alive:
        left = ", ".join(str(process.pid) for process in alive)
        raise WorkspaceProcessError(
            f"processes of the workspace {name!r} would not end: {left}", next="end them by `kill -9`, and try again"
        )


def _tree(pid: int) -> list[psutil.Process]:
    import psutil

    try:
        server = psutil.Process(pid)
        return [server, *server.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _wait(processes: list[psutil.Process], gone_seconds: float) -> list[psutil.Process]:
    """Those that have not ended in time.

    What has ended keeps its number until its parent asks for it, which the first process of a container may never do:
    that is waited for a while, and no longer.
    """
    until = time.monotonic() + _STOP_SECONDS
    while alive := [process for process in processes if _lives(process)]:
        if time.monotonic() > until:
            return alive
        time.sleep(_LOOK_SECONDS)
    until = time.monotonic() + gone_seconds
    while any(process.is_running() for process in processes) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
    return []


def _lives(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill(processes: Iterable[psutil.Process]) -> None:
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
