"""`brickyard` commands without the seconds of their imports: each is a process, forked from one that has them."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.appearance import ROOM

BRICKYARD = [sys.executable, "-m", "brickyard"]

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.support.imported"])
os.environ |= ROOM


class Command:
    """A `brickyard` command that runs, with an empty input.

    A test of how the command starts, or of what it prints meanwhile, runs `BRICKYARD` instead. What it has started and
    left running when the block ends goes on.

    Args:
        arguments: Those of the command line.
        environ: Its environment.
        cwd: Where it runs.
        fork_servers: Whether a server that it starts is forked as well.
    """

    def __init__(
        self, *arguments: str, environ: Mapping[str, str], cwd: Path | None = None, fork_servers: bool = False
    ) -> None:
        self._arguments = [*BRICKYARD, *arguments]
        self._directory = tempfile.TemporaryDirectory(prefix="command-")
        self._streams = [Path(self._directory.name) / name for name in ("stdout", "stderr")]
        begun = (list(arguments), dict(environ), cwd or Path.cwd(), self._streams, fork_servers)
        self._process = forks.Process(target=_become, args=begun)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid is not None
        return self._process.pid

    def wait(self, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It goes on.
        """
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._arguments, seconds)
        texts = [stream.read_text() if stream.exists() else "" for stream in self._streams]
        return subprocess.CompletedProcess(self._arguments, self._process.exitcode, *texts)

    def kill(self) -> None:
        """`kill -9`, and wait for the end."""
        self._process.kill()
        self._process.join()

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._directory.cleanup()


def run_command(
    *arguments: str,
    environ: Mapping[str, str],
    cwd: Path | None = None,
    seconds: float = 300,
    fork_servers: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a `brickyard` command to its end, as `subprocess.run` would; see `Command`.

    It is not forked where Python is to begin in another way.

    Raises:
        subprocess.TimeoutExpired: It took longer; it is killed.
    """
    if _python(environ) != _python(os.environ):
        command = [*BRICKYARD, *arguments]
        return subprocess.run(command, env=environ, cwd=cwd, capture_output=True, text=True, timeout=seconds)
    with Command(*arguments, environ=environ, cwd=cwd, fork_servers=fork_servers) as forked:
        return forked.wait(seconds)


def _python(environ: Mapping[str, str]) -> dict[str, str]:
    """What Python itself reads when it begins."""
    return {name: value for name, value in environ.items() if name.startswith("PYTHON")}


def _become(arguments: list[str], environ: dict[str, str], cwd: Path, streams: list[Path], fork_servers: bool) -> None:
    """In the forked process: be the command."""
    from brickyard.cli import main
    from tests.support import servers

    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    tempfile.tempdir = None
    sys.argv = ["brickyard", *arguments]
    sys.modules["__main__"].__file__ = main.__file__  # without one, the Spark client takes it for a doctest run
    if fork_servers:
        servers.fork_servers()
    try:
        main.main()
    finally:
        atexit._run_exitfuncs()
