"""The time as the vendor's API has it."""

from __future__ import annotations

import time

__all__ = ["now"]


def now() -> int:
    """The time in epoch milliseconds."""
    return time.time_ns() // 1_000_000
