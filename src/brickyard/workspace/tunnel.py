"""HTTP/2 on the workspace's own port: a connection of Spark Connect becomes a tunnel to the Spark engine.

A client of gRPC begins with a fixed preface (RFC 9113, 3.4), by which it is told from ordinary HTTP/1.1. What follows
is not looked at here: the engine, behind a socket that only this user can open, asks for the workspace's tokens. Only
where there are clusters the headers of the first call are read: they name the one whose engine is meant.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from brickyard.workspace.first_call import SETTINGS, FirstCall
from brickyard.workspace.refusal import Refusal

__all__ = ["PREFACE", "EngineUnavailable", "Sockets", "protocol"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_MOST = 1000
_TRIES = 3
_BUFFER = 4 * 2**20  # a batch of rows has up to 4 MiB
_log = logging.getLogger(__name__)
_CALL_SECONDS = 60.0


class EngineUnavailable(Exception):
    """There is no engine; the message is for the client."""


class Sockets(Protocol):
    """Where engines listen; a workspace is one."""

    def names_engines(self) -> bool:
        """Whether the headers of a connection's first call may name another engine than the usual one."""

    def spark_socket(self, lost: str, headers: Mapping[str, str]) -> str:
        """Where the engine of a connection listens; called on a thread, starts it if need be.

        Args:
            lost: Where it was found not to listen any more; empty at first.
            headers: Those of the first call, where they were read.

        Raises:
            EngineUnavailable: There is none.
        """


def protocol(sockets: Sockets) -> Any:
    """What makes uvicorn's protocol of a connection: HTTP/1.1 as it is, and tunnels to an engine."""
    return functools.partial(_Front, sockets)


class _Front(asyncio.Protocol):
    """Looks at the first bytes of a connection, and then hands it over."""

    def __init__(self, sockets: Sockets, *, server_state: Any, **options: Any) -> None:
        self._sockets = sockets
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
            Tunnel(self._client, self._sockets, self._connections).begin(self._begun)
            return
        http = self._http()
        http.connection_made(self._client)
        self._client.set_protocol(http)
        http.data_received(self._begun)


class Tunnel(asyncio.Protocol):
    """The client's side of a tunnel."""

    def __init__(self, client: Any, sockets: Sockets, connections: set[Any]) -> None:
        self._client = client
        self._sockets = sockets
        self._call: FirstCall | None = None
        self._begun = b""
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
        self._begun = first
        if self._sockets.names_engines():
            self._call, self._begun = FirstCall(), PREFACE
            self._client.write(SETTINGS)
            self._late = asyncio.get_running_loop().call_later(_CALL_SECONDS, self._without_call)
            self.data_received(first[len(PREFACE) :])
        else:
            self._open({})

    def shutdown(self) -> None:
        """Close both sides; the server calls it when it stops."""
        self._client.close()

    def data_received(self, data: bytes) -> None:
        """What the client says goes to the engine, once it is known which."""
        if self._call is None:
            self._engine.write(data)
            return
        try:
            data = self._call.read(data)
        except ValueError as error:
            _log.warning("a connection is closed: %s", error)
            self._client.close()
            return
        headers = self._call.headers
        if headers is not None and not self._call.waits_for_answer:
            self._call = None
        if self._engine is not None:
            self._engine.write(data)
            return
        self._begun += data
        if headers is not None:
            self._open(headers)

    def _open(self, headers: Mapping[str, str]) -> None:
        self._client.pause_reading()
        self._task = asyncio.get_running_loop().create_task(self._connect(headers))

    def _without_call(self) -> None:
        """Close a connection on which nothing is asked for."""
        if self._task is None:
            self._client.close()

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

    async def _connect(self, headers: Mapping[str, str]) -> None:
        try:
            self._engine = await self._reach(headers)
        except EngineUnavailable as error:
            self._connections.discard(self)
            self._refuse(str(error), self._begun)
            return
        self._client.set_write_buffer_limits(high=_BUFFER)
        self._engine.set_write_buffer_limits(high=_BUFFER)
        self._engine.write(self._begun)
        self._begun = b""
        self._client.resume_reading()

    async def _reach(self, headers: Mapping[str, str]) -> Any:
        loop, lost = asyncio.get_running_loop(), ""
        for _ in range(_TRIES):
            place = await asyncio.to_thread(self._sockets.spark_socket, lost, headers)
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
