"""The headers of the first call on a connection of HTTP/2: by them a client says which cluster it means.

Frames are those of RFC 9113 and headers are packed as RFC 7541 has it. Only a few headers are looked
at; of the code for packed text, characters of up to seven bits are known, as ids have; others make a header unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["SETTINGS", "FirstCall", "headers_of"]

#: What a server says first. The client answers it, and that answer is not for the engine, which has not said it.
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_HEADERS, _SETTINGS, _CONTINUATION = 1, 4, 9
_ACK, _END, _PADDED, _PRIORITY = 0x1, 0x4, 0x8, 0x20
_MOST = 1 << 20
#: The code of RFC 7541, appendix B, is canonical: the characters of each length, and the first one's code.
_CODE = (
    (5, 0x00, "012aceiost"),
    (6, 0x14, " %-./3456789=A_bdfghlmnpru"),
    (7, 0x5C, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
)
_CHARACTERS = {(bits, first + place): one for bits, first, all_ in _CODE for place, one in enumerate(all_)}


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
    """The headers of a block that are written out in it; those of tables are left out.

    Raises:
        ValueError: It is no block of headers.
    """
    try:
        return dict(_literals(block))
    except IndexError:
        raise ValueError("the headers end too early") from None


def _literals(block: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:  # from a table
            _, at = _number(block, at, 7)
        elif first & 0xE0 == 0x20:  # another size of the table
            _, at = _number(block, at, 5)
        else:
            index, at = _number(block, at, 6 if first & 0x40 else 4)
            name: str | None = _STATIC.get(index)
            if index == 0:
                name, at = _text(block, at)
            value, at = _text(block, at)
            if name and value is not None:
                yield name, value


#: The one header of the static table that matters here.
_STATIC = {23: "authorization"}


def _number(block: bytes, at: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value, at = block[at] & most, at + 1
    shift = 0
    while value >= most and shift <= 28:
        more, at = block[at], at + 1
        value += (more & 0x7F) << shift
        shift += 7
        if not more & 0x80:
            break
    return value, at


def _text(block: bytes, at: int) -> tuple[str | None, int]:
    packed = block[at] & 0x80
    length, at = _number(block, at, 7)
    if at + length > len(block):
        raise ValueError("a text is longer than its block")
    raw = block[at : at + length]
    return (_unpacked(raw) if packed else raw.decode("latin-1")), at + length


def _unpacked(raw: bytes) -> str | None:
    found, code, bits = [], 0, 0
    for byte in raw:
        for place in range(7, -1, -1):
            code, bits = code << 1 | byte >> place & 1, bits + 1
            character = _CHARACTERS.get((bits, code))
            if character is not None:
                found.append(character)
                code, bits = 0, 0
            elif bits > 7:
                return None
    return "".join(found)


def _unpadded(flags: int, payload: bytes) -> bytes:
    padding = payload[0] if flags & _PADDED else 0
    begin = int(bool(flags & _PADDED)) + (5 if flags & _PRIORITY else 0)
    return payload[begin : len(payload) - padding]
