"""Forwarding to a scoring process: HTTP/1.1 over kept-alive connections of a Unix socket.

A general HTTP client costs several times the prediction (httpx: about a millisecond a request), so this speaks
the little of HTTP that is needed to one known server, with httptools as the parser.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httptools

__all__ = ["Channel", "ChannelClosed", "ForwardFailed", "Reply", "unix_address"]

_ADDRESS_BYTES = 100


@dataclass(frozen=True)
class Reply:
    """What the scoring process answered; `retry_after` is empty where it does not say when to ask again."""

    status: int
    media_type: str
    rung: str
    body: bytes
    retry_after: str = ""


class ForwardFailed(Exception):
    """The scoring process ended, or did not answer in time."""


class ChannelClosed(Exception):
    """The process is no longer in use; ask the one that took its place."""


class Channel:
    """Connections to one scoring process, all used from one event loop.

    Args:
        path: The process's Unix socket.
        timeout: How long a request may take, in seconds.
    """

    def __init__(self, path: Path, *, timeout: float = 300) -> None:
        self._path = path
        self._timeout = timeout
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()
        self._open = True
        self._in_flight = 0
        self._drained = threading.Event()
        self._drained.set()

    async def post(self, body: bytes, content_type: str, accept: str = "") -> Reply:
        """Send a body to `/invocations`, with what the client accepts.

        A request that a dying process did not answer is sent once more to its successor on the same socket;
        predictions change nothing, so asking twice is safe.

        Raises:
            ChannelClosed: The process was taken out of use before the request was sent.
            ForwardFailed: There was no answer.
        """
        self._enter()
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    return await self._once(body, content_type, accept, self._take())
                except ForwardFailed:
                    return await self._once(body, content_type, accept, None)
        except TimeoutError as error:
            raise ForwardFailed(f"the model did not answer within {self._timeout:g} s") from error
        finally:
            self._leave()

    def close(self, grace: float) -> bool:
        """Take no more requests and wait for those in flight; False where they took longer than `grace` seconds."""
        with self._lock:
            self._open = False
        return self._drained.wait(grace)

    def _enter(self) -> None:
        with self._lock:
            if not self._open:
                raise ChannelClosed
            self._in_flight += 1
            self._drained.clear()

    def _leave(self) -> None:
        with self._lock:
            self._in_flight -= 1
            if not self._in_flight:
                self._drained.set()

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _once(self, body: bytes, content_type: str, accept: str, connection: _Connection | None) -> Reply:
        connection = connection or await self._connect()
        try:
            reply = await connection.post(body, content_type, accept)
        except BaseException:
            connection.abort()
            raise
        if connection.usable:
            self._idle.append(connection)
        return reply

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            with unix_address(self._path) as address:
                _, connection = await loop.create_unix_connection(_Connection, address)
        except OSError as error:
            raise ForwardFailed(f"the scoring process cannot be reached: {error.strerror or error}") from error
        return connection


class _Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing() and self._waiter is None

    async def post(self, body: bytes, content_type: str, accept: str) -> Reply:
        """Send one request and wait for its answer."""
        if self._transport is None:
            raise ForwardFailed("the scoring process closed the connection")
        self._waiter = asyncio.get_running_loop().create_future()
        head = f"POST /invocations HTTP/1.1\r\nhost: model\r\ncontent-length: {len(body)}\r\n"
        if content_type:
            head += f"content-type: {content_type}\r\n"
        if accept:
            head += f"accept: {accept}\r\n"
        self._transport.write(head.encode("latin-1") + b"\r\n" + body)
        return await self._waiter

    def abort(self) -> None:
        """Close without waiting."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio)."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived (asyncio)."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the scoring process did not answer HTTP: {error}")
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that waits (asyncio)."""
        self._transport = None
        self._fail("the scoring process ended during the request")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header (httptools)."""
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        """Collect a part of the body (httptools)."""
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Hand the answer to the request that waits (httptools)."""
        waiter, self._waiter = self._waiter, None
        names = (b"content-type", b"x-scoring-rung", b"retry-after")
        media_type, rung, retry_after = (self._headers.get(name, b"").decode("latin-1") for name in names)
        reply = Reply(self._parser.get_status_code(), media_type, rung, b"".join(self._parts), retry_after)
        self._headers, self._parts = {}, []
        self._parser = httptools.HttpResponseParser(self)
        if waiter is not None and not waiter.done():
            waiter.set_result(reply)

    def _fail(self, reason: str) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(ForwardFailed(reason))


@contextmanager
def unix_address(path: Path) -> Iterator[str]:
    """A path as the address of a Unix socket, also where it is longer than the 107 bytes that fit into one.

    A long path is reached through an open descriptor of its directory (Linux).
    """
    if len(os.fsencode(path)) <= _ADDRESS_BYTES:
        yield str(path)
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
