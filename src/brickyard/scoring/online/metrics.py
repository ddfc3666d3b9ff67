"""What a server has done, for Prometheus: counted by each worker in memory that all workers share."""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterator, Mapping

__all__ = ["Metrics", "MetricsBoard"]

_STATUSES = (200, 400, 404, 405, 408, 413, 415, 417, 422, 431, 500, 501, 503, 504, 505)
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SINGLE = ("in_flight", "queued", "queued_bytes", "connections", "shed", "rows", "seconds_sum", "requests_of_batches")
_GAUGES = {
    "in_flight": "Requests that are being answered.",
    "queued": "Requests that wait for a prediction.",
    "queued_bytes": "The size of their bodies.",
    "connections": "Open connections.",
}
_FIRST_STATUS = len(_SINGLE)
_FIRST_SECONDS = _FIRST_STATUS + len(_STATUSES) + 1
_FIRST_SIZE = _FIRST_SECONDS + len(_SECONDS) + 1
_SLOTS = _FIRST_SIZE + len(_SIZES) + 1
_STATUS_SLOT = {status: _FIRST_STATUS + place for place, status in enumerate(_STATUSES)}
_OTHER_STATUS = _FIRST_STATUS + len(_STATUSES)
_SLOT = {name: place for place, name in enumerate(_SINGLE)}
_IN_FLIGHT, _SHED, _ROWS, _SUM, _BATCHED = (
    _SLOT[name] for name in ("in_flight", "shed", "rows", "seconds_sum", "requests_of_batches")
)


class MetricsBoard:
    """The counters of all workers; made before they are forked.

    Args:
        workers: How many there are.
    """

    def __init__(self, workers: int = 1) -> None:
        self._memory = memoryview(mmap.mmap(-1, 8 * _SLOTS * workers)).cast("d")
        self._workers = workers

    def of_worker(self, number: int) -> Metrics:
        """The counters of one worker; what only holds while a worker lives begins at nothing."""
        slots = self._memory[number * _SLOTS : (number + 1) * _SLOTS]
        for name in _GAUGES:
            slots[_SLOT[name]] = 0
        return Metrics(slots)

    def text(self, rung: str, version: str) -> bytes:
        """All workers together, in Prometheus' text format."""
        every = [self._memory[slot::_SLOTS].tolist() for slot in range(_SLOTS)]
        lines = _lines([sum(values) for values in every], {"rung": rung, "mlflow": version}, self._workers)
        return ("\n".join(lines) + "\n").encode()


class Metrics:
    """The counters of one worker; it alone writes them."""

    def __init__(self, slots: memoryview[float]) -> None:
        self._slots = slots

    def begun(self) -> None:
        """A request has been read."""
        self._slots[_IN_FLIGHT] += 1

    def answered(self, status: int, seconds: float) -> None:
        """It has been answered."""
        slots = self._slots
        slots[_IN_FLIGHT] -= 1
        slots[_STATUS_SLOT.get(status, _OTHER_STATUS)] += 1
        slots[_FIRST_SECONDS + bisect_left(_SECONDS, seconds)] += 1
        slots[_SUM] += seconds

    def left(self) -> None:
        """Its client has gone before that."""
        self._slots[_IN_FLIGHT] -= 1

    def refused(self, status: int) -> None:
        """A request was refused before it was read."""
        self._slots[_STATUS_SLOT.get(status, _OTHER_STATUS)] += 1
        self._slots[_SHED] += status == 503

    def shed(self) -> None:
        """A request was refused as there are too many."""
        self._slots[_SHED] += 1

    def predicted_one(self) -> None:
        """The model was called for one request of one row."""
        slots = self._slots
        slots[_FIRST_SIZE] += 1
        slots[_BATCHED] += 1
        slots[_ROWS] += 1

    def predicted(self, requests: int, rows: int) -> None:
        """The model was called once for the rows of so many requests."""
        self._slots[_FIRST_SIZE + bisect_left(_SIZES, requests)] += 1
        self._slots[_BATCHED] += requests
        self._slots[_ROWS] += rows

    def set(self, name: str, value: float) -> None:
        """Set what goes up and down."""
        self._slots[_SLOT[name]] = value


def _lines(totals: list[float], labels: Mapping[str, str], workers: int) -> Iterator[str]:
    info = ",".join(f'{name}="{value}"' for name, value in labels.items())
    yield from _about("info", "gauge", "How the model is called, and by which MLflow.")
    yield f"brickyard_scoring_info{{{info}}} 1"
    yield from _about("workers", "gauge", "Worker processes.")
    yield f"brickyard_scoring_workers {workers}"
    for name, text in _GAUGES.items():
        yield from _about(name, "gauge", text)
        yield f"brickyard_scoring_{name} {_number(totals[_SLOT[name]])}"
    yield from _about("requests_total", "counter", "Requests by the status of their answer.")
    for place, status in enumerate((*_STATUSES, "other")):
        yield f'brickyard_scoring_requests_total{{status="{status}"}} {_number(totals[_FIRST_STATUS + place])}'
    yield from _about("shed_total", "counter", "Requests refused as there were too many.")
    yield f"brickyard_scoring_shed_total {_number(totals[_SHED])}"
    yield from _about("rows_total", "counter", "Rows predicted.")
    yield f"brickyard_scoring_rows_total {_number(totals[_ROWS])}"
    yield from _about("request_seconds", "histogram", "From a request's last byte to its answer.")
    yield from _histogram("request_seconds", _SECONDS, totals[_FIRST_SECONDS:_FIRST_SIZE], totals[_SUM])
    yield from _about("batch_requests", "histogram", "Requests predicted by one call of the model.")
    yield from _histogram("batch_requests", _SIZES, totals[_FIRST_SIZE:_SLOTS], totals[_BATCHED])


def _about(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP brickyard_scoring_{name} {text}", f"# TYPE brickyard_scoring_{name} {kind}"


def _histogram(name: str, bounds: tuple[float, ...], counts: list[float], total: float) -> Iterator[str]:
    below = 0.0
    for bound, count in zip((*map(str, bounds), "+Inf"), counts, strict=True):
        below += count
        yield f'brickyard_scoring_{name}_bucket{{le="{bound}"}} {_number(below)}'
    yield f"brickyard_scoring_{name}_sum {_number(total)}"
    yield f"brickyard_scoring_{name}_count {_number(below)}"


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)
