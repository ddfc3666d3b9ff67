"""A gateway's side of its conversation with the fork server: processes that are forked for it."""

from __future__ import annotations

import itertools
import queue
import signal
import threading
from collections.abc import Callable
from typing import Any

from brickyard.workspace.compute.channel import Channel, Message

__all__ = ["Fork", "Forks", "how_it_ended"]


class Fork:
    """A process that the fork server has forked for this one."""

    def __init__(self, forks: Forks, number: int) -> None:
        self._forks = forks
        self._number = number
        self._answers: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._asking = threading.Lock()
        self._how = ""

    def hear(self, message: Message) -> None:
        """Take what the fork server says of it."""
        if message.get("event") == "exited":
            self._how = message.get("error") or how_it_ended(message["code"])
            self._ended.set()
        self._answers.put(message)

    def answer(self, timeout: float | None = None) -> Message:
        """Wait for what it says.

        Raises:
            TimeoutError: It says nothing.
        """
        try:
            return self._answers.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None

    def ask(self, message: Message, timeout: float) -> Message:
        """Tell it something and wait for its answer.

        Raises:
            TimeoutError: There is none in time; it cannot be asked again.
        """
        with self._asking:
            self._forks.send({"do": "tell", "id": self._number, "say": message})
            return self.answer(timeout)

    def ended(self, timeout: float = 0) -> str | None:
        """How it ended, waiting so many seconds for that; none while it runs."""
        return self._how if self._ended.wait(timeout) else None

    def kill(self) -> None:
        """End it."""
        self._forks.send({"do": "kill", "id": self._number})


class Forks:
    """Asks the fork server for processes; usable from several threads.

    Attributes:
        told: Called with what the workspace tells this process, on the thread that listens.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = itertools.count(1)
        self._forks: dict[int, Fork] = {}
        self.told: Callable[[Message], None] = lambda message: None
        self._listener = threading.Thread(target=self._listen, name="fork-server", daemon=True)
        self._listener.start()

    def fork(self, message: dict[str, Any]) -> Fork:
        """Ask for a process; what it says first tells whether there is one."""
        number = next(self._numbers)
        fork = self._forks[number] = Fork(self, number)
        self.send(message | {"id": number})
        return fork

    def send(self, message: Message) -> None:
        """Say something to the fork server; where that has gone, this process ends as well."""
        self._channel.send(message)

    def _listen(self) -> None:
        for message in self._channel.messages():
            self._hear(message)

    def _hear(self, message: Message) -> None:
        if "told" in message:
            self.told(message["told"])
            return
        exited = message.get("event") == "exited"
        fork = self._forks.pop(message["id"], None) if exited else self._forks.get(message["id"])
        if fork is not None:
            fork.hear(message)


def how_it_ended(code: int) -> str:
    """The end of a process in words, from its exit code or minus the number of a signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name
    hint = ", perhaps because memory ran out" if name == "SIGKILL" else ""
    return f"was ended by {name}{hint}"
