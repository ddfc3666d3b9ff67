"""The headers of the first call on a connection of HTTP/2: by them a client says which cluster it means.

Frames are those of RFC 9113; headers are packed as RFC 7541 has it.
"""

from __future__ import annotations

__all__ = ["SETTINGS", "FirstCall", "headers_of"]

#: What a server says first. The client answers it, and that answer is not for the engine, which has not said it.
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_HEADERS, _SETTINGS, _CONTINUATION = 1, 4, 9
_ACK, _END, _PADDED, _PRIORITY = 0x1, 0x4, 0x8, 0x20
_MOST = 1 << 20


class FirstCall:
    """Reads what a client sends after its preface until the headers of its first call are there.

    Attributes:
        headers: They; nothing before they are there.
        waits_for_answer: Whether the client's answer to `SETTINGS` is still to come, and is to be left out.
    """

    def __init__(self) -> None:
        self.headers: dict[str, str] | None = None
        self.waits_for_answer = True
        self._rest = b""
        self._block: bytes | None = None

    def read(self, data: bytes) -> bytes:
        """What of the data is for the engine: whole frames, without the answer to `SETTINGS`.

        Raises:
            ValueError: It is no HTTP/2, or the headers are longer than any client's.
        """
        self._rest += data
        frames = []
        while len(self._rest) >= 9 and (self.waits_for_answer or self.headers is None):
            length = int.from_bytes(self._rest[:3], "big")
            if length > _MOST:
                raise ValueError("a frame is too long")
            if len(self._rest) < 9 + length:
                break
            frame, self._rest = self._rest[: 9 + length], self._rest[9 + length :]
            frames.append(self._looked_at(frame))
        if self.headers is not None and not self.waits_for_answer:
            frames.append(self._rest)
            self._rest = b""
        return b"".join(frames)

    def _looked_at(self, frame: bytes) -> bytes:
        kind, flags, payload = frame[3], frame[4], frame[9:]
        if kind == _SETTINGS and flags & _ACK and self.waits_for_answer:
            self.waits_for_answer = False
            return b""
        if kind in (_HEADERS, _CONTINUATION) and self.headers is None:
            self._block = (self._block or b"") + (_unpadded(flags, payload) if kind == _HEADERS else payload)
            if flags & _END:
                self.headers = headers_of(self._block)
        return frame


def headers_of(block: bytes) -> dict[str, str]:
    """The headers of a block.

    Raises:
        ValueError: It is no block of headers.
    """
    from hpack import Decoder, HPACKError

    try:
        return {str(name): str(value) for name, value in Decoder(_MOST).decode(block)}
    except (HPACKError, UnicodeDecodeError) as error:
        raise ValueError(f"these are no headers: {error}") from error


def _unpadded(flags: int, payload: bytes) -> bytes:
    padding = payload[0] if flags & _PADDED else 0
    begin = int(bool(flags & _PADDED)) + (5 if flags & _PRIORITY else 0)
    return payload[begin : len(payload) - padding]
