"""XGBoost's trees as node tables and through its library: the bits of `predict` of a frame, or declined."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import given

from brickyard.scoring.plan.steps import Declined, compile_estimator
from tests.scoring.plan.soaking import soak
from tests.scoring.plan.tree_frames import Kind, agree_on, frames, kinds
from tests.scoring.plan.tree_rows import MISSING, agree, compiled, one_thread, rows

__all__ = ["one_thread"]
SMALL = {"max_depth": 4, "nthread": 1, "eta": 0.4}
TREES = {"n_estimators": 8, "max_depth": 4, "n_jobs": 1}
OBJECTIVES: dict[str, dict[str, Any]] = {
    "reg:squarederror": {},
    "reg:absoluteerror": {},
    "reg:pseudohubererror": {},
    "reg:squaredlogerror": {},
    "reg:logistic": {},
    "reg:gamma": {},
    "reg:tweedie": {},
    "count:poisson": {},
    "binary:logistic": {},
    "binary:logitraw": {"base_score": 0.3},
    "multi:softprob": {"num_class": 3},
    "multi:softmax": {"num_class": 3},
    "forest": {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 4, "subsample": 0.6},
    "leafwise": {"objective": "reg:squarederror", "grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0},
    "categories": {"objective": "reg:squarederror", "max_cat_to_onehot": 3},
    "one leaf": {"objective": "binary:logistic", "min_child_weight": 1e6},
}


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(600, 5))
    matrix[:, 1] = np.round(matrix[:, 1], 1)
    matrix[:, 2] = random.integers(0, 3, 600)
    matrix[:, 4] = random.choice([0, 1, 2, 5, 31, 32, 33, 70], 600)
    signal = matrix[:, 0] + np.abs(matrix[:, 1]) + np.sin(3 * matrix[:, 4]) + np.cos(matrix[:, 2])
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    return matrix, signal + random.normal(scale=0.3, size=600)


def matrix_of(matrix: np.ndarray, name: str = "") -> xgboost.DMatrix:
    types = ["q", "q", "c", "q", "c"] if name == "categories" else None
    return xgboost.DMatrix(pd.DataFrame(matrix), feature_types=types, nthread=1, enable_categorical=True)


@cache
def booster(name: str) -> xgboost.Booster:
    matrix, signal = data()
    options = {"objective": name, **SMALL, **OBJECTIVES[name]}
    objective = options["objective"]
    labels = signal
    if "num_class" in options:
        labels = np.digitize(signal, [0, 1])
    elif "log" in objective and "squared" not in objective:
        labels = (signal > 0.5).astype(float)
    elif objective in {"reg:gamma", "reg:tweedie", "count:poisson", "reg:squaredlogerror"}:
        labels = np.exp(signal)
    train = matrix_of(matrix, name)
    train.set_label(labels)
    return xgboost.train(options, train, 7)


@cache
def step_of(name: str) -> Any:
    return compiled(booster(name), "predict")


def reference(estimator: Any, function: str = "predict") -> Callable[[np.ndarray], Any]:
    if isinstance(estimator, xgboost.Booster):
        return lambda matrix: estimator.predict(
            xgboost.DMatrix(pd.DataFrame(matrix), nthread=1), validate_features=False
        )
    return lambda matrix: getattr(estimator, function)(pd.DataFrame(matrix), validate_features=False)


def answered(matrix: np.ndarray) -> np.ndarray:
    """What is not refused: numbers up to the size beyond which whole numbers are rounded twice."""
    return np.where(np.abs(matrix) > 2.0**53, 7.0, matrix).astype(matrix.dtype)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_predictions_have_the_bits_of_xgboost(name: str) -> None:
    step, theirs = step_of(name), reference(booster(name))
    matrix = data()[0]
    assert agree(step, theirs, matrix)
    assert agree(step, theirs, matrix.astype(np.float32))
    assert agree(step, theirs, np.nan_to_num(matrix).astype(np.int64))
    assert agree(step, theirs, answered(rows(step, 500, MISSING)))


@pytest.mark.parametrize("function", ["predict", "predict_proba"])
@pytest.mark.parametrize("kind", [xgboost.XGBClassifier, xgboost.XGBRFClassifier])
@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_answer_labels_and_probabilities(classes: int, kind: Any, function: str) -> None:
    matrix, signal = data()
    estimator = kind(**TREES).fit(matrix, np.digitize(signal, [0.3, 1][: classes - 1]))
    step = compiled(estimator, function)
    assert agree(step, reference(estimator, function), answered(rows(step, 300, MISSING)))


def test_the_best_iteration_counts_for_estimators() -> None:
    matrix, signal = data()
    estimator = xgboost.XGBRegressor(early_stopping_rounds=2, **{**TREES, "n_estimators": 30})
    estimator.fit(matrix, signal, eval_set=[(matrix[:80], -signal[:80])], verbose=False)
    assert estimator.best_iteration + 1 < estimator.get_booster().num_boosted_rounds()
    for model in (estimator, estimator.get_booster()):
        step = compiled(model, "predict")
        assert agree(step, reference(model), answered(rows(step, 100, MISSING)))


def test_what_xgboost_refuses_is_declined() -> None:
    for value in (np.inf, -np.inf, 1e300, 2.0**60):
        matrix = np.ones((2, 5))
        matrix[1, 3] = value
        with pytest.raises(Declined):
            step_of("binary:logistic").predict(matrix)


def test_what_has_no_table_is_declined() -> None:
    matrix, signal = data()
    train = xgboost.DMatrix(matrix, signal)
    for options in (
        {"booster": "gblinear"},
        {"booster": "dart"},
        {"objective": "reg:quantileerror", "quantile_alpha": 0.5},
    ):
        assert compile_estimator(xgboost.train({**options, "nthread": 1}, train, 2), "predict") is None
    frame = pd.DataFrame(matrix).assign(kind=pd.Categorical(np.where(signal > 0, "a", "b")))
    named = xgboost.train({"nthread": 1}, xgboost.DMatrix(frame, signal, enable_categorical=True), 2)
    assert compile_estimator(named, "predict") is None
    odd = xgboost.XGBRegressor(missing=-1.0, **TREES).fit(matrix, signal)
    assert compile_estimator(odd, "predict") is None
    several = xgboost.XGBRegressor(**TREES).fit(matrix, np.column_stack([signal, signal]))
    assert compile_estimator(several, "predict") is None
    softmax = xgboost.XGBClassifier(objective="multi:softmax", **TREES).fit(matrix, np.digitize(signal, [0, 1]))
    assert compile_estimator(softmax, "predict") is None


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", OBJECTIVES)
@soak
@given(kind=kinds())
def test_ten_thousand_frames_of_a_family(name: str, kind: Kind) -> None:
    step = step_of(name)
    made = [answered(frame) for frame in frames(step, kind, MISSING)]
    assert agree_on(step, reference(booster(name)), made) == len(made)
