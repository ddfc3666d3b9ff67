"""Predictions off the event loop, in a bounded queue: what waits while one call of the model runs is the next call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from brickyard.scoring.online.answer import Answer, Request, refusal
from brickyard.scoring.online.limits import Limits
from brickyard.scoring.online.metrics import Metrics

if TYPE_CHECKING:
    from brickyard.scoring.online.connection import Connection

__all__ = ["Call", "Lane"]

# Bodies that are predicted by one call; larger ones gain nothing from company.
_MOST_JOINED_BYTES = 1 << 20


class Call:
    """A request of a connection that waits for its answer.

    Args:
        request: The rows.
        connection: Who asks.
    """

    __slots__ = ("_timer", "connection", "is_over", "request")

    def __init__(self, request: Request, connection: Connection) -> None:
        self.request = request
        self.connection = connection
        self.is_over = False
        self._timer: asyncio.TimerHandle | None = None

    def end_within(self, seconds: float) -> None:
        """Answer 504, as MLflow's server does, unless there is an answer by then."""
        late = Answer(504, "application/json", b"Request processing time exceeded limit")
        self._timer = asyncio.get_running_loop().call_later(seconds, self.end, late)

    def forget(self) -> None:
        """Nobody waits for the answer any more."""
        if self._timer is not None:
            self._timer.cancel()
        self.is_over = True

    def end(self, answer: Answer) -> None:
        """Give the answer, once."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.is_over:
            self.is_over = True
            self.connection.reply(answer)


class Lane:
    """A queue in front of threads.

    Args:
        work: Requests to their answers.
        threads: How many calls run at once.
        joins: Whether one call takes several requests.
        limits: How much may wait.
        metrics: Where that is counted.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Request]], list[Answer]],
        *,
        threads: int,
        joins: bool,
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        self._work = work
        self._joins = joins
        self._free = threads
        self._limits = limits
        self._metrics = metrics
        self._queue: deque[Call] = deque()
        self._bytes = 0
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="predict")

    def submit(self, call: Call) -> Answer | None:
        """Take a call, to be answered later; or the answer that says that there are too many."""
        size = len(call.request.body)
        waits = len(self._queue)
        if waits >= self._limits.queue or (waits and self._bytes + size > self._limits.queue_bytes):
            self._metrics.shed()
            return refusal(503, "too many requests wait for this model; try again later")
        call.end_within(self._limits.request_seconds)
        self._queue.append(call)
        self._count(size)
        self._start()
        return None

    def _start(self) -> None:
        while self._free and self._queue:
            batch = self._take()
            if batch:
                self._free -= 1
                loop = asyncio.get_running_loop()
                done = loop.run_in_executor(self._threads, self._work, [call.request for call in batch])
                done.add_done_callback(partial(self._finish, batch))

    def _take(self) -> list[Call]:
        """The next call, and those that go with it; without those that nobody waits for any more."""
        batch: list[Call] = []
        size = 0
        while self._queue:
            next_size = len(self._queue[0].request.body)
            if batch and (not self._joins or size + next_size > _MOST_JOINED_BYTES):
                break
            call = self._queue.popleft()
            self._count(-next_size)
            if call.connection.is_gone:
                call.forget()
            elif not call.is_over:
                batch.append(call)
                size += next_size
        return batch

    def _count(self, size: int) -> None:
        self._bytes += size
        self._metrics.set("queued", len(self._queue))
        self._metrics.set("queued_bytes", self._bytes)

    def _finish(self, batch: list[Call], done: asyncio.Future[list[Answer]]) -> None:
        self._free += 1
        error = done.exception()
        answers = [refusal(500, f"{type(error).__name__}: {error}")] * len(batch) if error else done.result()
        self._metrics.predicted(len(batch), sum(answer.rows for answer in answers))
        self._start()
        for call, answer in zip(batch, answers, strict=True):
            call.end(answer)
