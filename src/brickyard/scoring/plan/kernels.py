"""The inner loops of plans behind one interface, so that a compiled kernel can take the place of numpy's.

Whatever kernel is in use when a model is loaded is the one that the verification compares with pyfunc.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from brickyard.scoring.plan.trees_kernel import row_sums, sums
from brickyard.scoring.plan.trees_table import NodeTable

__all__ = ["Kernel", "NumpyKernel", "kernel"]


class Kernel(Protocol):
    """Loops over rows. Scores and sizes (of the same shape: rows, or rows x scores) are added to in place."""

    @property
    def name(self) -> str:
        """What it is called; kept plans are of one kernel."""

    def add_product(self, scores: np.ndarray, sizes: np.ndarray | None, column: np.ndarray, weight: Any) -> None:
        """Add a feature times its weight, or weights, in float64; and the absolute values to the sizes."""

    def add_lookup(self, scores: np.ndarray, sizes: np.ndarray | None, codes: np.ndarray, table: np.ndarray) -> None:
        """Add each row's entry of a table; a code of -1 is the last entry."""

    def tree_sums(self, table: NodeTable, rows: np.ndarray, start: np.ndarray | None) -> np.ndarray:
        """Sum what the leaves of trees are worth that rows fall into; see `trees_kernel.sums`."""

    def row_sums(self, table: NodeTable, row: Sequence[float], start: np.ndarray | None) -> np.ndarray:
        """The same for one row, whose sums are given as one number an output."""


class NumpyKernel:
    """Numpy, which is always there."""

    name = "numpy"

    def add_product(self, scores: np.ndarray, sizes: np.ndarray | None, column: np.ndarray, weight: Any) -> None:
        """Add a feature times its weight, or weights."""
        # A product with a float64 of numpy is one of float64s, whatever the column is of.
        _add(scores, sizes, column * weight if scores.ndim == 1 else column[:, None] * weight)

    def add_lookup(self, scores: np.ndarray, sizes: np.ndarray | None, codes: np.ndarray, table: np.ndarray) -> None:
        """Add each row's entry of a table."""
        _add(scores, sizes, table[codes])

    def tree_sums(self, table: NodeTable, rows: np.ndarray, start: np.ndarray | None) -> np.ndarray:
        """Sum what the leaves of trees are worth."""
        return sums(table, rows, start)

    def row_sums(self, table: NodeTable, row: Sequence[float], start: np.ndarray | None) -> np.ndarray:
        """Sum what the leaves of one row are worth."""
        return row_sums(table, row, start)


def _add(scores: np.ndarray, sizes: np.ndarray | None, terms: np.ndarray) -> None:
    scores += terms
    if sizes is not None:
        sizes += np.abs(terms)


_KERNEL: Kernel = NumpyKernel()


def kernel() -> Kernel:
    """The kernel in use."""
    return _KERNEL
