"""How much arithmetic a plan has, which may all be of one column: `x = x + 1`, again and again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

__all__ = ["arithmetic", "is_deep", "one_plan"]

#: So many checked operations may stand in each other. The engine plans `CAST(CAST(x AS a) + 1 AS b)` three times as
#: long for each more around it, and with TRY_CAST inside as fast as any (Sail 0.7.2).
FEW = 6
_FOUND: ContextVar[list[int] | None] = ContextVar("found", default=None)
_DEEP: ContextVar[bool] = ContextVar("deep", default=False)


@contextlib.contextmanager
def one_plan() -> Iterator[None]:
    """Count what is corrected inside together, and with what is around it."""
    token = _FOUND.set(_FOUND.get() or [0])
    try:
        yield
    finally:
        _FOUND.reset(token)


@contextlib.contextmanager
def arithmetic(operations: int) -> Iterator[None]:
    """Correct, inside, so many operations of a plan."""
    found = _FOUND.get() or [0]
    found[0] += operations
    token = _DEEP.set(found[0] > FEW)
    try:
        yield
    finally:
        _DEEP.reset(token)


def is_deep() -> bool:
    """Whether too many operations may stand in each other."""
    return _DEEP.get()
