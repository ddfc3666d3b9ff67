"""What one scoring server takes on, so that no client and no load can bring it down."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Bounds of one worker; times are in seconds, sizes in bytes.

    Attributes:
        body_bytes: A larger body is refused with 413.
        head_bytes: A longer request line with its headers is refused with 431.
        headers: More headers are refused with 431.
        head_seconds: From the first byte of a request to the end of its headers; 408 after that.
        body_seconds: From there to the end of its body; 408 after that.
        idle_seconds: How long a connection is kept without a request, or with an answer that nobody reads.
        request_seconds: How long a prediction may take, with its time in the queue; 504 after that.
        connections: Connections beyond these are answered 503 and closed.
        queue: Requests that wait for a prediction; those beyond are answered 503.
        queue_bytes: The same for the size of their bodies in all.
        drain_seconds: How long requests in flight may take once the server is told to end.
    """

    body_bytes: int = 64 << 20
    head_bytes: int = 32 << 10
    headers: int = 100
    head_seconds: float = 10
    body_seconds: float = 60
    idle_seconds: float = 75
    request_seconds: float = 60
    connections: int = 4096
    queue: int = 1024
    queue_bytes: int = 512 << 20
    drain_seconds: float = 30
