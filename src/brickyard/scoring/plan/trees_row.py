"""One row through trees, from Python's numbers to its prediction.

A function of numpy takes about as long for one row as for a hundred, and some times as long where its code has left
the processor's caches since the last request. So as few of them are called here as can be.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from brickyard.scoring.plan.kernels import kernel

if TYPE_CHECKING:
    from brickyard.scoring.plan.trees import TreeEnsemble

__all__ = ["TreeRow"]

# LightGBM takes numbers up to this size (the float 1e-35) for zero.
_TINY = float(np.float32(1e-35))
_Label = Callable[[Sequence[float]], int]


def _first_largest(values: Sequence[float]) -> int:
    if math.isnan(sum(values)):
        raise ArithmeticError("NaN is neither larger nor smaller")
    return values.index(max(values))


# Links over doubles, by `trees_output.LINKS`: of a sum and the scale.
_LINKS: dict[str, Callable[[float, float], float]] = {
    "identity": lambda value, scale: value,
    "expit": lambda value, scale: 1.0 / (1.0 + math.exp(-(scale * value))),
    "logistic": lambda value, scale: 1.0 / (1.0 + math.exp(-scale * value)),
}
# Which label values are for, and what other answers are made of them, by `trees_output.ANSWERS`.
_LABELS: dict[str, _Label] = {
    "label": _first_largest,
    "label above half": lambda values: values[0] > 0.5,
    "label above zero": lambda values: values[0] > 0,
    "label from zero": lambda values: values[0] >= 0,
    "label of pair": lambda values: values[0] > 1 - values[0],
}
_SHAPES: dict[str, Callable[[Sequence[float]], Sequence[object]]] = {
    "column": lambda values: [values[0]],
    "matrix": lambda values: [values],
    "pair": lambda values: [[1 - values[0], values[0]]],
}


class TreeRow:
    """Predicts one row.

    Args:
        trees: The trees.
    """

    def __init__(self, trees: TreeEnsemble) -> None:
        self._trees = trees
        self._library = trees.library.predict_row if trees.library is not None else None
        self._cast = struct.Struct(f"{trees.features}{'f' if trees.precision == 'float32' else 'd'}")
        self._start = trees.start if len(trees.start) else None
        self._link = _LINKS.get(trees.link) if trees.table.values.dtype == np.float64 else None
        self._label = _LABELS.get(trees.answer)
        self._labels = [trees.classes[at : at + 1] for at in range(len(trees.classes))] if self._label else []
        self._shape = _SHAPES.get(trees.answer)

    def predict(self, features: Sequence[float]) -> np.ndarray | None:
        """Predict from as many numbers as there are features; None where the way of many rows has to."""
        if len(features) != self._trees.features:
            return None
        try:
            values = self._library(features) if self._library else self._values(features)
            if values is None or isinstance(values, np.ndarray):
                return values
            if self._label:
                return self._labels[self._label(values)].copy()
        except ArithmeticError:  # beyond single precision, or what `exp` of Python refuses
            return None
        return np.array(self._shape(values)) if self._shape else None

    def _values(self, features: Sequence[float]) -> list[float] | np.ndarray | None:
        """What the link gives; the prediction itself where that takes numpy."""
        trees = self._trees
        row = self._row(features)
        if row is None:
            return None
        sums = trees.bits.row_sums(row, self._start) if trees.bits else kernel().row_sums(trees.table, row, self._start)
        link, divisor, scale = self._link, trees.divisor, trees.scale
        if link is None:
            return trees.of_sums(sums[None])
        return [link(value / divisor, scale) for value in sums.tolist()]

    def _row(self, features: Sequence[float]) -> Sequence[float] | None:
        """The numbers as the library compares them; None for those that it may refuse."""
        trees = self._trees
        row: Sequence[float] = self._cast.unpack(self._cast.pack(*features))
        total = sum(row)
        if total == total:
            refused = max(row) > trees.largest or min(row) < -trees.largest
        else:
            refused = not trees.takes_missing or any(abs(number) > trees.largest for number in row)
        if refused or (len(trees.finite_features) and total - total != 0.0 and any(map(math.isinf, row))):
            return None
        return [0.0 if -_TINY <= number <= _TINY else number for number in row] if trees.tiny_is_zero else row
