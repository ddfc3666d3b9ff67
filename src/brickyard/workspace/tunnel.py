"""HTTP/2 on the workspace's own port: a connection of Spark Connect becomes a tunnel to the Spark engine.

A client of gRPC begins with a fixed preface (RFC 9113, 3.4), by which it is told from ordinary HTTP/1.1. What follows
is not looked at here: the engine, behind a socket that only this user can open, asks for the workspace's tokens.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from brickyard.workspace.refusal import Refusal

__all__ = ["PREFACE", "EngineUnavailable", "protocol"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_MOST = 1000
_TRIES = 3
_BUFFER = 4 * 2**20  # a batch of rows has up to 4 MiB
_log = logging.getLogger(__name__)
#: Where the engine listens; the argument says where it was found not to.
Socket = Callable[[str], str]


class EngineUnavailable(Exception):
    """There is no engine; the message is for the client."""


def protocol(socket: Socket) -> Any:
    """What makes uvicorn's protocol of a connection: HTTP/1.1 as it is, and tunnels to the engine.

    Args:
        socket: Starts the engine if need be; called on a thread. Raises EngineUnavailable.
    """
    return functools.partial(_Front, socket)


class _Front(asyncio.Protocol):
    """Looks at the first bytes of a connection, and then hands it over."""

    def __init__(self, socket: Socket, *, server_state: Any, **options: Any) -> None:
        self._socket = socket
        self._connections: set[Any] = server_state.connections
        http: Callable[..., Any] = AutoHTTPProtocol
        self._http = functools.partial(http, server_state=server_state, **options)
        self._client: Any = None
        self._begun = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._client = transport
        self._connections.add(self)

    def shutdown(self) -> None:
        """Close a connection on which nothing was said; the server calls it when it stops."""
        self._client.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._begun += data
        if len(self._begun) < len(PREFACE) and PREFACE.startswith(self._begun):
            return
        self._connections.discard(self)
        if self._begun.startswith(PREFACE):
            Tunnel(self._client, self._socket, self._connections).begin(self._begun)
            return
        http = self._http()
        http.connection_made(self._client)
        self._client.set_protocol(http)
        http.data_received(self._begun)


class Tunnel(asyncio.Protocol):
    """The client's side of a tunnel."""

    def __init__(self, client: Any, socket: Socket, connections: set[Any]) -> None:
        self._client = client
        self._socket = socket
        self._connections = connections
        self._engine: Any = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, first: bytes) -> None:
        """Take the connection over; nothing more is read before there is somebody to read it for."""
        if sum(isinstance(one, Tunnel) for one in self._connections) >= _MOST:
            self._refuse("this workspace has too many Spark connections; close some", first)
            return
        self._connections.add(self)
        self._client.set_protocol(self)
        self._client.pause_reading()
        self._task = asyncio.get_running_loop().create_task(self._connect(first))

    def shutdown(self) -> None:
        """Close both sides; the server calls it when it stops."""
        self._client.close()

    def data_received(self, data: bytes) -> None:
        """What the client says goes to the engine."""
        self._engine.write(data)

    def eof_received(self) -> bool:
        """A client that says no more may still listen, except over TLS."""
        if self._engine is None or not self._client.can_write_eof():
            return False
        self._engine.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone."""
        self._connections.discard(self)
        if self._task is not None:
            self._task.cancel()
        if self._engine is not None:
            self._engine.abort()

    def pause_writing(self) -> None:
        """The client reads slowly."""
        if self._engine is not None:
            self._engine.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._engine is not None:
            self._engine.resume_reading()

    async def _connect(self, first: bytes) -> None:
        try:
            self._engine = await self._reach()
        except EngineUnavailable as error:
            self._connections.discard(self)
            self._refuse(str(error), first)
            return
        self._client.set_write_buffer_limits(high=_BUFFER)
        self._engine.set_write_buffer_limits(high=_BUFFER)
        self._engine.write(first)
        self._client.resume_reading()

    async def _reach(self) -> Any:
        loop, lost = asyncio.get_running_loop(), ""
        for _ in range(_TRIES):
            place = await asyncio.to_thread(self._socket, lost)
            try:
                transport, _ = await loop.create_unix_connection(lambda: _Engine(self._client), place)
            except OSError as error:
                _log.info("the Spark engine at %s has ended: %s", place, error)
                lost = place
                continue
            return transport
        raise EngineUnavailable("the workspace's Spark engine does not stay alive; see the workspace's log")

    def _refuse(self, reason: str, first: bytes) -> None:
        _log.warning("a Spark connection is refused: %s", reason)
        refusal = Refusal(self._client, reason)
        self._client.set_protocol(refusal)
        refusal.begin(first[len(PREFACE) :])
        self._client.resume_reading()


class _Engine(asyncio.Protocol):
    """The engine's side of a tunnel."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._client.close()

    def pause_writing(self) -> None:
        self._client.pause_reading()

    def resume_writing(self) -> None:
        self._client.resume_reading()
