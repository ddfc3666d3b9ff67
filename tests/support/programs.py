"""Programs of the tests without the seconds of their imports: forked from the process that has imported them."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import IO

from tests.support.commands import forks

__all__ = ["Program"]


class Program:
    """`python -m MODULE ARGUMENTS`, forked, as `subprocess.Popen` has it.

    Args:
        module: The module, which has a `main`.
        arguments: Those of its command line.
        environ: Its environment.
    """

    def __init__(self, module: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        reader, writer = forks.Pipe(duplex=False)
        begun = (module, list(arguments), dict(environ), writer)
        self._process = forks.Process(target=_become, args=begun, daemon=True)
        self._process.start()
        writer.close()
        self.stdout: IO[str] = os.fdopen(os.dup(reader.fileno()))
        reader.close()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.exitcode

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()

    def wait(self) -> None:
        """Wait for its end."""
        self._process.join()
        self.stdout.close()


def _become(module: str, arguments: list[str], environ: dict[str, str], output: Connection) -> None:
    """In the forked process: be the program."""
    from brickyard.workspace.compute import replacement

    os.dup2(output.fileno(), 1)
    output.close()
    os.environ.clear()
    os.environ.update(environ)
    vars(replacement)["_BEGUN_WITH"] = dict(os.environ)
    sys.argv = [module, *arguments]
    importlib.import_module(module).main()
