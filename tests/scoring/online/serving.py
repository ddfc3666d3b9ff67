"""A worker on a thread of the test, and raw sockets to it."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from typing import Any

from brickyard.scoring.online import Limits, listen
from brickyard.scoring.online.worker import Worker

JSON = "application/json"


class Running:
    """A worker that serves a model on a free port."""

    def __init__(self, model: Any, limits: Limits | None = None) -> None:
        self.worker = Worker(model, limits)
        (self.listener,) = listen("127.0.0.1", 0)
        self.port = self.listener.getsockname()[1]
        ready = threading.Event()
        self._loop: Any = None

        def on_ready() -> None:
            self._loop = asyncio.get_running_loop()
            ready.set()

        self._thread = threading.Thread(target=self.worker.run, args=(self.listener, on_ready))
        self._thread.start()
        assert ready.wait(30)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 30)

    def ask(self, data: bytes) -> bytes:
        """Send everything, then read until the server closes."""
        with self.connect() as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            return read_all(client)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self.worker.end)

    def close(self) -> None:
        if self._thread.is_alive():
            self.end()
        self._thread.join(60)
        assert not self._thread.is_alive()


def read_all(client: socket.socket) -> bytes:
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def read_one(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer of a connection that stays open."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(65536)
        assert part, data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    status, headers = parse_head(head)
    while len(body) < int(headers["content-length"]):
        body += client.recv(65536)
    return status, headers, body


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    match = re.fullmatch(r"HTTP/1\.1 (\d{3}) [ \w-]+", first)
    assert match, first
    return int(match[1]), {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def answers(data: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each answer, in their order."""
    found = []
    while data:
        head, mark, rest = data.partition(b"\r\n\r\n")
        assert mark, data
        status, headers = parse_head(head)
        if status == 100:
            found.append((100, b""))
            data = rest
            continue
        size = int(headers["content-length"])
        assert len(rest) >= size
        found.append((status, rest[:size]))
        data = rest[size:]
    return found


def request(body: bytes, content_type: str = JSON, path: str = "/invocations", *more: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: model",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *more,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(parts: list[bytes], content_type: str = JSON) -> bytes:
    head = (
        f"POST /invocations HTTP/1.1\r\nHost: m\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return head.encode() + b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"
