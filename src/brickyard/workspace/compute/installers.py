"""The installers (uv) that run for somebody, who may end before they do."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

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
    """End an installer, with the builds of packages that it has started."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        for build in psutil.Process(installer.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                build.kill()
    installer.kill()


_current: ContextVar[Installers | None] = ContextVar("installers", default=None)
