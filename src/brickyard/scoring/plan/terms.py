"""Linear models over encoded columns without their matrix: one weight, or one table, a column.

Where scikit-learn multiplies a sparse matrix, its sum goes from feature to feature, and so does this one: equal bits.
Where it multiplies a dense matrix, BLAS chooses the order. Then only labels are predicted here, and only those whose
scores are further from a tie than any two orders of the sum can be apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from brickyard.scoring.plan.categories import OneHot
from brickyard.scoring.plan.linear import LinearClassifier, LinearRegressor, logistic
from brickyard.scoring.plan.steps import Declined, Features, matrix_of
from brickyard.scoring.plan.transforms import Arithmetic, Impute, Passthrough

if TYPE_CHECKING:
    from brickyard.scoring.plan.plan import Block, Plan

__all__ = ["LinearTerms", "RowTerms", "row_terms_of", "terms_of"]

_EPSILON = float(np.finfo(np.float64).eps)
_UNDERFLOW = 1e-300  # more than what products too small for a float can sum up to


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
                for term in _terms(block, arrays, weights, tables):
                    scores += term
                    if sizes is not None:
                        sizes += np.abs(term)
            scores += self.estimator.intercept
        if sizes is not None and not self._certain(scores, sizes):
            return None
        return self.estimator.answer(scores)

    def _certain(self, scores: np.ndarray, sizes: np.ndarray) -> bool:
        """Whether each label is the same in whatever order its scores are summed."""
        sizes = sizes + np.abs(self.estimator.intercept)
        bounds = self._bound * (sizes if sizes.ndim == 1 else sizes.max(axis=1)) + _UNDERFLOW
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


def _terms(block: Block, arrays: Sequence[np.ndarray], weights: np.ndarray, tables: Sequence[np.ndarray]) -> Any:
    """The contributions of a block's features, in their order: rows x scores each."""
    features: Features = [arrays[position] for position in block.columns]
    for step in block.steps[:-1] if tables else block.steps:
        features = step.transform(features)
    if tables:
        last = block.steps[-1]
        assert isinstance(last, OneHot)
        for table, codes in zip(tables, last.encode(features), strict=True):
            yield table[codes]
        return
    matrix = matrix_of(features)
    if matrix.dtype.kind == "O" or (matrix.dtype.kind == "f" and not np.isfinite(matrix).all()):
        raise Declined("a linear model takes finite numbers")
    if matrix.shape[1] != len(weights):
        raise Declined("the linear model has another number of features")
    for position in range(matrix.shape[1]):
        column = matrix[:, position]
        # A product with a float64 of numpy is one of float64s, whatever the column is of.
        yield column * weights[position] if weights.ndim == 1 else column[:, None] * weights[position]


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


Reader: TypeAlias = Callable[[Any], Any]
Term: TypeAlias = Callable[[Any], float]


@dataclass(frozen=True)
class RowTerms:
    """The score of one row from Python's values, without an array: the fast path of single requests.

    Attributes:
        readers: What checks and converts the value of each input; raises for one that is not plain.
        terms: Which input, and what it adds to the score.
        intercept: What is added in the end.
        bound: How certain the sign must be, for each unit of the absolute values.
        answer: What is returned for a score.
    """

    readers: tuple[Reader, ...]
    terms: tuple[tuple[int, Term], ...]
    intercept: float
    bound: float
    answer: Callable[[float], np.ndarray]

    def predict(self, values: Sequence[Any]) -> np.ndarray | None:
        """Predict one row; None where the arrays have to be asked, which also say what is wrong.

        Args:
            values: A value for each input, as JSON gives it.
        """
        try:
            read = [reader(value) for reader, value in zip(self.readers, values, strict=True)]
            score, size = 0.0, 0.0
            for position, term in self.terms:
                add = term(read[position])
                score += add
                size += add if add >= 0.0 else -add
        except (TypeError, ValueError, OverflowError):
            return None
        score += self.intercept
        if not size < math.inf:
            return None
        if self.bound and abs(score) <= self.bound * (size + abs(self.intercept)) + _UNDERFLOW:
            return None
        return self.answer(score)


def row_terms_of(plan: Plan, terms: LinearTerms | None) -> RowTerms | None:
    """Return the terms for single rows of a linear model with one score; None where there are none."""
    if terms is None or terms.weights[0].ndim != 1:
        return None
    found: list[tuple[int, Term]] = []
    for block, weights, tables in zip(terms.blocks, terms.weights, terms.tables, strict=True):
        made = _row_block(plan, block, weights.tolist(), tables)
        if made is None:
            return None
        found += made
    estimator = terms.estimator
    bound = 0.0 if estimator.sparse else error_bound(sum(len(w) for w in terms.weights))
    readers = tuple(_READERS[column.kind] for column in plan.inputs)
    return RowTerms(readers, tuple(found), float(estimator.intercept.reshape(-1)[0]), bound, _answer(estimator))


