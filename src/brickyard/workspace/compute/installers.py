"""The installers (uv) that run for somebody, who may end before they do."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

__all__ = ["InstallationStopped", "Installers", "kill", "running"]


class InstallationStopped(Exception):
    """Who the libraries were for is gone."""


class Installers:
    """The installers of a cluster's life: they end with it, and none begins afterwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def stop(self) -> None:
        """End those that run."""
        with self._lock:
            self._stopped = True
            for installer in self._running:
                kill(installer)

    def check(self) -> None:
        """Nothing, unless they were stopped.

        Raises:
            InstallationStopped: They were.
        """
        if self._stopped:
            raise InstallationStopped

    @contextmanager
    def here(self) -> Iterator[None]:
        """What this thread installs meanwhile belongs to these.

        Raises:
            InstallationStopped: They were stopped before or meanwhile.
        """
        before = _current.set(self)
        try:
            self.check()
            yield
        finally:
            _current.reset(before)

    @contextmanager
    def _watching(self, installer: subprocess.Popen[str]) -> Iterator[None]:
        with self._lock:
            self._running.add(installer)
            if self._stopped:
                kill(installer)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(installer)
        self.check()


@contextmanager
def running(installer: subprocess.Popen[str]) -> Iterator[None]:
    """An installer that this thread has started and waits for; it belongs to whoever `Installers.here` says.

    Raises:
        InstallationStopped: It was stopped.
    """
    owner = _current.get()
    if owner is None:
        yield
        return
    with owner._watching(installer):
        yield


def kill(installer: subprocess.Popen[str]) -> None:
    """End an installer that leads a group, with the builds of packages that it has started.

    They are stopped before they are killed: what one that is killed has just forked would go on.
    """
    import psutil

    if installer.poll() is not None:
        return
    stopped = _stopped(installer.pid)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(installer.pid, signal.SIGKILL)
    for process in stopped:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _stopped(pid: int) -> set[psutil.Process]:
    """A process and its descendants, none of which can start another any more."""
    import psutil

    found: set[psutil.Process] = set()
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        while more := {top, *top.children(recursive=True)} - found:
            for process in more:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            found |= more
    return found


_current: ContextVar[Installers | None] = ContextVar("installers", default=None)
