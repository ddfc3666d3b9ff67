"""Waiting for something to become true, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(probe: Callable[[], T], *, seconds: float = 30, every: float = 0.02) -> T:
    """The first truthy value of `probe`; fails the test when the time is up."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{getattr(probe, '__name__', probe)} was not true within {seconds} s")
        pause.wait(every)
