"""The request line and the headers of HTTP/1.1 (RFC 9112), read strictly.

What is ambiguous is refused, as two readers of one connection could take it for different requests: bare line feeds,
folded headers, white space before a colon, two lengths, a length beside a transfer coding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from brickyard.scoring.online.limits import Limits

__all__ = ["Head", "Heads", "Refused"]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])")
_HEADER = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_ABSOLUTE = re.compile(r"\Ahttps?://[^/?]*", re.IGNORECASE)
# Clients send the same head again and again; one dictionary look-up in place of a parse.
_REMEMBERED, _MOST_REMEMBERED_BYTES = 256, 1024
_ONCE = frozenset({b"content-length", b"content-type", b"transfer-encoding", b"host"})


class Refused(Exception):
    """The request cannot be taken; the connection ends, because where the next one would begin is not known.

    Attributes:
        status: The HTTP status.
        message: What is wrong, and what to do instead.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Head:
    """What matters of a request line and its headers.

    Attributes:
        method: The method, as it was sent.
        path: The path of the target, without its query and a slash at its end (where MLflow's server redirects).
        content_type: The content type; empty where there is none.
        accept: What the client takes; empty where it does not say.
        keep_alive: Whether the client goes on using the connection.
        is_old: HTTP/1.0, where keeping the connection has to be said.
        length: The size of the body; none where it comes in chunks.
        awaits_continue: Whether the client waits for `100 Continue` before it sends the body.
    """

    method: str
    path: str
    content_type: str
    accept: str
    keep_alive: bool
    is_old: bool
    length: int | None
    awaits_continue: bool


class Heads:
    """Parses heads within limits, and remembers those of last time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._known: dict[bytes, Head] = {}

    def parse(self, data: bytes) -> Head:
        """Read a head, given without the empty line at its end.

        Raises:
            Refused: It is not HTTP/1.1, is ambiguous, or is beyond the limits.
        """
        head = self._known.get(data)
        if head is None:
            head = _parse(data, self._limits)
            if len(data) <= _MOST_REMEMBERED_BYTES:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[data] = head
        return head


def _parse(data: bytes, limits: Limits) -> Head:
    first, *lines = data.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise Refused(400, "Invalid HTTP request received: the request line is not METHOD TARGET HTTP/1.1")
    if line[3] != b"1":
        raise Refused(505, f"this server speaks HTTP/1.1, not HTTP/{line[3].decode()}")
    if len(lines) > limits.headers:
        raise Refused(431, f"the request has more than {limits.headers} headers")
    headers, is_old = _headers(lines), line[4] == b"0"
    connection = {token.strip().lower() for token in headers.get(b"connection", b"").split(b",")}
    return Head(
        method=line[1].decode("ascii"),
        path=_ABSOLUTE.sub("", line[2].decode("latin-1"), count=1).partition("?")[0].removesuffix("/") or "/",
        content_type=headers.get(b"content-type", b"").decode("latin-1"),
        accept=headers.get(b"accept", b"").decode("latin-1"),
        keep_alive=b"keep-alive" in connection if is_old else b"close" not in connection,
        is_old=is_old,
        length=_length(headers, is_old, limits),
        awaits_continue=_awaits_continue(headers, is_old),
    )


def _headers(lines: list[bytes]) -> dict[bytes, bytes]:
    """Headers by lower-case name; those given more than once are joined, as lists are."""
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, value = read_header(line)
        if name in found and name in _ONCE:
            raise Refused(400, f"Invalid HTTP request received: more than one {name.decode()}")
        found[name] = found[name] + b", " + value if name in found else value
    return found


def read_header(line: bytes) -> tuple[bytes, bytes]:
    """A header's lower-case name and its value.

    Raises:
        Refused: The line is none.
    """
    header = _HEADER.fullmatch(line)
    if header is None:
        raise Refused(400, "Invalid HTTP request received: a header is not NAME: VALUE on one line")
    return header[1].lower(), header[2].rstrip(b" \t")


def _length(headers: dict[bytes, bytes], is_old: bool, limits: Limits) -> int | None:
    coding, length = headers.get(b"transfer-encoding"), headers.get(b"content-length")
    if coding is not None:
        if length is not None or is_old:
            raise Refused(400, "Invalid HTTP request received: transfer-encoding with content-length or HTTP/1.0")
        if coding.lower() != b"chunked":
            raise Refused(501, "the only transfer-encoding that is supported is chunked")
        return None
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length):
        raise Refused(400, "Invalid HTTP request received: content-length is not a number")
    if int(length) > limits.body_bytes:
        raise Refused(413, too_large(limits))
    return int(length)


def _awaits_continue(headers: dict[bytes, bytes], is_old: bool) -> bool:
    expected = headers.get(b"expect", b"").lower()
    if expected not in {b"", b"100-continue"}:
        raise Refused(417, "the only expectation that is supported is 100-continue")
    return bool(expected) and not is_old


def too_large(limits: Limits) -> str:
    """What a client is told whose body is larger than the limit."""
    return f"the body is larger than {limits.body_bytes:,} bytes; send the rows in parts"
