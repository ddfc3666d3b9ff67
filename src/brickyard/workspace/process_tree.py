"""The processes of a server, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from typing import TYPE_CHECKING

from brickyard.errors import WorkspaceProcessError

if TYPE_CHECKING:
    import psutil

__all__ = ["end"]

_STOP_SECONDS = 15


def end(pid: int, name: str) -> None:
    """Ask a server to end, and wait until nothing of it is left; what does not end by itself is killed.

    Raises:
        WorkspaceProcessError: A process does not end even then.
    """
    import psutil

    tree = _tree(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(tree, timeout=_STOP_SECONDS)
    late = [child for one in alive for child in _tree(one.pid)]  # started while it was ending
    _kill([*alive, *late])
    _, alive = psutil.wait_procs([*alive, *late], timeout=_STOP_SECONDS)
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


def _kill(processes: Iterable[psutil.Process]) -> None:
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
