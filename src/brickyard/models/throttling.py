"""Obeys a workspace that asks its callers to wait, for longer than one that does not answer is waited for.

The SDK waits for as long as an answer 429 or 503 says (`Retry-After`), but then asks again only within the one time
limit that bounds every failing call. That limit has to be short, or a workspace that is gone costs minutes a call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from brickyard.errors import ConnectionFailed

__all__ = ["patiently"]

# As long as the SDK is patient where nobody gives it a limit.
_PATIENCE_SECONDS = 300
Answer = TypeVar("Answer")


def patiently(call: Callable[[], Answer]) -> Answer:
    """Call, and call again where the workspace asked to wait and the SDK gave up after having waited.

    Args:
        call: May be called more than once.

    Raises:
        ConnectionFailed: The workspace does not answer, or has asked to wait for five minutes.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return call()
        except ConnectionFailed as error:
            if not _throttled(error) or time.monotonic() > deadline:
                raise


def _throttled(error: BaseException) -> bool:
    return any(getattr(cause, "retry_after_secs", None) is not None for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
