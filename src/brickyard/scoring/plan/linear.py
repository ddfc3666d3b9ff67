"""Linear models of scikit-learn, by the same numpy calls on a matrix of the same shape and memory order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from brickyard.scoring.plan.steps import Declined, Estimator, compiles

__all__ = ["LinearClassifier", "LinearRegressor", "logistic"]

# So many scores take less time one by one than it takes to import SciPy.
_FEW = 512


@dataclass(frozen=True)
class LinearRegressor:
    """`X @ coef + intercept`.

    Attributes:
        coef: One weight a feature, or outputs x features.
        intercept: One number, or one an output.
        sparse: Whether the library multiplies a sparse matrix, which sums a row's features in their order.
    """

    coef: np.ndarray
    intercept: np.ndarray
    sparse: bool = False

    @property
    def row_wise(self) -> bool:
        """Whether the sum is in an order that does not depend on the shape of the matrix, as that of BLAS does."""
        return self.sparse

    def check(self) -> None:
        """Find what does not multiply."""
        if self.coef.ndim not in (1, 2) or self.intercept.size not in (1, self.coef.shape[0]):
            raise ValueError("the weights of a linear model have one or two dimensions, and as many intercepts")

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Predict values."""
        return self.answer(self.scores(matrix))

    def scores(self, matrix: np.ndarray) -> np.ndarray:
        """Return what the library's linear function gives."""
        return _scores(matrix, self.coef, self.intercept, self.sparse)

    def answer(self, scores: np.ndarray) -> np.ndarray:
        """Return what scores mean."""
        return scores


@dataclass(frozen=True)
class LinearClassifier:
    """A classifier by linear scores.

    Attributes:
        coef: Classes x features; one row for two classes.
        intercept: One number a row.
        classes: The labels.
        output: `label`, `logistic` (probabilities of two classes) or `softmax` (of more).
        sparse: Whether the library multiplies a sparse matrix, which sums a row's features in their order.
    """

    coef: np.ndarray
    intercept: np.ndarray
    classes: np.ndarray
    output: str
    sparse: bool = False

    @property
    def row_wise(self) -> bool:
        """Whether the sum is in an order that does not depend on the shape of the matrix, as that of BLAS does."""
        return self.sparse

    def check(self) -> None:
        """Find what does not multiply, and labels that are missing."""
        rows = self.coef.shape[0] if self.coef.ndim == 2 else 0
        if not rows or self.intercept.size not in (1, rows) or self.output not in {"label", "logistic", "softmax"}:
            raise ValueError("a linear classifier has a row of weights and an intercept a class")
        if len(self.classes) != max(rows, 2):
            raise ValueError("a linear classifier has a label a class")

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Predict labels or probabilities."""
        return self.answer(self.scores(matrix))

    def scores(self, matrix: np.ndarray) -> np.ndarray:
        """Return what the library's `decision_function` gives."""
        scores = _scores(matrix, self.coef, self.intercept, self.sparse)
        return scores.reshape(-1) if scores.shape[1] == 1 else scores

    def answer(self, scores: np.ndarray) -> np.ndarray:
        """Return what scores mean; they are changed."""
        if self.output == "label":
            indices = (scores > 0).astype(np.int64) if scores.ndim == 1 else np.argmax(scores, axis=1)
            return np.take(self.classes, indices, axis=0)
        if self.output == "logistic":
            scores = _logistic(scores)
            return np.stack([1 - scores, scores], axis=1)
        scores -= np.max(scores, axis=1).reshape(-1, 1)
        np.exp(scores, out=scores)
        scores /= np.sum(scores, axis=1).reshape(-1, 1)
        return scores


def logistic(score: float) -> float:
    """Return `scipy.special.expit`, which calls the same `exp` of the C library, without importing SciPy."""
    try:
        return 1.0 / (1.0 + math.exp(-score))
    except OverflowError:
        return 0.0


def _logistic(scores: np.ndarray) -> np.ndarray:
    if len(scores) <= _FEW:
        return np.array([logistic(score) for score in scores.tolist()])
    from scipy.special import expit

    return np.asarray(expit(scores))


def _scores(matrix: np.ndarray, coef: np.ndarray, intercept: np.ndarray, sparse: bool) -> np.ndarray:
    """Return `matrix @ coef.T + intercept` as scikit-learn computes it.

    Raises:
        Declined: Where scikit-learn raises, as for NaN and infinity.
    """
    if matrix.dtype.kind == "O":
        raise Declined("a linear model takes numbers")
    if matrix.dtype.kind == "f" and not np.isfinite(matrix).all():
        raise Declined("a linear model takes finite numbers")
    if matrix.shape[1] != coef.shape[-1]:
        raise Declined("the linear model has another number of features")
    product = _in_order(matrix, coef) if sparse else matrix @ coef.T
    scores: np.ndarray = product + intercept
    return scores


def _in_order(matrix: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """Sum feature after feature, as the product of a sparse matrix does; features that are zero change nothing."""
    product = np.zeros((len(matrix), *coef.shape[:-1]))
    with np.errstate(all="ignore"):
        for position in range(matrix.shape[1]):
            column = matrix[:, position].astype(np.float64)
            product += column * coef[position] if coef.ndim == 1 else column[:, None] * coef[:, position]
    return product


@compiles(
    "sklearn.LinearRegression",
    "sklearn.Ridge",
    "sklearn.RidgeCV",
    "sklearn.Lasso",
    "sklearn.LassoCV",
    "sklearn.ElasticNet",
    "sklearn.ElasticNetCV",
    "sklearn.SGDRegressor",
    "sklearn.BayesianRidge",
    "sklearn.HuberRegressor",
    "sklearn.LinearSVR",
)
def _regressor(estimator: Any, function: str) -> Estimator | None:
    if function != "predict":
        return None
    return LinearRegressor(np.asarray(estimator.coef_), np.asarray(estimator.intercept_))


@compiles(
    "sklearn.LogisticRegression",
    "sklearn.LogisticRegressionCV",
    "sklearn.RidgeClassifier",
    "sklearn.RidgeClassifierCV",
    "sklearn.LinearSVC",
    "sklearn.SGDClassifier",
    "sklearn.Perceptron",
    "sklearn.PassiveAggressiveClassifier",
)
def _classifier(estimator: Any, function: str) -> Estimator | None:
    classes = np.asarray(estimator.classes_)
    if classes.ndim != 1:
        return None
    logistic = type(estimator).__name__.startswith("LogisticRegression")
    output = {"predict": "label", "predict_proba": "softmax" if len(classes) > 2 else "logistic"}.get(function)
    if output is None or (output != "label" and not logistic):
        return None
    return LinearClassifier(np.asarray(estimator.coef_), np.asarray(estimator.intercept_), classes, output)
