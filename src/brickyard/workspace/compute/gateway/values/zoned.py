"""Whether the session's time zone is another than UTC: more expressions have to be corrected then."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from brickyard.workspace.compute.gateway.zones import is_utc

__all__ = ["in_session_zone", "is_zoned"]

_ZONED: ContextVar[bool] = ContextVar("zoned", default=False)


@contextlib.contextmanager
def in_session_zone(zone: str) -> Iterator[None]:
    """Correct what is inside for a session of this time zone."""
    token = _ZONED.set(not is_utc(zone))
    try:
        yield
    finally:
        _ZONED.reset(token)


def is_zoned() -> bool:
    """Whether corrections are for another zone than UTC."""
    return _ZONED.get()
