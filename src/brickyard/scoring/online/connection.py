"""One connection: requests out of what arrives, one after the other, and answers in their order."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import math
import struct
import termios
import time
from typing import TYPE_CHECKING, cast

from brickyard.scoring.online.answer import Answer, refusal
from brickyard.scoring.online.chunks import ChunkedBody
from brickyard.scoring.online.head import Head, Refused

if TYPE_CHECKING:
    from brickyard.scoring.online.worker import Worker

__all__ = ["Connection"]

# What of later requests is read while one is answered.
_AHEAD_BYTES = 256 << 10
# How long a client may take to read a refusal before what it goes on sending makes the system drop that.
_LINGER_SECONDS = 2.0
_UNREAD = Head("GET", "/", "", "", False, False, 0, False)


class Connection(asyncio.Protocol):
    """Reads requests, asks the worker's service, writes answers.

    Attributes:
        deadline: When the worker ends it, by its loop's clock: an idle one, one that is too slow.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._scanned = 0
        self._held = 0
        self._head: Head | None = None  # of the request that is read or answered
        self._chunks: ChunkedBody | None = None
        self._begun = 0.0
        self._unsent = math.inf  # of its answers, when that was counted last
        self._busy = self._stuck = self._ended = self._lingers = self._paused = False
        self.deadline = math.inf

    @property
    def is_gone(self) -> bool:
        """Whether nobody is there any more to be answered."""
        return self._transport is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it, or refuse it where there are too many (asyncio)."""
        self._transport = cast("asyncio.Transport", transport)
        self.deadline = self._worker.now() + self._worker.limits.idle_seconds
        if not self._worker.admit(self):
            self._refuse(503, "there are too many connections to this server; try again later")

    def data_received(self, data: bytes) -> None:
        """Read what arrived; mostly that is one whole request (asyncio)."""
        if self._lingers:
            return
        if not (self._buffer or self._head or self._stuck):
            if self._is_whole(data):
                return
            self.deadline = self._worker.now() + self._worker.limits.head_seconds
        self._buffer += data
        self._advance()

    def eof_received(self) -> bool:
        """Answer what was asked before the client said that it sends no more (asyncio)."""
        self._ended = True
        return self._busy or self._stuck

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it (asyncio)."""
        self._transport = None
        if self._busy:
            self._busy = False
            self._worker.metrics.left()
        self._buffer.clear()
        self._hold(0)
        self._worker.connections.discard(self)

    def pause_writing(self) -> None:
        """Take no further request while the client does not read its answers (asyncio)."""
        self._stuck = True
        if not self._lingers:
            self._rest()

    def resume_writing(self) -> None:
        """Go on (asyncio)."""
        self._stuck = False
        if not self._lingers:
            self._rest()
            self._advance()

    def reply(self, answer: Answer) -> None:
        """Write the answer to the request that was asked, then go on with the next."""
        if self._transport is not None and self._busy:
            self._write(answer)
            self._advance()

    def expire(self) -> None:
        """End it as its deadline has passed; a request that is read still is answered 408.

        A client that reads its answers slowly has time for as long as it goes on reading.
        """
        if self._transport is None:
            return
        if (self._buffer or self._head) and not (self._lingers or self._stuck):
            self._refuse(408, "the request did not arrive in time")
            return
        before, self._unsent = self._unsent, self._count_unsent()
        if 0 < self._unsent < before:
            self.deadline = self._worker.now() + self._worker.limits.idle_seconds
        else:
            self._transport.abort()

    def drain(self) -> None:
        """End it where nothing is asked."""
        if self._transport is not None and not (self._buffer or self._head or self._stuck):
            self._transport.close()

    def _is_whole(self, data: bytes) -> bool:
        """Answer data that is exactly one request; False where it is not."""
        end = data.find(b"\r\n\r\n")
        if end <= 0 or end > self._worker.limits.head_bytes:
            return False
        try:
            head = self._worker.heads.parse(data[:end])
        except Refused:
            return False
        if head.length != len(data) - end - 4:
            return False
        self._ask(head, data[end + 4 :])
        return True

    def _advance(self) -> None:
        """Ask as many requests as are there, until one has to be waited for."""
        try:
            while not (self._busy or self._stuck or self._lingers or self._transport is None):
                head = self._head or self._read_head()
                body = self._read_body(head) if head else None
                if head is None or body is None:
                    break
                self._chunks = None
                self._ask(head, body)
        except Refused as refused:
            self._refuse(refused.status, refused.message)
        self._settle()

    def _settle(self) -> None:
        if self._transport is None or self._lingers:
            return
        waits = self._busy or self._stuck
        if self._ended and not waits:
            self._transport.close()
        ahead = waits and len(self._buffer) > _AHEAD_BYTES
        if ahead != self._paused:
            self._paused = ahead
            (self._transport.pause_reading if ahead else self._transport.resume_reading)()
        self._hold(len(self._buffer) + (self._chunks.size if self._chunks else 0))
        if self._worker.held_bytes > self._worker.limits.queue_bytes and not waits and self._held:
            self._refuse(503, "this server holds too many bodies at the moment; try again later")

    def _hold(self, size: int) -> None:
        self._worker.held_bytes += size - self._held
        self._held = size

    def _read_head(self) -> Head | None:
        buffer, limits = self._buffer, self._worker.limits
        while buffer.startswith(b"\r\n"):  # RFC 9112, section 2.2
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        if (end if end >= 0 else len(buffer)) > limits.head_bytes:
            raise Refused(431, f"the request line and the headers are longer than {limits.head_bytes:,} bytes")
        self._scanned = len(buffer) if end < 0 else 0
        if end < 0:
            return None
        head = self._head = self._worker.heads.parse(bytes(buffer[:end]))
        del buffer[: end + 4]
        self._chunks = ChunkedBody(limits) if head.length is None else None
        self.deadline = self._worker.now() + limits.body_seconds
        if head.awaits_continue and not buffer and head.length != 0 and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return head

    def _read_body(self, head: Head) -> bytes | None:
        if self._chunks is not None:
            return self._chunks.take(self._buffer)
        assert head.length is not None
        if len(self._buffer) < head.length:
            return None
        body = bytes(self._buffer[: head.length])
        del self._buffer[: head.length]
        return body

    def _ask(self, head: Head, body: bytes) -> None:
        self._head, self._busy, self.deadline = head, True, math.inf
        self._begun = time.perf_counter()
        self._worker.metrics.begun()
        answer = self._worker.service.ask(head, body, self)
        if answer is not None:
            self._write(answer)

    def _write(self, answer: Answer) -> None:
        head, worker = self._head, self._worker
        assert head is not None and self._transport is not None
        keep = head.keep_alive and not worker.draining
        self._head, self._busy = None, False
        worker.metrics.answered(answer.status, time.perf_counter() - self._begun)
        self._transport.write(worker.render(answer, head, keep))
        self._rest()
        if not keep:
            self._end()

    def _rest(self) -> None:
        """Set the time by which the next thing has to happen."""
        if self._busy:
            return
        limits = self._worker.limits
        reads_head = self._buffer and not self._stuck
        self.deadline = self._worker.now() + (limits.head_seconds if reads_head else limits.idle_seconds)
        self._unsent = self._count_unsent() if self._stuck else math.inf

    def _count_unsent(self) -> int:
        """How much of the answers the client has not taken: what waits here, and in the system."""
        assert self._transport is not None
        count = self._transport.get_write_buffer_size()
        with contextlib.suppress(OSError, ValueError):  # where the system does not tell
            descriptor = self._transport.get_extra_info("socket").fileno()
            count += struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))[0]
        return count

    def _refuse(self, status: int, message: str) -> None:
        """Answer a request that was not read to its end, and end the connection."""
        if self._transport is None or self._lingers:
            return
        self._worker.metrics.refused(status)
        self._transport.write(self._worker.render(refusal(status, message), self._head or _UNREAD, keep=False))
        self._end(unread=True)

    def _end(self, *, unread: bool = False) -> None:
        """Close; where the client still sends, only after it has had time to read the answer."""
        assert self._transport is not None
        unread = unread or bool(self._buffer)
        self._lingers = True
        self._buffer.clear()
        self._head = self._chunks = None
        self._hold(0)
        self._unsent = self._count_unsent()
        if not unread or self._ended:
            self.deadline = self._worker.now() + self._worker.limits.idle_seconds
            self._transport.close()
            return
        if self._paused:
            self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self.deadline = self._worker.now() + _LINGER_SECONDS
