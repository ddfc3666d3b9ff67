"""Linear models over encoded columns without their matrix: one weight, or one table, a column.

Where scikit-learn multiplies a sparse matrix, its sum goes from feature to feature, and so does this one: equal bits.
Where it multiplies a dense matrix, BLAS chooses the order. Then only labels are predicted here, and only those whose
scores are further from a tie than any two orders of the sum can be apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from brickyard.scoring.plan.categories import OneHot
from brickyard.scoring.plan.kernels import kernel
from brickyard.scoring.plan.linear import LinearClassifier, LinearRegressor
from brickyard.scoring.plan.steps import Declined, Features, matrix_of
from brickyard.scoring.plan.transforms import Arithmetic, Impute, Passthrough

if TYPE_CHECKING:
    from brickyard.scoring.plan.plan import Block, Plan

__all__ = ["UNDERFLOW", "LinearTerms", "error_bound", "terms_of"]

_EPSILON = float(np.finfo(np.float64).eps)
UNDERFLOW = 1e-300  # more than what products too small for a float can sum up to


@dataclass(frozen=True)
class LinearTerms:
    """The scores of a linear model, block by block.

    Attributes:
        blocks: The blocks.
        estimator: The linear model.
        weights: By block, those of its features, or features x scores where there are several.
        tables: For a block that ends in one-hot columns: a table of weights a column, whose last row is of zeros.
    """

    blocks: tuple[Block, ...]
    estimator: LinearRegressor | LinearClassifier
    weights: tuple[np.ndarray, ...]
    tables: tuple[tuple[np.ndarray, ...], ...]

    def predict(self, arrays: Sequence[np.ndarray]) -> np.ndarray | None:
        """Predict; None where the order of the sum could matter for a row."""
        rows = len(arrays[0])
        scores = np.zeros((rows, *self.weights[0].shape[1:]))
        sizes = None if self.estimator.sparse else np.zeros_like(scores)
        with np.errstate(all="ignore"):
            for block, weights, tables in zip(self.blocks, self.weights, self.tables, strict=True):
                _add_block(block, arrays, weights, tables, scores, sizes)
            scores += self.estimator.intercept
        if sizes is not None and not self._certain(scores, sizes):
            return None
        return self.estimator.answer(scores)

    def _certain(self, scores: np.ndarray, sizes: np.ndarray) -> bool:
        """Whether each label is the same in whatever order its scores are summed."""
        sizes = sizes + np.abs(self.estimator.intercept)
        bounds = self._bound * (sizes if sizes.ndim == 1 else sizes.max(axis=1)) + UNDERFLOW
        if scores.ndim == 1:
            return bool((np.abs(scores) > bounds).all())
        best = np.partition(scores, -2, axis=1)
        return bool((best[:, -1] - best[:, -2] > 2 * bounds).all())

    @property
    def _bound(self) -> float:
        return error_bound(sum(len(weights) for weights in self.weights))


def error_bound(features: int) -> float:
    """How far two sums of so many products can be apart, in any orders, for each unit of their absolute values."""
    return 4 * (features + 4) * _EPSILON


def _add_block(
    block: Block,
    arrays: Sequence[np.ndarray],
    weights: np.ndarray,
    tables: Sequence[np.ndarray],
    scores: np.ndarray,
    sizes: np.ndarray | None,
) -> None:
    """Add the contributions of a block's features, in their order."""
    features: Features = [arrays[position] for position in block.columns]
    for step in block.steps[:-1] if tables else block.steps:
        features = step.transform(features)
    if tables:
        last = block.steps[-1]
        assert isinstance(last, OneHot)
        for table, codes in zip(tables, last.encode(features), strict=True):
            kernel().add_lookup(scores, sizes, codes, table)
        return
    matrix = matrix_of(features)
    if matrix.dtype.kind == "O" or (matrix.dtype.kind == "f" and not np.isfinite(matrix).all()):
        raise Declined("a linear model takes finite numbers")
    if matrix.shape[1] != len(weights):
        raise Declined("the linear model has another number of features")
    for position in range(matrix.shape[1]):
        kernel().add_product(scores, sizes, matrix[:, position], weights[position])


def terms_of(plan: Plan) -> LinearTerms | None:
    """Return the terms of a plan that is a linear model whose predictions they give; None for any other."""
    estimator = plan.estimator
    if not isinstance(estimator, LinearRegressor | LinearClassifier) or plan.steps:
        return None
    if not estimator.sparse and not (isinstance(estimator, LinearClassifier) and estimator.output == "label"):
        return None
    if isinstance(estimator, LinearRegressor) and estimator.coef.ndim > 1:
        return None
    if estimator.coef.dtype != np.float64 or estimator.intercept.dtype != np.float64:
        return None
    weights = np.atleast_2d(estimator.coef).T
    parts, tables, start = [], [], 0
    for block in plan.blocks:
        width = _width(block, len(weights) - start, block is plan.blocks[-1])
        if width is None or start + width > len(weights):
            return None
        part = np.ascontiguousarray(weights[start : start + width])
        part = part[:, 0] if part.shape[1] == 1 else part
        parts.append(part)
        tables.append(_tables(block, part))
        start += width
    return LinearTerms(plan.blocks, estimator, tuple(parts), tuple(tables)) if start == len(weights) else None


def _width(block: Block, left: int, last: bool) -> int | None:
    """How many features a block makes; None where its steps do not say."""
    width = len(block.columns)
    for step in block.steps:
        if isinstance(step, OneHot):
            width = sum(step.widths)
        elif isinstance(step, Impute):
            width = len(step.fill) + len(step.indicated)
        elif not isinstance(step, Arithmetic | Passthrough) and not hasattr(step, "values"):
            return None
    return width if not last or width == left else None


def _tables(block: Block, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    last = block.steps[-1] if block.steps else None
    if not isinstance(last, OneHot) or any(isinstance(step, OneHot) for step in block.steps[:-1]):
        return ()
    ends = np.cumsum(last.widths)[:-1]
    zero = np.zeros((1, *weights.shape[1:]))
    return tuple(np.concatenate([part, zero]) for part in np.split(weights, ends))
