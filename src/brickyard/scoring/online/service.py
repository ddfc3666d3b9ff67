"""What a scoring server answers to each path, on the event loop or off it."""

from __future__ import annotations

import asyncio
import math
import os
import re
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from brickyard.scoring.online.answer import Answer, Request, refusal
from brickyard.scoring.online.head import Head
from brickyard.scoring.online.lane import Call, Lane
from brickyard.scoring.online.limits import Limits
from brickyard.scoring.online.metrics import Metrics, MetricsBoard
from brickyard.scoring.online.protocol import Protocol
from brickyard.scoring.online.row_wise import is_of_library

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel
    from brickyard.scoring.online.connection import Connection

__all__ = ["Service"]

# Above this a call is long enough to hold up /ping, so it goes to a thread.
_QUICK_BYTES = 32 << 10
# A library's model whose small requests take less than this is called on the loop: handing over to a thread costs as
# much. Plans are called there for as long in each turn.
_SHORT_SECONDS = 0.003
# How many rows a plan is first given at once, and how many tell how long a row takes.
_FIRST_ROWS, _TELLING_ROWS = 64, 16
# After so many turns with one request each, that many requests are answered before their turn ends.
_LONE_TURNS, _LONE_REQUESTS = 8, 16
_ENDPOINT = re.compile(r"/serving-endpoints/[^/]+/invocations")
_PATHS = ("/invocations", "/ping", "/health", "/version", "/metrics")
_PONG = Answer(200, "application/json", b"\n")


