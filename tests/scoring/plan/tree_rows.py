"""Rows at which predictions of trees may change, and the comparison with the library, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from brickyard.scoring.plan.steps import Declined, Estimator, compile_estimator
from brickyard.scoring.plan.trees_kernel import row_sums, sums

SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1e-35,
    1e-36,
    -1e-36,
    2e-35,
    1e30,
    -1e30,
    1e300,
    -1e300,
    255.0,
    256.0,
    2.0**24,
]
MISSING = [np.nan]
INFINITE = [np.inf, -np.inf]


def compiled(estimator: Any, function: str) -> Estimator:
    step = compile_estimator(estimator, function)
    assert step is not None
    step.check()
    return step


def pool(step: Any, feature: int, extra: list[float]) -> np.ndarray:
    """Values of a feature: each edge, its neighbours in both precisions, and special ones."""
    edges = step.edges().get(feature, np.zeros(0))
    single = edges.astype(np.float32)
    near = [np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]
    near += [np.nextafter(single, np.float32(-np.inf)), np.nextafter(single, np.float32(np.inf)), single, edges + 0.5]
    return np.concatenate([edges, *[part.astype(np.float64) for part in near], SPECIAL, extra])


def rows(step: Any, count: int, extra: list[float], seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    columns = [random.choice(pool(step, feature, extra), count) for feature in range(step.features)]
    return np.column_stack(columns)


def same(ours: np.ndarray, theirs: np.ndarray) -> None:
    theirs = np.asarray(theirs)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    if ours.dtype.kind == "f":
        kind = f"u{ours.dtype.itemsize}"
        ours, theirs = np.ascontiguousarray(ours).view(kind), np.ascontiguousarray(theirs).view(kind)
    np.testing.assert_array_equal(ours, theirs)


def agree(step: Any, reference: Callable[[np.ndarray], Any], matrix: np.ndarray) -> bool:
    """Compare all rows at once and a few alone; whether the step answered."""
    try:
        ours = step.predict(matrix)
    except Declined:
        return False
    same(ours, reference(matrix))
    for way in step.ways:
        same(way(matrix), ours)
    rows, start = step.rows(matrix), step.start if len(step.start) else None
    walked = sums(step.table, rows, start)
    if step.bits is not None:
        same(step.bits.sums(rows, start), walked)
    for row in range(0, len(rows), max(1, len(rows) // 5)):
        same(row_sums(step.table, rows[row].tolist(), start), walked[row])
        if step.bits is not None:
            same(step.bits.row_sums(rows[row].tolist(), start), walked[row])
    for row in range(0, len(matrix), max(1, len(matrix) // 5)):
        for way in [step.predict, *step.ways]:
            same(way(matrix[row : row + 1]), ours[row : row + 1])
    return True


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """OpenMP's threads wait for each other in a loop, which takes long where other programs have the cores."""
    with threadpool_limits(1):
        yield
