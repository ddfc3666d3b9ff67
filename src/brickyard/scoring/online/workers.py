"""Worker processes of one server: forked after the model was loaded, watched, replaced when they die.

Each has a listening socket of its own, which this process holds too: what waits in the queue of a worker that was
killed is answered by the one that takes its place.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.errors import BrickyardError, ModelError
from brickyard.scoring.online.limits import Limits
from brickyard.scoring.online.metrics import MetricsBoard
from brickyard.scoring.online.worker import Worker, settle_process

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel

__all__ = ["forks_when_loaded", "serve_by_workers"]

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
# A worker that served this long has started well.
_SETTLED_SECONDS = 30.0
# Starts in a row that may fail before the server is given up.
_STARTS = 5
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
    begun: float = 0.0
    failures: int = 0


class _Workers:
    def __init__(self, load: Callable[[], ScoringModel], listeners: Sequence[socket.socket], limits: Limits) -> None:
        self._load = load
        self._limits = limits
        self._board = MetricsBoard(len(listeners))
        self._places = [_Place(number, listener) for number, listener in enumerate(listeners)]
        self._life_read, self._life_write = os.pipe()
        self._stops = False

    def run(self, on_ready: Callable[[str], None]) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            for place in self._places:
                self._fork(place)
            reports = [self._report(place) for place in self._places]
            if all(reports):
                on_ready(str(reports[0]["rung"]))
            while any(place.pid for place in self._places):
                self._handle(signal.sigwait(_SIGNALS))
        finally:
            self._end(signal.SIGKILL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _handle(self, number: int) -> None:
        if number != signal.SIGCHLD:
            for place in self._places:
                place.listener.close()  # else what comes from now on would wait for nobody
            self._end(signal.SIGTERM)
            return
        for place in self._places:
            if place.pid and os.waitpid(place.pid, os.WNOHANG)[0]:
                place.pid = 0
                if not self._stops:
                    self._replace(place)

    def _replace(self, place: _Place) -> None:
        settled = time.monotonic() - place.begun > _SETTLED_SECONDS
        place.failures = 1 if settled else place.failures + 1
        if place.failures > _STARTS:
            raise ModelError("the worker processes do not stay alive", next="see what they have printed above")
        if place.failures > 1:
            time.sleep(0.2 * place.failures)
        sys.stderr.write(f"worker {place.number} ended; another takes its place\n")
        os.close(place.reports)
        self._fork(place)

    def _end(self, number: int) -> None:
        self._stops = True
        for place in self._places:
            if place.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(place.pid, number)

    def _report(self, place: _Place) -> dict[str, Any]:
        """What a worker says once it has loaded the model; nothing where the server is told to end before."""
        text = b""
        while not text.endswith(b"\n"):
            if not select.select([place.reports], [], [], 0.2)[0]:
                told = signal.sigpending() & {signal.SIGTERM, signal.SIGINT}
                if told:
                    self._handle(signal.sigwait(told))
                    return {}
                continue
            part = os.read(place.reports, 4096)
            if not part:
                raise ModelError("a worker process ended before it had loaded the model")
            text += part
        report: dict[str, Any] = json.loads(text)
        if "failed" in report:
            raise ModelError(report["failed"], where=report["where"], next=report["next"])
        return report

    def _fork(self, place: _Place) -> None:
        reports, tell = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        place.begun = time.monotonic()
        place.pid = os.fork()
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
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        try:
            model = self._load()
        except BrickyardError as error:
            _tell(tell, {"failed": error.message, "where": error.where, "next": error.next})
            return error.exit_code
        settle_process()
        worker = Worker(model, self._limits, self._board, place.number)
        worker.run(place.listener, lambda: _tell(tell, {"rung": model.rung}), life=self._life_read)
        return 0


def _tell(descriptor: int, report: dict[str, Any]) -> None:
    os.write(descriptor, json.dumps(report).encode() + b"\n")
