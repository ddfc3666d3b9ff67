"""Messages between the server, the fork server and its children: JSON, one per line, over a socket pair."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["Channel", "Message"]

Message = dict[str, Any]


class Channel:
    """One end of a conversation. Sending is safe from several threads, receiving is for one."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lock = threading.Lock()
        self._rest = b""

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Two ends that are connected."""
        one, other = socket.socketpair()
        return cls(one), cls(other)

    def fileno(self) -> int:
        """The descriptor, for selectors."""
        return self._socket.fileno()

    def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            OSError: The other end is closed.
        """
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._socket.sendall(line)

    def receive(self) -> list[Message]:
        """Wait for data, and return the messages that it completes, perhaps none.

        Raises:
            EOFError: The other end is closed.
        """
        try:
            data = self._socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def messages(self) -> Iterator[Message]:
        """Every message as it comes, until one of the ends is closed."""
        while True:
            try:
                complete = self.receive()
            except (EOFError, OSError):
                return
            yield from complete

    def close(self) -> None:
        """Close this end in this process."""
        self._socket.close()

    def shutdown(self) -> None:
        """End the conversation for every process that has this end."""
        self._socket.shutdown(socket.SHUT_RDWR)
