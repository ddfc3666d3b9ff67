"""Bodies that come in chunks (RFC 9112, section 7.1)."""

from __future__ import annotations

import re

from brickyard.scoring.online.head import Refused, read_header, too_large
from brickyard.scoring.online.limits import Limits

__all__ = ["ChunkedBody"]

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?")
_MOST_LINE_BYTES = 4096


class ChunkedBody:
    """Takes one body out of a buffer, as far as it has come.

    Args:
        limits: How large it may be.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._body = bytearray()
        self._left = 0  # bytes of the current chunk that have not come yet
        self._in_chunk = self._in_trailer = False
        self._trailer_bytes = 0

    @property
    def size(self) -> int:
        """How much of the body has come."""
        return len(self._body)

    def take(self, buffer: bytearray) -> bytes | None:
        """Move what is there out of the buffer; the body once all of it came, else none.

        Raises:
            Refused: It is not in chunks, or is too large.
        """
        while True:
            if self._left:
                part = buffer[: self._left]
                del buffer[: self._left]
                self._body += part
                self._left -= len(part)
                if self._left:
                    return None
            line = self._line(buffer)
            if line is None:
                return None
            if self._in_trailer:
                if not line:
                    return bytes(self._body)
                read_header(line)
            elif self._in_chunk:
                self._end_chunk(line)
            else:
                self._begin_chunk(line)

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(b"\r\n")
        if end > _MOST_LINE_BYTES or (end < 0 and len(buffer) > _MOST_LINE_BYTES):
            raise Refused(400, "Invalid HTTP request received: a line between chunks is too long")
        if end < 0:
            return None
        line = bytes(buffer[:end])
        del buffer[: end + 2]
        if self._in_trailer:
            self._trailer_bytes += end + 2
            if self._trailer_bytes > self._limits.head_bytes:
                raise Refused(431, f"the headers after the body are longer than {self._limits.head_bytes:,} bytes")
        return line

    def _begin_chunk(self, line: bytes) -> None:
        size = _SIZE_LINE.fullmatch(line)
        if size is None:
            raise Refused(400, "Invalid HTTP request received: a chunk does not begin with its size")
        self._left = int(size[1], 16)
        if len(self._body) + self._left > self._limits.body_bytes:
            raise Refused(413, too_large(self._limits))
        self._in_chunk, self._in_trailer = self._left > 0, self._left == 0

    def _end_chunk(self, line: bytes) -> None:
        if line:
            raise Refused(400, "Invalid HTTP request received: a chunk is longer than its size")
        self._in_chunk = False
