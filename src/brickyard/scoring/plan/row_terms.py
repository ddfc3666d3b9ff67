"""The score of one row of a linear model from Python's values, without an array: the fast path of single requests.

The sum is written out as a function of Python, term after term, as a loop over terms would take most of the time.
Its text has only the kind of each term in it; numbers and tables are given to it by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from brickyard.scoring.plan.categories import DECLINES, Categories, OneHot
from brickyard.scoring.plan.linear import LinearClassifier, LinearRegressor, logistic
from brickyard.scoring.plan.terms import UNDERFLOW, LinearTerms, error_bound
from brickyard.scoring.plan.transforms import Arithmetic, Impute, Passthrough

if TYPE_CHECKING:
    from brickyard.scoring.plan.plan import Block, Plan

__all__ = ["READERS", "RowTerms", "row_terms_of"]

# By the operations of a scaler: what a number adds, of the value, the scaler's numbers and the weight.
_PRODUCTS = {
    "": "{x} * w{i}",
    "-": "({x} - a{i}) * w{i}",
    "/": "{x} / a{i} * w{i}",
    "-/": "({x} - a{i}) / b{i} * w{i}",
    "*+": "({x} * a{i} + b{i}) * w{i}",
}


@dataclass(frozen=True)
class _Term:
    """What an input adds to the score: an expression of the input's value, and what it names."""

    position: int
    expression: str
    names: Mapping[str, Any]


class RowTerms:
    """Predicts one row.

    Args:
        score: The values of a row to its score, and the sum of the terms' sizes where that is needed.
        bound: How certain a label must be, for each unit of the sizes; zero where the order of the sum is known.
        intercept: What is added in the end.
        answer: What a score means.
    """

    def __init__(
        self,
        score: Callable[[Sequence[Any]], tuple[float, float]],
        bound: float,
        intercept: float,
        answer: Callable[[float], np.ndarray],
    ) -> None:
        self._score = score
        self._bound = bound
        self._intercept = intercept
        self._beside = abs(intercept)
        self._answer = answer

    def predict(self, values: Sequence[Any]) -> np.ndarray | None:
        """Predict one row; None where the arrays have to be asked, which also say what is wrong.

        Args:
            values: A value for each input, as JSON gives it.
        """
        try:
            score, size = self._score(values)
        except (TypeError, ValueError, ArithmeticError):
            return None
        score += self._intercept
        if score - score != 0.0:  # infinite or NaN
            return None
        if self._bound and not abs(score) > self._bound * (size + self._beside) + UNDERFLOW:
            return None
        return self._answer(score)


def row_terms_of(plan: Plan, terms: LinearTerms | None) -> RowTerms | None:
    """Return the terms for single rows of a linear model with one score; None where there are none."""
    if terms is None or terms.weights[0].ndim != 1:
        return None
    found: list[_Term] = []
    for block, weights, tables in zip(terms.blocks, terms.weights, terms.tables, strict=True):
        made = _block_terms(plan, block, weights.tolist(), tables, len(found))
        if made is None:
            return None
        found += made
    estimator = terms.estimator
    bound = 0.0 if estimator.sparse else error_bound(sum(len(weights) for weights in terms.weights))
    score = _written(tuple(column.kind for column in plan.inputs), found, sizes=bound > 0)
    return RowTerms(score, bound, float(estimator.intercept.reshape(-1)[0]), _answer(estimator))


def _written(kinds: Sequence[str], terms: Sequence[_Term], *, sizes: bool) -> Callable[[Any], tuple[float, float]]:
    """Return the function that checks a row's values and adds up its terms in their order."""
    lines = ["def score(values):", f"    {', '.join(f'x{i}' for i in range(len(kinds)))}, = values"]
    for i, kind in enumerate(kinds):
        lines.append(f"    {_CHECKS[kind].format(x=f'x{i}')}")
    lines.append("    s = m = 0.0")
    names: dict[str, Any] = dict(READERS)
    for term in terms:
        names.update(term.names)
        lines += [f"    t = {term.expression}", "    s += t"]
        lines += ["    m += t if t >= 0.0 else -t"] if sizes else []
    lines.append("    return s, m")
    exec(compile("\n".join(lines), "<the terms of a row>", "exec"), names)
    score: Callable[[Any], tuple[float, float]] = names["score"]
    return score


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


