"""Worker processes of one server: forked after the model was loaded, watched, replaced when they die.

Each has a listening socket of its own, which this process holds too: what waits in the queue of a worker that was
killed is answered by the one that takes its place.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.errors import BrickyardError, ModelError
from brickyard.scoring.online.limits import Limits
from brickyard.scoring.online.metrics import MetricsBoard
from brickyard.scoring.online.worker import Worker, settle_process

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel

__all__ = ["forks_when_loaded", "serve_by_workers"]

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGALRM}
# A worker that lived this long is replaced at once, others after a pause that grows.
_SETTLED_SECONDS = 30.0
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 1.0
# Starts in a row, of each worker, that may end before the model is loaded; then the server is given up.
_STARTS = 5
# What a pipe holds; a worker says no more, as nobody listens until it has ended.
_PIPE_BYTES, _MOST_TOLD = 64 << 10, 8_000
# What a worker may take beyond the time for requests in flight, before it is killed.
_OVERTIME_SECONDS = 5.0
# Libraries that have no threads or connections once a model is loaded, so that it may be loaded before the fork.
_LIBRARIES = ("mlflow.sklearn", "mlflow.lightgbm", "mlflow.xgboost")


def forks_when_loaded(path: Path) -> bool:
    """Whether a model may be loaded once for all workers, which then share its memory.

    What other models start when they are loaded (threads, connections, devices) does not outlive a fork; each of
    their workers loads the model itself. So do those of a model whose libraries may use several threads.
    """
    if os.environ.get("OMP_NUM_THREADS") != "1":
        return False
    try:
        lines = (path / "MLmodel").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return any(line.strip() == f"loader_module: {name}" for line in lines for name in _LIBRARIES)


def serve_by_workers(
    load: Callable[[], ScoringModel],
    listeners: Sequence[socket.socket],
    *,
    limits: Limits,
    fork_when_loaded: bool,
    on_ready: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first.

    Args:
        load: Loads the model.
        listeners: A listening socket for each worker.
        limits: What each worker takes on.
        fork_when_loaded: Whether the model is loaded here, once, and not by each worker.
        on_ready: Called with the rung of the model once requests are answered.

    Raises:
        BrickyardError: The model cannot be loaded, or the workers do not stay alive.
    """
    model = load() if fork_when_loaded else None
    gc.collect()
    gc.freeze()  # so that the collector does not touch, and thereby copy, what the workers share
    _Workers((lambda: model) if model else load, listeners, limits).run(on_ready)


@dataclass
class _Place:
    """Where one worker runs, and the next one after it."""

    number: int
    listener: socket.socket
    pid: int = 0
    reports: int = -1
    report: dict[str, Any] = field(default_factory=dict)
    text: bytes = b""
    begun: float = 0.0
    due: float = math.inf
    deaths: int = 0
    failures: int = 0

    def hear(self, seconds: float = 0.0) -> bool:
        """Read what the worker says once it has loaded the model, where it says so in time; False once it is silent."""
        if not self.report and select.select([self.reports], [], [], seconds)[0]:
            part = os.read(self.reports, _PIPE_BYTES)
            self.text += part
            if self.text.endswith(b"\n"):
                self.report = json.loads(self.text)
            return bool(part)
        return True

    def is_hopeless(self) -> bool:
        """Whether no worker has come here to answer requests, however often it was tried."""
        self.hear()
        if "rung" in self.report:
            self.failures = 0
        return self.failures > _STARTS


