"""The server's side of the fork server: starts it, asks it, and hears what became of tasks."""

from __future__ import annotations

import contextlib
import itertools
import logging
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from brickyard.workspace.compute.channel import Channel, Message

__all__ = ["Exit", "ForkServerClient", "ForkServerGone"]

_log = logging.getLogger(__name__)
_END_SECONDS = 10


class ForkServerGone(Exception):
    """The fork server has ended, and every task with it."""


@dataclass(frozen=True)
class Exit:
    """How a task's process ended.

    Attributes:
        code: Its exit code, or minus the number of the signal; none where it is unknown, or there was no process.
        error: Why there was none.
    """

    code: int | None
    error: str | None = None


@dataclass
class _Waiting:
    channel: Channel
    started: Callable[[int], None]
    ended: Callable[[Exit], None]
    heard: Callable[[Message], None] | None = None


class ForkServerClient:
    """A running fork server, of two generations.

    Args:
        environ: Its environment variables.
        gone: Called when it has ended by itself.
    """

    def __init__(self, environ: Mapping[str, str], gone: Callable[[ForkServerClient], None]) -> None:
        self._gone = gone
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._lock = threading.Lock()
        self._closing = False
        ours, theirs = zip(socket.socketpair(), socket.socketpair(), strict=True)
        descriptors = [end.fileno() for end in theirs]
        command = [sys.executable, "-m", "brickyard.workspace.compute.forkserver", *map(str, descriptors)]
        self._process = subprocess.Popen(
            command, env=dict(environ), pass_fds=descriptors, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/"
        )
        for end in theirs:
            end.close()
        self._channels = [Channel(end) for end in ours]
        self._current = self._channels[0]
        threading.Thread(target=self._listen, name="fork-server", daemon=True).start()

    @property
    def pid(self) -> int:
        """The first generation's process."""
        return self._process.pid

    def spawn(
        self,
        message: Message,
        started: Callable[[int], None],
        ended: Callable[[Exit], None],
        heard: Callable[[Message], None] | None = None,
    ) -> int:
        """Start a worker, or what else the message asks for; the number of the request.

        Args:
            message: What the worker is to do.
            started: Called with the process's id, and with those of the processes that are forked for it.
            ended: Called at its end, once nothing that it started is left.
            heard: Called with what it says while it runs.

        Raises:
            ForkServerGone: The fork server has ended.
        """
        number = next(self._numbers)
        with self._lock:
            channel = self._current
            self._waiting[number] = _Waiting(channel, started, ended, heard)
        try:
            channel.send({"do": "spawn"} | message | {"id": number})
        except OSError as error:
            if self._waiting.pop(number, None) is not None:  # else its end has been told already
                raise ForkServerGone("the process that executes tasks has ended") from error
        return number

    def expect_tasks(self) -> None:
        """Load what tasks need beside Spark, if it has not been done."""
        with contextlib.suppress(OSError):  # it has ended, as whoever asks for a task is told
            self._channels[0].send({"do": "generation"})

    @property
    def idle(self) -> bool:
        """Whether nothing that it has started runs."""
        return not self._waiting

    def tell(self, number: int, message: Message) -> None:
        """Tell a worker something; does nothing where it has ended."""
        waiting = self._waiting.get(number)
        if waiting is not None:
            with contextlib.suppress(OSError):
                waiting.channel.send({"do": "tell", "id": number, "say": {"told": message}})

    def kill(self, number: int, now: bool = False) -> None:
        """End a worker and everything it has started, `now` or after a grace; does nothing where it has ended."""
        waiting = self._waiting.get(number)
        if waiting is not None:
            with contextlib.suppress(OSError):
                waiting.channel.send({"do": "kill", "id": number, "now": now})

    def close(self) -> None:
        """End the fork server and every task."""
        self._closing = True
        for channel in self._channels:
            with contextlib.suppress(OSError):
                channel.shutdown()
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        try:
            self._hear_all()
        finally:  # also where this thread fails: no task is waited for without end
            for channel in self._channels:
                self._lost(channel)
            if not self._closing:
                _log.error("the fork server has ended by itself")
                self._gone(self)

    def _hear_all(self) -> None:
        with selectors.DefaultSelector() as selector:
            for channel in self._channels:
                selector.register(channel, selectors.EVENT_READ, channel)
            while selector.get_map():
                for key, _ in selector.select():
                    if not self._hear(key.data):
                        selector.unregister(key.data)
                        self._lost(key.data)

    def _hear(self, channel: Channel) -> bool:
        try:
            messages = channel.receive()
        except (EOFError, OSError):
            return False
        for message in messages:
            try:
                self._handle(channel, message)
            except Exception:  # the others have to be heard as well
                _log.exception("what became of a task could not be told: %s", message)
        return True

    def _handle(self, channel: Channel, message: Message) -> None:
        if message["event"] == "ready":
            with self._lock:
                self._current = channel
        elif message["event"] == "started":
            if (waiting := self._waiting.get(message["id"])) is not None:
                waiting.started(message["pid"])
        elif message["event"] == "answered":
            heard = self._waiting[message["id"]].heard
            if heard is not None:
                heard(message.get("said", message))
        elif message["event"] == "exited":
            self._waiting.pop(message["id"]).ended(Exit(message["code"], message.get("error")))

    def _lost(self, channel: Channel) -> None:
        """End the waiting for tasks of a generation that is gone."""
        for number, waiting in list(self._waiting.items()):
            if waiting.channel is channel:
                del self._waiting[number]
                try:
                    waiting.ended(Exit(None))
                except Exception:  # the others have to hear of it as well
                    _log.exception("that a task was lost could not be told")
