"""What the benchmarks share: medians of repeated runs, and one way to print a claim."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds(work: Callable[[], object], *, runs: int = 5, warmups: int = 1) -> list[float]:
    """Wall-clock seconds of each counted run."""
    for _ in range(warmups):
        work()
    found = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return found


def report(claim: str, found: list[float], bar: float, unit: str = "s") -> None:
    """Print the median, the range and whether the bar is met."""
    median = statistics.median(found)
    verdict = "met" if median <= bar else "MISSED"
    spread = f"{min(found):.3f} to {max(found):.3f}, n={len(found)}"
    print(f"{claim}: median {median:.3f} {unit} ({spread}), bar {bar} {unit}: {verdict}")