class _Workers:
    def __init__(self, load: Callable[[], ScoringModel], listeners: Sequence[socket.socket], limits: Limits) -> None:
        self._load = load
        self._limits = limits
        self._board = MetricsBoard(len(listeners))
        self._places = [_Place(number, listener) for number, listener in enumerate(listeners)]
        self._life_read, self._life_write = os.pipe()
        self._stops = False
        self._until = math.inf

    def run(self, on_ready: Callable[[str], None]) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            for place in self._places:
                self._fork(place)
            reports = [self._report(place) for place in self._places]
            if all(reports):
                on_ready(str(reports[0]["rung"]))
            while not self._stops or any(place.pid for place in self._places):
                self._handle(self._next_signal())
        finally:
            self._end(signal.SIGKILL)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)  # the last one may wait still
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _next_signal(self) -> int:
        """Wait for a signal, or until something is due."""
        due = min(self._until, *(place.due for place in self._places))
        pause = 0 if math.isinf(due) else max(due - time.monotonic(), 0.001)
        signal.setitimer(signal.ITIMER_REAL, pause)
        return signal.sigwait(_SIGNALS)

    def _handle(self, number: int) -> None:
        if number == signal.SIGCHLD:
            for place in self._places:
                if place.pid and os.waitpid(place.pid, os.WNOHANG)[0]:
                    self._ended(place)
        elif number == signal.SIGALRM:
            self._do_what_is_due(time.monotonic())
        else:
            for place in self._places:
                place.listener.close()  # else what comes from now on would wait for nobody
                place.due = math.inf
            self._until = time.monotonic() + self._limits.drain_seconds + _OVERTIME_SECONDS
            self._end(signal.SIGTERM)

    def _ended(self, place: _Place) -> None:
        """Have another take the place; only where none gets as far as to answer requests is the server given up."""
        place.pid = 0
        if self._stops:
            return
        place.failures += 1
        place.hear()
        if all(each.is_hopeless() for each in self._places):
            raise ModelError("the worker processes do not stay alive", next="see what they have printed above")
        if "failed" in place.report:
            sys.stderr.write(f"worker {place.number}: {place.report['failed']}\n")
        now = time.monotonic()
        place.deaths = 1 if now - place.begun > _SETTLED_SECONDS else place.deaths + 1
        place.due = now + min(_PAUSE_SECONDS * (place.deaths - 1), _LONGEST_PAUSE_SECONDS)

    def _do_what_is_due(self, now: float) -> None:
        if now >= self._until:
            self._end(signal.SIGKILL)
        for place in self._places:
            if now >= place.due:
                self._replace(place, now)

    def _replace(self, place: _Place, now: float) -> None:
        before = place.reports
        try:
            self._fork(place)
        except OSError as error:  # the system has no room for a process; the other workers go on
            place.due = now + _LONGEST_PAUSE_SECONDS
            sys.stderr.write(f"worker {place.number} ended; no other can take its place yet: {error}\n")
            return
        os.close(before)
        sys.stderr.write(f"worker {place.number} ended; another takes its place\n")

    def _end(self, number: int) -> None:
        self._stops = True
        for place in self._places:
            if place.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(place.pid, number)

    def _report(self, place: _Place) -> dict[str, Any]:
        """What a worker says once it has loaded the model; nothing where the server is told to end before."""
        while not (place.report or self._stops):
            goes_on = place.hear(0.2)
            told = signal.sigpending() & {signal.SIGTERM, signal.SIGINT}
            if told:  # the worker may have been told so too, and have ended already
                self._handle(signal.sigwait(told))
            elif not goes_on:
                raise ModelError("a worker process ended before it had loaded the model")
        if "failed" in place.report:
            raise ModelError(place.report["failed"], where=place.report["where"], next=place.report["next"])
        return place.report

    def _fork(self, place: _Place) -> None:
        reports, tell = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        place.begun, place.due, place.report, place.text = time.monotonic(), math.inf, {}, b""
        try:
            place.pid = os.fork()
        except OSError:
            os.close(reports)
            os.close(tell)
            raise
        if place.pid:
            os.close(tell)
            place.reports = reports
            return
        code = 1
        try:
            code = self._work(place, tell)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _work(self, place: _Place, tell: int) -> int:
        """What a worker does."""
        os.close(self._life_write)
        for other in self._places:
            if other is not place:
                other.listener.close()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while it loads the model just ends it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        try:
            model = self._load()
        except BrickyardError as error:
            _tell(tell, {"failed": error.message[:_MOST_TOLD], "where": error.where, "next": error.next})
            return error.exit_code
        settle_process()
        worker = Worker(model, self._limits, self._board, place.number)
        worker.run(place.listener, lambda: _tell(tell, {"rung": model.rung}), life=self._life_read)
        return 0


def _tell(descriptor: int, report: dict[str, Any]) -> None:
    os.write(descriptor, json.dumps(report).encode() + b"\n")
