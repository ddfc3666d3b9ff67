"""The answer of a server that has no engine: every call of a gRPC client gets an error that says why.

Closing the connection would not do: clients take that for a fault of the network and try again for minutes.
The frames are those of RFC 9113 (HTTP/2) and RFC 7541 (HPACK, without its table and its compression).
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

__all__ = ["Refusal"]

_HEADERS, _SETTINGS, _PING = 1, 4, 6
_ACK, _END = 1, 1 | 4  # of the stream and of the headers
_LONGEST_FRAME = 1 << 14
_SECONDS = 30
_INTERNAL = b"13"  # UNAVAILABLE would be tried again


class Refusal(asyncio.Protocol):
    """Refuses every call on one connection.

    Args:
        transport: The connection, after the preface.
        reason: What clients are told.
    """

    def __init__(self, transport: Any, reason: str) -> None:
        self._transport = transport
        self._block = b"\x88" + b"".join(
            _literal(name, value)
            for name, value in (
                (b"content-type", b"application/grpc"),
                (b"grpc-status", _INTERNAL),
                (b"grpc-message", quote(f"Spark is not available: {reason}", safe=" !,:;./'()").encode()),
            )
        )
        self._read = b""

    def begin(self, data: bytes) -> None:
        """Start talking, with what the client has said after its preface; the connection does not stay for long."""
        self._transport.write(_frame(_SETTINGS, 0, 0))
        asyncio.get_running_loop().call_later(_SECONDS, self._transport.close)
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Answer each frame that wants an answer."""
        self._read += data
        while len(self._read) >= 9:
            length = int.from_bytes(self._read[:3], "big")
            if length > _LONGEST_FRAME:
                self._transport.close()
                return
            if len(self._read) < 9 + length:
                return
            kind, flags, stream = self._read[3], self._read[4], int.from_bytes(self._read[5:9], "big") & 0x7FFFFFFF
            payload, self._read = self._read[9 : 9 + length], self._read[9 + length :]
            self._answer(kind, flags, stream, payload)

    def _answer(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _HEADERS:
            self._transport.write(_frame(_HEADERS, _END, stream, self._block))
        elif kind == _SETTINGS and not flags & _ACK:
            self._transport.write(_frame(_SETTINGS, _ACK, 0))
        elif kind == _PING and not flags & _ACK:
            self._transport.write(_frame(_PING, _ACK, 0, payload))


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\x00" + _text(name) + _text(value)


def _text(value: bytes) -> bytes:
    """A string with its length: an integer with a prefix of seven bits."""
    if len(value) < 127:
        return bytes((len(value),)) + value
    rest, length = len(value) - 127, bytearray((127,))
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes(length) + bytes((rest,)) + value
