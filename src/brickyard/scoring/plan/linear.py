"""Linear models of scikit-learn, by the same numpy calls on a matrix of the same shape and memory order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from brickyard.scoring.plan.steps import Declined, Estimator, compiles

__all__ = ["LinearClassifier", "LinearRegressor"]


@dataclass(frozen=True)
class LinearRegressor:
    """`X @ coef + intercept`.

    Attributes:
        coef: One weight a feature, or outputs x features.
        intercept: One number, or one an output.
    """

    coef: np.ndarray
    intercept: np.ndarray

    row_wise = False  # the order in which BLAS sums depends on the shape of the matrix

    def check(self) -> None:
        """Find what does not multiply."""
        if self.coef.ndim not in (1, 2) or self.intercept.size not in (1, self.coef.shape[0]):
            raise ValueError("the weights of a linear model have one or two dimensions, and as many intercepts")

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Predict values."""
        return scores_of(matrix, self.coef, self.intercept)


@dataclass(frozen=True)
class LinearClassifier:
    """A classifier by linear scores.

    Attributes:
        coef: Classes x features; one row for two classes.
        intercept: One number a row.
        classes: The labels.
        output: `label`, `logistic` (probabilities of two classes) or `softmax` (of more).
    """

    coef: np.ndarray
    intercept: np.ndarray
    classes: np.ndarray
    output: str

    row_wise = False  # the order in which BLAS sums depends on the shape of the matrix

    def check(self) -> None:
        """Find what does not multiply, and labels that are missing."""
        rows = self.coef.shape[0] if self.coef.ndim == 2 else 0
        if not rows or self.intercept.size not in (1, rows) or self.output not in {"label", "logistic", "softmax"}:
            raise ValueError("a linear classifier has a row of weights and an intercept a class")
        if len(self.classes) != max(rows, 2):
            raise ValueError("a linear classifier has a label a class")

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Predict labels or probabilities."""
        return self.answer(scores_of(matrix, self.coef, self.intercept))

    def answer(self, scores: np.ndarray) -> np.ndarray:
        """Return what scores (rows x rows of `coef`; it is changed) mean."""
        if scores.shape[1] == 1:
            scores = scores.reshape(-1)
        if self.output == "label":
            indices = (scores > 0).astype(np.int64) if scores.ndim == 1 else np.argmax(scores, axis=1)
            return np.take(self.classes, indices, axis=0)
        if self.output == "logistic":
            from scipy.special import expit

            expit(scores, out=scores)
            return np.stack([1 - scores, scores], axis=1)
        scores -= np.max(scores, axis=1).reshape(-1, 1)
        np.exp(scores, out=scores)
        scores /= np.sum(scores, axis=1).reshape(-1, 1)
        return scores


def scores_of(matrix: np.ndarray, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
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
    scores: np.ndarray = matrix @ coef.T + intercept
    return scores


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
