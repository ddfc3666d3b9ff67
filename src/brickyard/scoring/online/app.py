"""The scoring protocol as a bare ASGI application: no framework in the path of a request."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from brickyard.scoring.online.protocol import Answer, Protocol

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel

__all__ = ["ScoringApp"]

_MOST_BODY_BYTES = 64 << 20
# Above this a native call is long enough to hold up /ping, so it goes to a thread.
_QUICK_BYTES = 32 << 10
# A model whose small requests take less than this is called on the loop: handing over to a thread costs as much.
_SHORT_SECONDS = 0.003
_METHODS = {"/ping": "GET", "/health": "GET", "/version": "GET", "/invocations": "POST"}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _ClientLeft(Exception):
    """The connection ended before the whole request was there."""


class ScoringApp:
    """`POST /invocations`, `GET /ping`, `/health` and `/version` for one model.

    Predictions other than the quick native ones run on threads, so the loop keeps answering `/ping`.
    """

    def __init__(self, model: ScoringModel, *, threads: int = 4) -> None:
        self._protocol = Protocol(model)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._rung = model.rung.encode()
        self._usual_seconds = math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except _ClientLeft:
            return  # there is nobody to answer
        await self._send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path, method = scope["path"], scope["method"]
        if path not in _METHODS:
            return _error(404, f"there is no {path} here; this server answers {', '.join(_METHODS)}")
        if method != _METHODS[path]:
            return _error(405, f"{path} takes {_METHODS[path]}, not {method}")
        if path == "/invocations":
            return await self._invoke(scope, receive)
        return Answer(200, "application/json", _version() if path == "/version" else b"\n")

    async def _invoke(self, scope: Scope, receive: Receive) -> Answer:
        body = await _body(receive)
        if body is None:
            return _error(413, f"the body is larger than {_MOST_BODY_BYTES >> 20} MiB; send the rows in parts")
        content_type = _header(scope, b"content-type")
        if not content_type:
            return _error(415, "the request has no content type; send application/json, text/csv or parquet")
        small = len(body) <= _QUICK_BYTES
        quick = self._protocol.quick(body, content_type) if small else None
        if quick is not None:
            return quick
        if small and self._usual_seconds < _SHORT_SECONDS:
            return self._timed(body, content_type)
        work = self._timed if small else self._large
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, body, content_type)

    def _large(self, body: bytes, content_type: str) -> Answer:
        return self._protocol.quick(body, content_type) or self._protocol.answer(body, content_type)

    def _timed(self, body: bytes, content_type: str) -> Answer:
        """Answer, and learn how long small requests usually take; one that is much slower counts at once."""
        begun = time.perf_counter()
        answer = self._protocol.answer(body, content_type)
        took = time.perf_counter() - begun
        slower = took > 2 * _SHORT_SECONDS or math.isinf(self._usual_seconds)
        self._usual_seconds = took if slower else 0.9 * self._usual_seconds + 0.1 * took
        return answer

    async def _send(self, send: Send, answer: Answer) -> None:
        headers = [
            (b"content-type", _content_type(answer.media_type)),
            (b"content-length", str(len(answer.body)).encode()),
            (b"x-scoring-rung", self._rung),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


async def _body(receive: Receive) -> bytes | None:
    """Read the whole body; None when it is too large.

    Raises:
        _ClientLeft: Only a part of it came, which must not be taken for the whole.
    """
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientLeft
        part = message.get("body", b"")
        size += len(part)
        if size > _MOST_BODY_BYTES:
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _content_type(media_type: str) -> bytes:
    """As MLflow's server writes it: plain text with its character set."""
    return f"{media_type}; charset=utf-8".encode() if media_type.startswith("text/") else media_type.encode()


def _error(status: int, message: str) -> Answer:
    code = {404: "RESOURCE_DOES_NOT_EXIST", 405: "INVALID_PARAMETER_VALUE"}.get(status, "BAD_REQUEST")
    body = json.dumps({"error_code": code, "message": message})
    return Answer(status, "application/json", body.encode())


def _version() -> bytes:
    from mlflow.version import VERSION

    return str(VERSION).encode()