def _block_terms(
    plan: Plan, block: Block, weights: list[float], tables: Sequence[np.ndarray], first: int
) -> list[_Term] | None:
    kinds = {plan.inputs[position].kind for position in block.columns}
    if not tables:
        if "string" in kinds or ("float" in kinds and "double" not in kinds):
            return None  # features of float32 are not Python's
        return _numbers(block, weights, first)
    last = block.steps[-1]
    assert isinstance(last, OneHot)
    if kinds != {"string"} or len(block.steps) > 1 or any(by.known.dtype.kind != "O" for by in last.columns):
        return None
    of_columns = zip(block.columns, last.columns, tables, strict=True)
    return [
        _Term(position, f"d{i}[x{position}]", {f"d{i}": _Weights(by, table.tolist())})
        for i, (position, by, table) in enumerate(of_columns, first)
    ]


class _Weights(dict[Any, float]):
    """The weight of each text; of one that the encoder refuses it is NaN, which leaves the row to the arrays."""

    def __init__(self, by: Categories, table: list[float]) -> None:
        # The code NOTHING is -1, and the last weight of a table is zero.
        at = {code: table[code] if code != DECLINES else math.nan for code in (*by.codes.tolist(), by.unknown)}
        super().__init__((value, at[code]) for value, code in zip(by.known.tolist(), by.codes.tolist(), strict=True))
        self._other = at[by.unknown]

    def __missing__(self, value: Any) -> float:
        return self._other


def _numbers(block: Block, weights: list[float], first: int) -> list[_Term] | None:
    """Terms of numeric columns through at most an imputer and a scaler."""
    positions = list(block.columns)
    fills: list[float] | None = None
    scaler: list[tuple[str, list[float]]] = []
    for step in block.steps:
        if isinstance(step, Impute) and fills is None and not scaler and step.fills_nan:
            positions = [position for position, kept in zip(positions, step.keep.tolist(), strict=True) if kept]
            fills = [float(value) for value in step.fill]
        elif isinstance(step, Arithmetic) and step.limits is None and not scaler:
            if "".join(step.operations) not in _PRODUCTS or any(v.dtype != np.float64 for v in step.vectors):
                return None
            scaler = [(op, vector.tolist()) for op, vector in zip(step.operations, step.vectors, strict=True)]
        elif not isinstance(step, Passthrough):
            return None
    found = []
    for at, (position, weight) in enumerate(zip(positions, weights, strict=True)):
        by = [(operation, numbers[at]) for operation, numbers in scaler]
        found.append(_number(position, first + at, weight, None if fills is None else fills[at], by))
    return found


def _number(position: int, i: int, weight: float, fill: float | None, by: list[tuple[str, float]]) -> _Term:
    """What a number adds: filled, scaled in the order of the scaler's operations, weighted."""
    product = _PRODUCTS["".join(operation for operation, _ in by)]
    names: dict[str, Any] = {f"w{i}": weight}
    names |= {f"{letter}{i}": number for letter, (_, number) in zip("ab", by, strict=False)}
    x = f"x{position}"
    if fill is not None:
        names[f"f{i}"] = fill
        x = f"({x} if {x} == {x} else f{i})"
    return _Term(position, product.format(x=x, i=i), names)


def _double(value: Any) -> float:
    if type(value) is int:
        return float(value)
    if value is None:
        return math.nan
    raise TypeError


def _single(value: Any) -> float:
    if type(value) is int and abs(value) > 2**53:
        raise TypeError  # rounded to float32 at once by pandas
    with np.errstate(over="ignore"):
        return float(np.float32(value if type(value) is float else _double(value)))


def _integer(value: Any) -> float:
    if type(value) is int and -(2**31) <= value < 2**31:
        return float(value)
    raise TypeError


def _long(value: Any) -> float:
    if type(value) is int and -(2**63) <= value < 2**63:
        return float(value)
    raise TypeError


def _boolean(value: Any) -> float:
    if type(value) is bool:
        return 1.0 if value else 0.0
    raise TypeError


def _text(value: Any) -> Any:
    if type(value) is str or value is None:
        return value
    raise TypeError


# What gives the value of an input as a number; a TypeError where it is not plain.
READERS = {
    "double": _double,
    "single": _single,
    "integer": _integer,
    "long": _long,
    "boolean": _boolean,
    "text": _text,
}
# Statements that check the value of an input and make it a number.
_CHECKS = {
    "double": "if type({x}) is not float: {x} = double({x})",
    "float": "{x} = single({x})",
    "integer": "{x} = integer({x})",
    "long": "{x} = long({x})",
    "boolean": "{x} = boolean({x})",
    "string": "if type({x}) is not str: text({x})",
}