def _answer(estimator: LinearRegressor | LinearClassifier) -> Callable[[float], np.ndarray]:
    """What one score means."""
    if isinstance(estimator, LinearRegressor):
        return lambda score: np.array([score])
    if estimator.output == "label":
        labels = [np.take(estimator.classes, [place], axis=0) for place in (0, 1)]
        return lambda score: labels[score > 0]

    def probabilities(score: float) -> np.ndarray:
        second = logistic(score)
        return np.array([[1.0 - second, second]])

    return probabilities


def _row_block(
    plan: Plan, block: Block, weights: list[float], tables: Sequence[np.ndarray]
) -> list[tuple[int, Term]] | None:
    kinds = {plan.inputs[position].kind for position in block.columns}
    if tables:
        last = block.steps[-1]
        assert isinstance(last, OneHot)
        if kinds != {"string"} or len(block.steps) > 1 or any(by.known.dtype.kind != "O" for by in last.columns):
            return None
        return [
            (position, _lookup(by.code_by_value, by.unknown, table.tolist()))
            for position, by, table in zip(block.columns, last.columns, tables, strict=True)
        ]
    if "string" in kinds or (kinds & {"float"} and not kinds & {"double"}):
        return None
    return _numbers(block, weights)


def _lookup(codes: Any, unknown: int, table: list[float]) -> Term:
    # The code of a value that the encoder refuses is -2: the row is then left to the arrays.
    weights = {value: table[code] if code > -2 else math.nan for value, code in codes.items()}
    other = table[unknown] if unknown > -2 else math.nan
    get = weights.get
    return lambda value: get(value, other)


def _numbers(block: Block, weights: list[float]) -> list[tuple[int, Term]] | None:
    """Terms of numeric columns through at most an imputer and a scaler."""
    positions = list(block.columns)
    fills: list[float] | None = None
    shift: list[tuple[str, list[float]]] = []
    for step in block.steps:
        if (
            isinstance(step, Impute)
            and step.numeric
            and not step.indicated
            and step._is_nan
            and fills is None
            and not shift
        ):
            positions = [position for position, kept in zip(positions, step.keep.tolist(), strict=True) if kept]
            fills = [float(value) for value in step.fill]
        elif isinstance(step, Arithmetic) and step.limits is None and len(step.operations) <= 2 and not shift:
            if any(vector.dtype != np.float64 for vector in step.vectors):
                return None
            shift = [(op, vector.tolist()) for op, vector in zip(step.operations, step.vectors, strict=True)]
        elif not isinstance(step, Passthrough):
            return None
    found = []
    for at, (position, weight) in enumerate(zip(positions, weights, strict=True)):
        by = [(operation, numbers[at]) for operation, numbers in shift]
        found.append((position, _number(weight, None if fills is None else fills[at], by)))
    return found


def _number(weight: float, fill: float | None, by: list[tuple[str, float]]) -> Term:
    """What a number adds: filled, scaled in the order of the scaler's operations, weighted."""
    scaled: dict[str, Callable[[float, float], Term]] = {
        "": lambda a, b: lambda value: value * weight,
        "-": lambda a, b: lambda value: (value - a) * weight,
        "/": lambda a, b: lambda value: value / a * weight,
        "-/": lambda a, b: lambda value: (value - a) / b * weight,
        "*+": lambda a, b: lambda value: (value * a + b) * weight,
    }
    operations = "".join(operation for operation, _ in by)
    a, b = [number for _, number in by] + [0.0] * (2 - len(by))
    term = scaled[operations](a, b)
    if fill is None:
        return term
    instead = term(fill)
    return lambda value: term(value) if value == value else instead


def _double(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    if value is None:
        return math.nan
    raise TypeError


def _single(value: Any) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(_double(value)))


def _whole(low: int, high: int) -> Reader:
    def read(value: Any) -> float:
        if type(value) is int and low <= value <= high:
            return float(value)
        raise TypeError

    return read


def _boolean(value: Any) -> float:
    if type(value) is bool:
        return 1.0 if value else 0.0
    raise TypeError


def _text(value: Any) -> Any:
    if type(value) is str or value is None:
        return value
    raise TypeError


_READERS: dict[str, Reader] = {
    "double": _double,
    "float": _single,
    "integer": _whole(-(2**31), 2**31 - 1),
    "long": _whole(-(2**63), 2**63 - 1),
    "boolean": _boolean,
    "string": _text,
}
