"""One event loop that serves one model on a listening socket."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from brickyard.scoring.online.answer import Answer
from brickyard.scoring.online.connection import Connection
from brickyard.scoring.online.head import Head, Heads
from brickyard.scoring.online.limits import Limits
from brickyard.scoring.online.metrics import MetricsBoard
from brickyard.scoring.online.service import Service

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel

__all__ = ["Worker", "settle_process"]

# Who has connected when the server is told to end asks within this time.
_LAST_CALL_SECONDS = 0.05
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SAME_STOP_SECONDS = 1.0
# Containers that are made before the collector looks at them: a body of ten thousand rows makes as many lists, and
# with Python's usual 700 it would go through all that is loaded again and again meanwhile.
_COLLECT_AFTER = 50_000
# What the head of an answer depends on: status, media type, whether the connection goes on, HTTP/1.0, what 405 allows.
_Kind: TypeAlias = tuple[int, str, bool, bool, str]


class Worker:
    """Serves until SIGTERM or SIGINT, then answers what is in flight.

    Args:
        model: The model.
        limits: What it takes on.
        board: The counters of all workers.
        number: Which of them it is.

    Attributes:
        connections: The open ones.
        held_bytes: What they hold of requests that have not come to their end.
        draining: Whether it has been told to end.
    """

    def __init__(
        self, model: ScoringModel, limits: Limits | None = None, board: MetricsBoard | None = None, number: int = 0
    ) -> None:
        self.limits = limits or Limits()
        board = board or MetricsBoard()
        self.metrics = board.of_worker(number)
        self.service = Service(model, self.limits, self.metrics, board)
        self.heads = Heads(self.limits)
        self.connections: set[Connection] = set()
        self.held_bytes = 0
        self.draining = False
        self.now: Callable[[], float] = lambda: 0.0
        self._rung = model.rung
        self._prefixes: dict[_Kind, bytes] = {}
        self._told_to_end: asyncio.Event | None = None
        self._ended_at = 0.0

    def run(
        self, listener: socket.socket, on_ready: Callable[[], None] | None = None, *, life: int | None = None
    ) -> None:
        """Serve.

        Args:
            listener: A socket that listens.
            on_ready: Called once requests are answered.
            life: A pipe that closes when the process that watches this one is gone; this one ends then too.
        """
        _run(self._serve(listener, on_ready, life))

    def end(self) -> None:
        """Stop: take no more, answer what is in flight; when told so again a second later, at once.

        One stop may come twice: from who stops the whole group of processes, and from the one that watches this one.
        """
        if self._told_to_end is None:
            return
        if not self._told_to_end.is_set():
            self._ended_at = self.now()
            self._told_to_end.set()
        elif self.now() - self._ended_at > _SAME_STOP_SECONDS:
            os._exit(1)

    def admit(self, connection: Connection) -> bool:
        """Remember a connection; False where there are too many."""
        self.connections.add(connection)
        return len(self.connections) <= self.limits.connections

    def render(self, answer: Answer, head: Head, keep: bool) -> bytes:
        """An answer as it is sent."""
        key = (answer.status, answer.media_type, keep, head.is_old, answer.allow)
        prefix = self._prefixes.get(key) or self._prefix(key)
        return b"%b%d\r\n\r\n%b" % (prefix, len(answer.body), b"" if head.method == "HEAD" else answer.body)

    def _prefix(self, key: _Kind) -> bytes:
        status, media_type, keep, is_old, allow = key
        # As MLflow's server writes it: plain text with its character set.
        media_type += "; charset=utf-8" if media_type.startswith("text/") else ""
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            f"date: {_date()}",
            f"content-type: {media_type}",
            f"x-scoring-rung: {self._rung}",
        ]
        if not keep or is_old:
            lines.append(f"connection: {'keep-alive' if keep else 'close'}")
        if allow:
            lines.append(f"allow: {allow}")
        if status == 503:
            lines.append("retry-after: 1")
        prefix = self._prefixes[key] = "\r\n".join([*lines, "content-length: "]).encode()
        return prefix

    async def _serve(self, listener: socket.socket, on_ready: Callable[[], None] | None, life: int | None) -> None:
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self._told_to_end = asyncio.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.end)
        if life is not None:
            loop.add_reader(life, self._orphaned, life)
        if listener.family == socket.AF_UNIX:
            server: asyncio.Server = await loop.create_unix_server(self._connect, sock=listener, backlog=1024)
        else:
            server = await loop.create_server(self._connect, sock=listener, backlog=1024)
        sweeper = loop.create_task(self._sweep())
        if on_ready:
            on_ready()
        await self._told_to_end.wait()
        self.draining = True
        waiting = _accepted(listener)  # the loop accepts but one in each turn
        server.close()
        for client in waiting:
            await loop.connect_accepted_socket(self._connect, client)
        await asyncio.sleep(_LAST_CALL_SECONDS)
        for _ in range(2):  # what is there by now is read: when a timer is due, the loop has not looked for it yet
            await asyncio.sleep(0)
        await self._drain()
        sweeper.cancel()

    def _orphaned(self, life: int) -> None:
        asyncio.get_running_loop().remove_reader(life)
        self.end()

    def _connect(self) -> Connection:
        return Connection(self)

    async def _drain(self) -> None:
        for connection in list(self.connections):
            connection.drain()
        until = self.now() + self.limits.drain_seconds
        while self.connections and self.now() < until:
            await asyncio.sleep(_LAST_CALL_SECONDS)

    async def _sweep(self) -> None:
        """End connections whose time is over, and let the date of answers go on."""
        limits = self.limits
        pause = min(1.0, limits.head_seconds / 4, limits.body_seconds / 4, limits.idle_seconds / 4)
        while True:
            await asyncio.sleep(pause)
            self._prefixes.clear()
            self.metrics.set("connections", len(self.connections))
            now = self.now()
            for connection in [each for each in self.connections if each.deadline < now]:
                connection.expire()


def _accepted(listener: socket.socket) -> list[socket.socket]:
    """Who has connected and waits to be accepted."""
    found = []
    with contextlib.suppress(OSError):  # nobody is left
        while True:
            found.append(listener.accept()[0])
    return found


def _date() -> str:
    """Now, as HTTP writes it in every locale; `email.utils` does too, and takes a tenth of a start to import."""
    now = time.gmtime()
    return time.strftime(f"{_DAYS[now.tm_wday]}, %d {_MONTHS[now.tm_mon - 1]} %Y %H:%M:%S GMT", now)


def settle_process() -> None:
    """Prepare this process for serving, once the model is loaded.

    What was loaded stays, so the collector need not look at it again during requests; and there may be as many
    connections as the system allows.
    """
    os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = "true"
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(work)
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)
