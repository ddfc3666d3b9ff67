"""Scoring processes that are forked from one that has imported what they need, one for this server.

Importing MLflow and scikit-learn takes seconds of CPU time; a fork takes none of it. The template starts with the first
process, knows no secrets, and ends with the server.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

__all__ = ["ForkedProcess", "Template"]

_MODULE = "brickyard.scoring.online.template"


class ForkedProcess:
    """A process that the template has forked, as far as possible like a `subprocess.Popen`.

    Attributes:
        pid: Its number.
        stdin: The pipe with which it ends.
        stdout: What it says.
        stderr: What it prints.
    """

    def __init__(self, said: socket.socket, streams: Sequence[int]) -> None:
        self._said = said
        self._lines = said.makefile("r")
        self._lock = threading.Lock()
        self._code: int | None = None
        self.stdin: IO[Any] = os.fdopen(streams[0], "wb", buffering=0)
        self.stdout: IO[Any] = os.fdopen(streams[1])
        self.stderr: IO[Any] = os.fdopen(streams[2], "rb")
        line = self._lines.readline()
        if not line:
            self._close()
            raise OSError("the template ended")
        self.pid = int(json.loads(line)["pid"])

    def __enter__(self) -> ForkedProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def _close(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr, self._lines, self._said):
            with contextlib.suppress(OSError):
                stream.close()

    def poll(self) -> int | None:
        """How it ended; none while it runs."""
        with self._lock:
            if self._code is None and select.select([self._said], [], [], 0)[0]:
                self._read_code()
            return self._code

    def wait(self) -> int:
        """Wait until it ends, with all that it has started; how it did."""
        select.select([self._said], [], [])
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, where it runs still."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _read_code(self) -> None:
        line = self._lines.readline()
        if line:
            self._code = int(json.loads(line)["code"])
            return
        # The template was killed: nobody can say how this process ends, so it is ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._code = -signal.SIGKILL


class Template:
    """Starts the template when it is first needed, and again where it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self, model: Path, listener: int, directory: Path, environment: Mapping[str, str], own: Mapping[str, str]
    ) -> ForkedProcess:
        """Fork a scoring process.

        Args:
            model: The directory of the model.
            listener: The descriptor of its listening socket.
            directory: Where it runs.
            environment: All of its variables.
            own: Those of the template, where it is started for this: no secrets.

        Raises:
            OSError: There is no template, or it cannot fork.
        """
        order = {"model": str(model), "directory": str(directory), "environment": dict(environment)}
        said, theirs = socket.socketpair()
        pipes = [os.pipe() for _ in range(3)]
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = pipes
        try:
            self._send([theirs.fileno(), stdin, stdout, stderr, listener], own)
            said.sendall(json.dumps(order).encode() + b"\n")
        except OSError:
            said.close()
            for descriptor in (to_stdin, from_stdout, from_stderr):
                os.close(descriptor)
            raise
        finally:
            theirs.close()
            for descriptor in (stdin, stdout, stderr):
                os.close(descriptor)
        return ForkedProcess(said, (to_stdin, from_stdout, from_stderr))

    def _send(self, descriptors: Sequence[int], environment: Mapping[str, str]) -> None:
        with self._lock:
            if self._process is None or self._process.poll() is not None or self._orders is None:
                self._launch(environment)
            assert self._orders is not None
            socket.send_fds(self._orders, [b"f"], descriptors)

    def _launch(self, environment: Mapping[str, str]) -> None:
        if self._orders is not None:
            self._orders.close()
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                cwd=Path("/"),
                start_new_session=True,
            )
