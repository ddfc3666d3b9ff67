"""Shadows: served entities that are sent what others have answered, compared, and never answer themselves."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import ApiError

if TYPE_CHECKING:
    from brickyard.workspace.serving.endpoint import Endpoint
    from brickyard.workspace.serving.metrics import Series
    from brickyard.workspace.serving.replica import Replica
    from brickyard.workspace.serving.routing import Request

__all__ = ["Comparison", "Shadows", "compare"]

#: Mirrored requests that may be under way; what comes meanwhile is not mirrored, and counted.
_MOST = 32
#: What an Arrow stream begins with, and no JSON.
_ARROW = b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class Comparison:
    """How an answer differs from the one of the shadow.

    Attributes:
        equal: Whether the predictions are the same.
        difference: The mean distance of numbers; zero where there are none to compare.
    """

    equal: bool
    difference: float = 0.0


@dataclass
class _Counts:
    requests: int = 0
    errors: int = 0
    mismatches: int = 0
    difference: float = 0.0


class Shadows:
    """Mirrors the requests of one endpoint; used from one event loop."""

    def __init__(self) -> None:
        self._counts: dict[Series, _Counts] = {}
        self._skipped = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()

    def mirror(self, endpoint: Endpoint, request: Request, shadows: Iterable[Replica], answer: bytes) -> None:
        """Send a request to shadows too; returns at once.

        Args:
            endpoint: The endpoint.
            request: What was asked.
            shadows: Who is asked, too.
            answer: What was answered.
        """
        for shadow in shadows:
            if len(self._tasks) >= _MOST:
                self._skipped += 1
                continue
            task = asyncio.get_running_loop().create_task(self._ask(endpoint, request, shadow, answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def samples(self) -> Iterator[tuple[str, Series | None, float]]:
        """Names and values for the metrics; those of no series are of the endpoint."""
        with self._lock:
            for series, counts in self._counts.items():
                yield "shadow_request_count_total", series, counts.requests
                yield "shadow_error_count_total", series, counts.errors
                yield "shadow_mismatch_count_total", series, counts.mismatches
                yield "shadow_difference_total", series, round(counts.difference, 9)
        yield "shadow_skipped_total", None, self._skipped

    async def _ask(self, endpoint: Endpoint, request: Request, shadow: Replica, answer: bytes) -> None:
        from brickyard.workspace.serving.routing import ask

        try:
            reply = await ask(endpoint, shadow, request, shadow=True)
        except ApiError:
            reply = None
        found = None
        if reply is not None and reply.status < 400:
            found = await asyncio.to_thread(compare, answer, reply.body)
        with self._lock:
            counts = self._counts.setdefault(shadow.series, _Counts())
            counts.requests += 1
            counts.errors += found is None
            if found is not None:
                counts.mismatches += not found.equal
                counts.difference += found.difference


def compare(answer: bytes, shadow: bytes) -> Comparison:
    """Compare the predictions of two answers."""
    if answer == shadow:
        return Comparison(True)
    try:
        one, other = _predictions(answer), _predictions(shadow)
    except ValueError:
        return Comparison(False)
    ours, theirs = list(_numbers(one)), list(_numbers(other))
    if not ours or len(ours) != len(theirs):
        return Comparison(one == other)
    difference = math.fsum(abs(a - b) for a, b in zip(ours, theirs, strict=True)) / len(ours)
    return Comparison(one == other, difference if math.isfinite(difference) else 0.0)


def _predictions(answer: bytes) -> Any:
    """What an answer predicts: JSON, or the columns of an Arrow stream."""
    if answer.startswith(_ARROW):
        import pyarrow as pa

        return pa.ipc.open_stream(answer).read_all().to_pydict()
    found = json.loads(answer)
    return found.get("predictions", found) if isinstance(found, dict) else found


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
