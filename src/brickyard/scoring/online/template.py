"""A process that has imported what scoring needs, from which scoring processes are forked: they start in a moment.

`python -m brickyard.scoring.online.template FD` takes orders over an inherited socket. An order is a byte with five
descriptors: a socket for what is said about the process, its standard streams, and the listening socket. The process
itself reads from that socket what it is to be: a line of JSON with `model` (a directory), `directory` (where it runs)
and `environment` (all its variables). The template writes its number there (`pid`), and in the end how it ended
(`code`). When the other end of the inherited socket closes, the template ends; each process ends with its standard
input.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from brickyard.scoring.online.__main__ import end_with, serve_model
from brickyard.scoring.threads import cap_threads

__all__ = ["NO_TEMPLATE", "main"]

_MODULES = (
    "mlflow.pyfunc.scoring_server",
    "mlflow.sklearn",
    "pandas",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "uvloop",
    "lightgbm",
    "brickyard.scoring.model",
    "brickyard.scoring.plan.cache",
    "brickyard.scoring.plan.compile",
    "brickyard.scoring.online.server",
    "brickyard.scoring.online.__main__",
)
_DESCRIPTORS = 5
# A template from which nothing was forked for so long, and that has no processes, gives its memory back.
_IDLE_SECONDS = 600.0
NO_TEMPLATE = 3  # the exit code of a process that cannot be one, as it has threads


def main() -> int:
    """Import, then fork what is ordered."""
    cap_threads()
    gc.disable()  # imports make many objects and hardly any garbage: to look for it takes a sixth of their time
    for name in _MODULES:
        with contextlib.suppress(ImportError):  # a library that is not installed here is not needed either
            importlib.import_module(name)
    if threading.active_count() > 1 or _other_threads():
        return NO_TEMPLATE
    gc.enable()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        return _Template(orders).run()


def _other_threads() -> list[str]:
    """Threads that a fork would lose; Arrow's allocator sees to its own."""
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return [name for name in names if name != "jemalloc_bg_thd"][1:]


class _Template:
    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._children: dict[int, socket.socket] = {}
        self._wakeup, self._waker = socket.socketpair()
        self._packages = _changed()

    def run(self) -> int:
        """Serve until the other end closes; in a forked process, be that and return its exit code."""
        self._wakeup.setblocking(False)
        self._waker.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        selector = selectors.DefaultSelector()
        selector.register(self._orders, selectors.EVENT_READ)
        selector.register(self._wakeup, selectors.EVENT_READ)
        used = time.monotonic()
        while self._children or time.monotonic() - used < _IDLE_SECONDS:
            for key, _ in selector.select(_IDLE_SECONDS / 10):
                if key.fileobj is self._wakeup:
                    with contextlib.suppress(BlockingIOError):
                        self._wakeup.recv(4096)
                    self._reap()
                    continue
                used = time.monotonic()
                word, descriptors, _, _ = socket.recv_fds(self._orders, 1, _DESCRIPTORS)
                if not word:
                    return 0
                if self._packages != _changed():  # what is installed now is imported by the next template
                    for descriptor in descriptors:
                        os.close(descriptor)
                    used = -_IDLE_SECONDS
                elif self._fork(descriptors):
                    selector.close()
                    return _scoring_process(descriptors)
        return 0

    def _fork(self, descriptors: list[int]) -> bool:
        """Whether this is the forked process."""
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (self._orders, self._wakeup, self._waker, *self._children.values()):
                each.close()
            return True
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        self._children[pid] = socket.socket(fileno=descriptors[0])
        self._say(pid, {"pid": pid})
        return False

    def _reap(self) -> None:
        for pid in list(self._children):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # what it has started; until it is reaped, its group keeps its number
            _, status = os.waitpid(pid, 0)
            self._say(pid, {"code": os.waitstatus_to_exitcode(status)})
            self._children.pop(pid).close()

    def _say(self, pid: int, what: Mapping[str, int]) -> None:
        with contextlib.suppress(OSError):  # nobody may listen any more
            self._children[pid].sendall(json.dumps(what).encode() + b"\n")


def _scoring_process(descriptors: list[int]) -> int:
    """Become what was ordered."""
    import numpy as np

    os.setsid()
    said, *streams, listener = descriptors
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    with socket.socket(fileno=said) as talk, talk.makefile("rb") as lines:
        order = json.loads(lines.readline())
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["directory"])
    sys.path[0] = order["directory"]
    importlib.invalidate_caches()
    np.random.seed()  # else all processes of a template would draw the same numbers
    return serve_model(order["model"], listener)


def _changed() -> int:
    """When packages were installed or removed the last time."""
    return Path(sysconfig.get_path("purelib")).stat().st_mtime_ns


if __name__ == "__main__":
    end_with(main)