class Service:
    """One model's answers.

    Predictions that take long run on threads, so the loop keeps answering `/ping`. What can be read in one turn of
    the loop is predicted together, where the model allows it: without timers, so that nobody waits for company.

    Args:
        model: The model.
        limits: How much may wait, and how long.
        metrics: The counters of this worker.
        board: The counters of all workers.
    """

    def __init__(self, model: ScoringModel, limits: Limits, metrics: Metrics, board: MetricsBoard) -> None:
        self._protocol = Protocol(model)
        self._has_plan = model.plan is not None
        self._joins = self._protocol.joins
        self._rung = model.rung
        self._metrics = metrics
        self._board = board
        self._turn: list[Call] = []
        self._lone = 0
        self._is_quick_kind = not self._has_plan and is_of_library(model)
        self._usual_seconds = math.inf
        self._row_seconds: float | None = None
        self._version = version("mlflow")
        threads = (os.cpu_count() or 1) if self._has_plan else 1 if self._joins else 4
        self._lane = Lane(self._work, threads=threads, joins=self._joins, limits=limits, metrics=metrics)

    def ask(self, head: Head, body: bytes, connection: Connection) -> Answer | None:
        """Answer at once, or later by the connection's `reply`."""
        path = head.path
        if path == "/invocations" or _ENDPOINT.fullmatch(path):
            if head.method == "POST":
                return self._invoke(head, body, connection)
            return refusal(405, f"{path} takes POST, not {head.method}", allow="POST")
        if path not in _PATHS:
            return refusal(404, f"there is no {path} here; this server answers {', '.join(_PATHS)}")
        if head.method != "GET":
            return refusal(405, f"{path} takes GET, not {head.method}", allow="GET")
        if path == "/metrics":
            return Answer(200, "text/plain; version=0.0.4", self._board.text(self._rung, self._version))
        return Answer(200, "application/json", self._version.encode()) if path == "/version" else _PONG

    def _invoke(self, head: Head, body: bytes, connection: Connection) -> Answer | None:
        if not head.content_type:
            return refusal(415, "the request has no content type; send application/json, text/csv or parquet")
        request = Request(body, head.content_type, head.accept)
        is_small = len(body) <= _QUICK_BYTES
        if is_small and self._has_plan:
            answer = self._protocol.at_once(request, alone=self._is_alone())
            if answer is not None:
                self._metrics.predicted_one()
                return answer
        call = Call(request, connection)
        if not (is_small and (request.prepared is not None or self._is_quick(request))):
            return self._lane.submit(call)
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._turn.append(call)
        return None

    def _is_quick(self, request: Request) -> bool:
        """Whether a library's model usually answers such a request in a short time."""
        usually = self._is_quick_kind and self._usual_seconds < _SHORT_SECONDS
        return usually and self._protocol.is_plain(request)  # a few bytes of parquet may be millions of rows

    def _is_alone(self) -> bool:
        """Whether a request most likely is the only one of its turn, and need not wait for the turn's end.

        Every now and then one waits all the same, which tells whether there are others by now.
        """
        if self._turn or self._lone < _LONE_TURNS or (self._row_seconds or 0) > _SHORT_SECONDS:
            return False
        self._lone += 1
        if self._lone > _LONE_TURNS + _LONE_REQUESTS:
            self._lone = _LONE_TURNS - 1
            return False
        return True

    def _end_turn(self) -> None:
        """Answer what was read in this turn of the loop."""
        turn, self._turn = self._turn, []
        self._lone = min(self._lone + 1, _LONE_TURNS) if len(turn) == 1 else 0
        ready = [call for call in turn if call.request.prepared is not None]
        if ready:
            self._end_ready(ready)
        others = turn if not ready else [call for call in turn if call.request.prepared is None]
        size = len(others) if self._joins else 1
        until = time.perf_counter() + _SHORT_SECONDS
        for begin in range(0, len(others), max(size, 1)):
            calls = others[begin : begin + size]
            if time.perf_counter() < until:
                self._end(calls, self._work([call.request for call in calls]))
            else:
                self._put_off(calls)

    def _end_ready(self, calls: Sequence[Call]) -> None:
        """Answer by the model's plan for a short time; the rest goes to the threads, and what the plan declines."""
        until = time.perf_counter() + _SHORT_SECONDS
        while calls:
            several = self._short(calls, until - time.perf_counter())
            if not several:
                break
            calls = calls[len(several) :]
            answers = self._by_plan(several)
            known = [(call, answer) for call, answer in zip(several, answers, strict=True) if answer is not None]
            self._end([call for call, _ in known], [answer for _, answer in known])
            self._put_off([call for call, answer in zip(several, answers, strict=True) if answer is None])
        self._put_off(calls)

    def _short(self, calls: Sequence[Call], seconds: float) -> Sequence[Call]:
        """The first calls that the plan answers within so many seconds, or a few while it is not known how many."""
        rows = 0
        for place, call in enumerate(calls):
            rows += _rows(call)
            is_long = rows > _FIRST_ROWS and place if self._row_seconds is None else rows * self._row_seconds > seconds
            if is_long or seconds <= 0:
                return calls[:place]
        return calls

    def _by_plan(self, calls: Sequence[Call]) -> list[Answer | None]:
        """Answer, and learn how long a row takes."""
        begun = time.perf_counter()
        answers = self._protocol.quick_answers([call.request for call in calls])
        rows = sum(map(_rows, calls))
        if rows >= _TELLING_ROWS:
            took = (time.perf_counter() - begun) / rows
            self._row_seconds = took if self._row_seconds is None else 0.9 * self._row_seconds + 0.1 * took
        return answers

    def _put_off(self, calls: Sequence[Call]) -> None:
        """Leave to the threads what would hold up the loop."""
        for call in calls:
            answer = self._lane.submit(call)
            if answer is not None:
                call.end(answer)

    def _end(self, calls: Sequence[Call], answers: Sequence[Answer]) -> None:
        if not calls:
            return
        self._metrics.predicted(len(calls), sum(answer.rows for answer in answers))
        for call, answer in zip(calls, answers, strict=True):
            call.end(answer)

    def _work(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer, and learn how long small requests usually take; one that is much slower counts at once."""
        begun = time.perf_counter()
        answers = self._protocol.answers(requests)
        took = time.perf_counter() - begun
        if sum(len(request.body) for request in requests) <= _QUICK_BYTES:
            slower = took > 2 * _SHORT_SECONDS or math.isinf(self._usual_seconds)
            self._usual_seconds = took if slower else 0.9 * self._usual_seconds + 0.1 * took
        return answers


def _rows(call: Call) -> int:
    return len(next(iter(call.request.prepared.values())))
