"""Servers without the seconds of their imports: forked from the command that starts them, which has them imported."""

from __future__ import annotations

import atexit
import fcntl
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import IO, Any

from brickyard.workspace import launch
from tests.support.appearance import show

__all__ = ["fork_servers"]


def fork_servers() -> None:
    """From now on in this process, a command forks the server that it starts; see `Child`."""
    vars(launch)["subprocess"] = SimpleNamespace(**vars(subprocess) | {"Popen": _start})


class Child:
    """A forked process, as `subprocess.Popen` has it."""

    def __init__(self, pid: int, stdin: IO[bytes] | None = None) -> None:
        self.pid = pid
        self.stdin = stdin
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def wait(self, timeout: float = float("inf")) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It goes on.
        """
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.005)
        return code

    def kill(self) -> None:
        """Kill it."""
        os.kill(self.pid, signal.SIGKILL)


def _start(command: Sequence[str], *, stdout: IO[bytes] | None, cwd: str, env: Mapping[str, str], **_: Any) -> Child:
    """A server in a session of its own, with a pipe as its input; `command` is what would start it."""
    reader, writer = os.pipe()
    output = 1 if stdout is None else stdout.fileno()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        become(command, cwd, env, (reader, output, 2 if stdout is None else output), _serve)
    os.close(reader)
    return Child(pid, os.fdopen(writer, "wb"))


def _serve(arguments: list[str]) -> int:
    from brickyard.scoring.online import template as scoring
    from brickyard.workspace import server
    from brickyard.workspace.compute import client
    from brickyard.workspace.serving import template

    for starter, main in ((client, _fork_tasks), (template, lambda _: scoring.main())):
        spare = Spare(main)
        vars(starter)["subprocess"] = SimpleNamespace(**vars(subprocess) | {"Popen": spare.start})
    return server.main(arguments)


class Spare:
    """A process that waits to be the first of its kind of its parent, which cannot fork once it has threads.

    Args:
        main: What it will be.
    """

    def __init__(self, main: Callable[[list[str]], int]) -> None:
        self._ours, theirs = socket.socketpair()
        self._pid: int | None = os.fork()
        if self._pid == 0:
            self._ours.close()
            _wait(theirs, main)
        theirs.close()

    def start(self, command: Sequence[str], **options: Any) -> Child | subprocess.Popen[bytes]:
        """The process that `command` would start; it does, where there has been one before."""
        pid, self._pid = self._pid, None
        if pid is None:
            return subprocess.Popen(command, **options)
        descriptors = list(options["pass_fds"])
        numbers = [str(number) for number in range(3, 3 + len(descriptors))]
        sent = json.dumps({"command": [*command[:3], *numbers], "env": options["env"]}).encode()
        socket.send_fds(self._ours, [len(sent).to_bytes(4, "big")], descriptors)
        self._ours.sendall(sent)
        return Child(pid)


def _wait(parent: socket.socket, main: Callable[[list[str]], int]) -> None:
    """Wait for what to do, and do it; does not return."""
    size, received, _, _ = socket.recv_fds(parent, 4, 2)
    if not size:
        os._exit(0)  # the server has ended
    with parent.makefile("rb") as file:
        asked = json.loads(file.read(int.from_bytes(size, "big")))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.setsid()
    become(asked["command"], "/", asked["env"], (nothing, 1, 2, *received), main)


def _fork_tasks(arguments: list[str]) -> int:
    from brickyard.workspace.compute import forkserver, replacement

    vars(replacement)["_BEGUN_WITH"] = dict(os.environ)
    return forkserver.main(arguments)


def become(
    command: Sequence[str],
    cwd: str,
    env: Mapping[str, str],
    descriptors: Sequence[int],
    main: Callable[[list[str]], int],
) -> None:
    """Right after a fork: be what `command` would start, which is `main`, with these descriptors; does not return."""
    code = 1
    try:
        gc.freeze()  # what this process has open closes numbers that are others' by then, were it collected
        apart = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, len(descriptors)) for descriptor in descriptors]
        for number, descriptor in enumerate(apart):
            os.dup2(descriptor, number, inheritable=number < 3)
        os.closerange(len(descriptors), os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        os.environ.update(env)
        sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
        os.chdir(cwd)
        show(command, env)
        sys.stdin, sys.argv = os.fdopen(0, closefd=False), list(command[2:])
        code = main(list(command[3:]))
        vars(threading)["_shutdown"]()
        atexit._run_exitfuncs()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
