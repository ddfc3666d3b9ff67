"""Counts and times of an endpoint's requests, as Prometheus reads them, with the vendor's names.

Source: https://docs.databricks.com/aws/en/machine-learning/model-serving/metrics-export-serving-endpoint
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import psutil

__all__ = ["Counts", "Metrics", "Series"]

_BOUNDS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
_HELP = {
    "request_count_total": ("counter", "Requests that a model answered, or failed to"),
    "request_4xx_count_total": ("counter", "Answers with a status of 400 to 499"),
    "request_5xx_count_total": ("counter", "Answers with a status of 500 or more"),
    "request_latency_ms": ("histogram", "Time of the model's answer in milliseconds"),
    "cpu_usage_percentage": ("gauge", "Processor time of the model's process since it was last asked for"),
    "mem_usage_percentage": ("gauge", "Memory of the model's process, of that of the machine"),
    "shadow_request_count_total": ("counter", "Requests that were sent to a shadow, too"),
    "shadow_error_count_total": ("counter", "Requests that a shadow answered with an error"),
    "shadow_mismatch_count_total": ("counter", "Requests that a shadow answered with other predictions"),
    "shadow_difference_total": ("counter", "Sum of the mean distances between a shadow's predictions and the answers"),
    "shadow_skipped_total": ("counter", "Requests that were not sent to a shadow, because too many were under way"),
    "capture_dropped_total": ("counter", "Requests that are not in the inference table, because too many waited"),
}


class Series(NamedTuple):
    """What is counted together: a served entity at one version of its model."""

    served_entity: str
    model_version: int


@dataclass
class Counts:
    """What was answered for a series; times are of all its answers together, and by upper bounds.

    Attributes:
        requests: How many requests.
        client_errors: Those with a status of 400 to 499.
        server_errors: Those with a status of 500 or more.
        milliseconds: The sum of the times.
        buckets: How many answers took as long as each bound, or longer than all.
    """

    requests: int = 0
    client_errors: int = 0
    server_errors: int = 0
    milliseconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))


class Metrics:
    """Counts since the endpoint was started."""

    def __init__(self) -> None:
        self._counts: dict[Series, Counts] = {}
        self._processes: dict[int, psutil.Process] = {}
        self._lock = threading.Lock()

    def count(self, series: Series, status: int, milliseconds: float) -> None:
        """Count an answer."""
        with self._lock:
            counts = self._counts.setdefault(series, Counts())
            counts.requests += 1
            counts.client_errors += 400 <= status < 500
            counts.server_errors += status >= 500
            counts.milliseconds += milliseconds
            counts.buckets[bisect.bisect_left(_BOUNDS, milliseconds)] += 1

    def all(self) -> dict[Series, Counts]:
        """What was counted, by what is counted together."""
        with self._lock:
            return {series: replace(counts) for series, counts in self._counts.items()}

    def text(
        self, endpoint: str, processes: Mapping[Series, int], extra: Iterable[tuple[str, Series | None, float]] = ()
    ) -> str:
        """Everything, in the text format of Prometheus.

        Args:
            endpoint: The endpoint's name.
            processes: The process of each served entity that has one.
            extra: Names, series and values of further samples.
        """
        more = [(name, _labels(series) if series is not None else {}, value) for name, series, value in extra]
        with self._lock:
            samples = [*self._samples(), *self._usage(processes), *more]
        lines: list[str] = []
        for name, (kind, help_text) in _HELP.items():
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
            ours = [one for one in samples if one[0] == name or (kind == "histogram" and one[0].startswith(name + "_"))]
            lines += [_line(sample, {"endpoint_name": endpoint} | labels, value) for sample, labels, value in ours]
        return "\n".join(lines) + "\n"

    def _samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        for series, counts in self._counts.items():
            labels = _labels(series)
            yield "request_count_total", labels, counts.requests
            yield "request_4xx_count_total", labels, counts.client_errors
            yield "request_5xx_count_total", labels, counts.server_errors
            total = 0
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), counts.buckets, strict=True):
                total += count
                yield "request_latency_ms_bucket", labels | {"le": bound}, total
            yield "request_latency_ms_sum", labels, round(counts.milliseconds, 3)
            yield "request_latency_ms_count", labels, counts.requests

    def _usage(self, processes: Mapping[Series, int]) -> Iterable[tuple[str, dict[str, str], float]]:
        self._processes = {pid: one for pid, one in self._processes.items() if pid in processes.values()}
        for series, pid in processes.items():
            try:
                process = self._processes.setdefault(pid, psutil.Process(pid))
                cpu, memory = process.cpu_percent(), process.memory_percent()
            except psutil.Error:  # it has just ended
                continue
            yield "cpu_usage_percentage", _labels(series), cpu
            yield "mem_usage_percentage", _labels(series), round(memory, 4)


def _labels(series: Series) -> dict[str, str]:
    return {"served_entity_name": series.served_entity, "model_version": str(series.model_version)}


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{key}="{text}"' for key, text in labels.items())  # names have no quotes and no backslashes
    return f"{name}{{{shown}}} {value:g}" if value != int(value) else f"{name}{{{shown}}} {int(value)}"
