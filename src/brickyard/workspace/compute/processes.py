"""What the operating system offers for keeping a tree of processes together, and for ending all of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Container
from pathlib import Path

__all__ = ["adopt_orphans", "die_with_parent", "end_orphans", "is_alone", "kill_group", "signal_group", "strangers"]

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_SWEEP_SECONDS = 5.0


def _prctl(option: int, value: int) -> None:
    """Linux's prctl(2); elsewhere there is nothing like it, and the end of a pipe has to do."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def die_with_parent(parent: int) -> None:
    """End this process when the one that forked it ends, whichever way; `parent` is that process's id."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, also of those in sessions of their own."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and its group; does nothing where they have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def kill_group(pid: int) -> None:
    """Kill a process, its group and, where orphans cannot be adopted, what it has started."""
    descendants = [] if sys.platform.startswith("linux") else _descendants(pid)
    signal_group(pid, signal.SIGKILL)
    for process in (pid, *descendants):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def end_orphans(known: Container[int]) -> None:
    """Kill this process's children that are not `known`, and theirs, which become children in their turn.

    Those who adopted orphans have no children but the ones they forked and the ones that a dead process left.
    """
    deadline = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < deadline:
        orphans = strangers(known)
        if not orphans:
            return
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in orphans:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def is_alone() -> bool:
    """Whether this process has one thread and no children; with orphans adopted, nothing it has started is left then.

    Where the system cannot say, it is not.
    """
    with contextlib.suppress(OSError):
        threads = list(Path("/proc/self/task").iterdir())
        return len(threads) == 1 and not (threads[0] / "children").read_text().split()
    return False


def strangers(known: Container[int]) -> list[int]:
    """The ids of this process's children that are not `known`; none where the system cannot say (not Linux)."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):
                found += [int(pid) for pid in (thread / "children").read_text().split()]
    return [pid for pid in found if pid not in known]


def _descendants(pid: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
