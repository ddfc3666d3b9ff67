"""Calls of the command line to a workspace of this machine, with its owner's token."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
from typing import Any
from urllib.parse import urlsplit

from brickyard.errors import WorkspaceProcessError
from brickyard.workspace.layout import Layout, ProcessRecord

__all__ = ["answers", "call", "expect_spark"]

#: What clients of Spark Connect begin with (HTTP/2 over a connection that is known to be for it).
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: The variable that keeps the engine from being started before a client needs it, where it is 0.
AHEAD = "BRICKYARD_SPARK_AHEAD"
#: So long the engine is waited for; it takes about a second.
ENGINE_SECONDS = 5


def answers(layout: Layout, record: ProcessRecord) -> bool:
    """Whether the server is ready."""
    try:
        connection = _connection(layout, record, timeout=5)
    except WorkspaceProcessError:
        return False
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def call(layout: Layout, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer of one call.

    Raises:
        WorkspaceProcessError: The workspace does not run, or refuses.
    """
    record, start = layout.read_process(), f"`brickyard workspace start {layout.name}` starts it"
    if record is None or layout.holder() is None:
        raise WorkspaceProcessError(f"the workspace {layout.name!r} does not run", where=str(layout.root), next=start)
    connection = _connection(layout, record, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {layout.read_token()}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read() or b"{}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WorkspaceProcessError(
            f"the workspace {layout.name!r} does not answer: {error}", where=record.url, next="see its log"
        ) from error
    finally:
        connection.close()
    if response.status >= 400:
        said = answer.get("message") or answer.get("detail") or response.reason
        raise WorkspaceProcessError(f"the workspace {layout.name!r} refused: {said}", where=f"{method} {path}")
    return answer


def expect_spark(layout: Layout) -> None:
    """Have a workspace that runs start its Spark engine, as the first client would, and wait until it answers.

    It ends by itself if no client comes.
    """
    record = layout.read_process()
    if record is None or layout.holder() is None or os.environ.get(AHEAD) == "0":
        return
    with contextlib.suppress(OSError, http.client.HTTPException, WorkspaceProcessError):  # then the first one starts it
        connection = _connection(layout, record, timeout=ENGINE_SECONDS)
        connection.connect()
        connection.sock.sendall(PREFACE)
        connection.sock.recv(1)
        connection.close()


def _connection(layout: Layout, record: ProcessRecord, timeout: float) -> http.client.HTTPConnection:
    address = urlsplit(record.url)
    host, port = address.hostname or "127.0.0.1", address.port
    if address.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=timeout)
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=_context(layout))


def _context(layout: Layout) -> ssl.SSLContext:
    from brickyard.workspace.tls import client_context

    return client_context(layout)
