"""Decision trees, forests and boosted trees as a step of a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brickyard.scoring.plan.kernels import kernel
from brickyard.scoring.plan.steps import Declined
from brickyard.scoring.plan.trees_bits import LeafBits, leaf_bits
from brickyard.scoring.plan.trees_library import LightGBMLibrary, XGBoostLibrary
from brickyard.scoring.plan.trees_output import ANSWERS, LABELS_OF_TWO, LINKS, LOGISTIC, certain_labels
from brickyard.scoring.plan.trees_row import TreeRow
from brickyard.scoring.plan.trees_table import NodeTable

__all__ = ["NO_CLASSES", "NO_FEATURES", "TreeEnsemble"]

NO_CLASSES = np.zeros(0)
NO_FEATURES = np.zeros(0, dtype=np.int64)
# LightGBM takes numbers up to this size (the float 1e-35) for zero.
_TINY = float(np.float32(1e-35))


@dataclass(frozen=True)
class TreeEnsemble:
    """Trees whose leaves are summed, a link, and the form of the answer.

    Attributes:
        table: The trees.
        features: How many features a row has.
        precision: In which type the library compares a row: `float32` or `float64`.
        start: What each sum starts with; empty where one tree's value is taken as it is.
        takes_missing: Whether the library takes NaN.
        largest: The largest size of a number that is answered; beyond it the library refuses a row, or equality is
            not certain.
        tiny_is_zero: Whether numbers up to 1e-35 count as zero.
        finite_features: Features of which the library refuses infinities all the same.
        divisor: What the sums are divided by.
        link: What is then done to them, one of `LINKS`.
        scale: A number for the link.
        answer: What is made of them, one of `ANSWERS`.
        classes: The labels.
        library: The same model in the library that it was trained with, or none.
    """

    table: NodeTable
    features: int
    precision: str
    start: np.ndarray
    takes_missing: bool
    largest: float
    tiny_is_zero: bool
    finite_features: np.ndarray
    divisor: float
    link: str
    scale: float
    answer: str
    classes: np.ndarray
    library: LightGBMLibrary | XGBoostLibrary | None = None

    row_wise = True

    def check(self) -> None:
        """Find what does not fit."""
        if not isinstance(self.table, NodeTable) or self.precision not in {"float32", "float64"}:
            raise ValueError("trees are a table of nodes, over float32 or float64")
        if self.link not in LINKS or self.answer not in ANSWERS:
            raise ValueError(f"there is no link {self.link!r}, or no answer {self.answer!r}")
        if self.table.features.max() >= self.features:
            raise ValueError("the trees look at more features than a row has")
        if len(self.start) not in (0, self.table.outputs) or (not len(self.start) and len(self.table.roots) != 1):
            raise ValueError("every sum starts with a number")
        if self.start.dtype != self.table.values.dtype and len(self.start):
            raise ValueError("sums are of the type of the leaves")
        if self.answer.startswith("label") and len(self.classes) < self._least_classes():
            raise ValueError("every class has a label")
        if any(not 0 <= feature < self.features for feature in self.finite_features.tolist()):
            raise ValueError("what is refused is refused by feature")
        if self.library is not None and not isinstance(self.library, LightGBMLibrary | XGBoostLibrary):
            raise ValueError("a library is LightGBM's or XGBoost's")

    def _least_classes(self) -> int:
        return self.table.outputs if self.answer == "label" else 2

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Predict what the library predicts, by the way that is the faster one for so many rows.

        Raises:
            Declined: For rows that the library refuses, such as infinities.
        """
        if len(matrix) == 1 and matrix.dtype == np.float64:
            answer = self.predict_row(matrix[0].tolist())
            if answer is not None:
                return answer
        library = self.library
        if library is None:
            return self.by_tables(matrix)
        least = library.least_rows if self.bits is None else library.least_rows_beside_bits
        return self.by_library(matrix) if len(matrix) >= least else self.by_tables(matrix)

    def predict_row(self, features: Sequence[float]) -> np.ndarray | None:
        """Predict one row of numbers; None where `predict` has to, with a matrix."""
        return self._row.predict(features)

    @cached_property
    def _row(self) -> TreeRow:
        return TreeRow(self)

    @property
    def ways(self) -> tuple[Callable[[np.ndarray], np.ndarray], ...]:
        """The ways to predict from a matrix, all of which have to agree."""
        return () if self.library is None else (self.by_tables, self.by_library)

    def by_tables(self, matrix: np.ndarray) -> np.ndarray:
        """Predict by the tables."""
        rows, start = self.rows(matrix), self.start if len(self.start) else None
        sums = self.bits.sums(rows, start) if self.bits is not None else kernel().tree_sums(self.table, rows, start)
        return self.of_sums(sums)

    def of_sums(self, values: np.ndarray) -> np.ndarray:
        """Predict from the sums of leaves: rows x outputs."""
        if self.divisor != 1:
            values = values / self.divisor
        if self.answer in LABELS_OF_TWO and self.link in LOGISTIC:
            labels = certain_labels(values[:, 0], self.scale, self.classes)
            if labels is not None:
                return labels
        return self._answer(LINKS[self.link](values, self.scale))

    @cached_property
    def bits(self) -> LeafBits | None:
        """The faster form of the tables, where there is one."""
        return leaf_bits(self.table)

    def by_library(self, matrix: np.ndarray) -> np.ndarray:
        """Predict by the library; by the tables where it is not installed."""
        if self.library is None or self.library.predict is None:
            return self.by_tables(matrix)
        return self._answer(self.library.predict(self.rows(matrix)))

    def _answer(self, values: np.ndarray) -> np.ndarray:
        return ANSWERS[self.answer](values, self.classes)

    def rows(self, matrix: np.ndarray) -> np.ndarray:
        """Return rows as the library compares them, in float64."""
        if matrix.dtype.kind not in "fiub" or matrix.ndim != 2 or matrix.shape[1] != self.features:
            raise Declined(f"these trees take rows of {self.features} numbers")
        with np.errstate(over="ignore"):
            rows = matrix.astype(self.precision, copy=False).astype(np.float64, order="C", copy=False)
        self._refuse(rows)
        if self.tiny_is_zero:
            rows = np.where(np.abs(rows) <= _TINY, 0.0, rows)
        return rows

    def _refuse(self, rows: np.ndarray) -> None:
        if len(self.finite_features) and np.isinf(rows[:, self.finite_features]).any():
            raise Declined("the trees' library refuses infinite categories")
        if self.takes_missing and self.largest == np.inf:
            return
        size = np.abs(rows)
        if (size <= self.largest).all():
            return
        if not self.takes_missing or (size > self.largest).any():
            raise Declined("the trees' library refuses missing or infinite values")

    def edges(self) -> dict[int, np.ndarray]:
        """Return, by feature, the values at which predictions may change."""
        return self.table.edges()
