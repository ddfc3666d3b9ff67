"""LightGBM's trees as node tables and through its library: the bits of `predict` of a frame, or declined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from brickyard.scoring.plan import trees_library
from brickyard.scoring.plan.steps import Declined, compile_estimator
from tests.scoring.plan.soaking import soak
from tests.scoring.plan.tree_frames import Kind, agree_on, frames, kinds
from tests.scoring.plan.tree_rows import INFINITE, MISSING, agree, compiled, one_thread, rows, same

__all__ = ["one_thread"]
SMALL = {
    "num_leaves": 12,
    "min_data_in_leaf": 5,
    "verbose": -1,
    "num_threads": 1,
    "min_data_per_group": 1,
    "cat_smooth": 1,
}
TREES = {"n_estimators": 8, "num_leaves": 12, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}
OBJECTIVES: dict[str, dict[str, Any]] = {
    "regression": {},
    "regression, roots": {"objective": "regression", "reg_sqrt": True},
    "regression_l1": {},
    "huber": {},
    "fair": {},
    "quantile": {"alpha": 0.3},
    "mape": {},
    "poisson": {},
    "gamma": {},
    "tweedie": {},
    "binary": {"sigmoid": 0.7},
    "cross_entropy": {},
    "cross_entropy_lambda": {},
    "multiclass": {"num_class": 3},
    "multiclassova": {"num_class": 3, "sigmoid": 1.3},
    "forest": {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
    "forest of three classes": {
        "objective": "multiclass",
        "num_class": 3,
        "boosting": "rf",
        "bagging_freq": 1,
        "bagging_fraction": 0.6,
    },
    "dart": {"objective": "binary", "boosting": "dart"},
    "zero as missing": {"objective": "regression", "zero_as_missing": True},
    "no missing": {"objective": "regression", "use_missing": False},
    "categories": {"objective": "regression", "categorical_feature": [2, 4]},
    "categories, three classes": {"objective": "multiclass", "num_class": 3, "categorical_feature": [2, 4]},
    "one leaf": {"objective": "binary", "min_data_in_leaf": 5000},
}


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    matrix = random.normal(size=(600, 5))
    matrix[:, 1] = np.round(matrix[:, 1], 1) * (random.random(600) < 0.7)
    matrix[:, 2] = random.integers(0, 5, 600)
    matrix[:, 4] = random.choice([0, 1, 2, 5, 31, 32, 33, 70, 200], 600)
    signal = matrix[:, 0] + np.abs(matrix[:, 1]) + np.sin(3 * matrix[:, 4]) + np.cos(matrix[:, 2])
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    return matrix, signal + random.normal(scale=0.3, size=600)


@cache
def booster(name: str) -> lightgbm.Booster:
    matrix, signal = data()
    options = {"objective": name, **SMALL, **OBJECTIVES[name]}
    labels = {"poisson": np.exp(signal), "gamma": np.exp(signal), "tweedie": np.exp(signal)}.get(name, signal)
    if options["objective"] in {"binary", "cross_entropy", "cross_entropy_lambda"}:
        labels = (signal > 0.5).astype(float)
    elif "num_class" in options:
        labels = np.digitize(signal, [0, 1])
    categories = options.pop("categorical_feature", "auto")
    return lightgbm.train(options, lightgbm.Dataset(matrix, labels, categorical_feature=categories), 9)


@cache
def step_of(name: str) -> Any:
    return compiled(booster(name), "predict")


def reference(estimator: Any, function: str = "predict") -> Callable[[np.ndarray], Any]:
    options = {} if isinstance(estimator, lightgbm.LGBMModel) else {"num_threads": 1}
    return lambda matrix: getattr(estimator, function)(pd.DataFrame(matrix), **options)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_predictions_have_the_bits_of_lightgbm(name: str) -> None:
    step, theirs = step_of(name), reference(booster(name))
    matrix = data()[0]
    assert agree(step, theirs, matrix)
    assert agree(step, theirs, matrix.astype(np.float32))
    assert agree(step, theirs, np.nan_to_num(matrix).astype(np.int64))
    assert agree(step, theirs, rows(step, 500, [*MISSING, *INFINITE]))


@pytest.mark.parametrize("function", ["predict", "predict_proba"])
@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_answer_labels_and_probabilities(classes: int, function: str) -> None:
    matrix, signal = data()
    labels = np.array(["early", "late", "never"])[np.digitize(signal, [0.3, 1][: classes - 1])]
    estimator = lightgbm.LGBMClassifier(**TREES).fit(matrix, labels)
    step = compiled(estimator, function)
    assert agree(step, reference(estimator, function), rows(step, 300, [*MISSING, *INFINITE]))


def test_the_best_iteration_counts() -> None:
    matrix, signal = data()
    valid = lightgbm.Dataset(matrix[:80], signal[:80] + np.random.default_rng(0).normal(scale=3, size=80))
    stop = lightgbm.early_stopping(2, verbose=False)
    model = lightgbm.train(
        {"objective": "regression", **SMALL}, lightgbm.Dataset(matrix, signal), 30, [valid], callbacks=[stop]
    )
    assert 1 < model.best_iteration < 30
    step = compiled(model, "predict")
    assert agree(step, reference(model), rows(step, 100, MISSING))
    regressor = lightgbm.LGBMRegressor(**TREES).fit(matrix, signal)
    assert agree(compiled(regressor, "predict"), reference(regressor), matrix)


def test_what_has_no_table_is_declined() -> None:
    matrix, signal = data()
    linear = lightgbm.train(
        {"objective": "regression", "linear_tree": True, **SMALL}, lightgbm.Dataset(matrix, signal), 3
    )
    assert compile_estimator(linear, "predict") is None
    frame = pd.DataFrame(matrix).assign(kind=pd.Categorical(np.where(signal > 0, "a", "b")))
    assert compile_estimator(lightgbm.train({**SMALL}, lightgbm.Dataset(frame, signal), 3), "predict") is None
    stopping = lightgbm.LGBMClassifier(pred_early_stop=True, **TREES).fit(matrix, signal > 0)
    assert compile_estimator(stopping, "predict") is None
    own = lightgbm.LGBMClassifier(objective=lambda truth, score: (score - truth, np.ones_like(score)), **TREES)
    assert compile_estimator(own.fit(matrix, signal > 0), "predict") is None
    assert compile_estimator(booster("binary"), "predict_proba") is None


def test_without_the_library_the_tables_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(package: str, error: str) -> Any:
        raise OSError(f"{package} is not installed")

    monkeypatch.setattr(trees_library, "_library", gone)
    step: Any = compiled(booster("multiclass"), "predict")
    assert step.library.predict is None and step.library.predict_row is None
    same(step.predict(data()[0]), booster("multiclass").predict(data()[0]))


def test_a_library_of_another_shape_is_not_called() -> None:
    """It would write beyond the results, or take what lacks for zeros."""
    step, row = step_of("multiclass"), data()[0][:1]
    other = replace(step, library=replace(step.library, outputs=step.library.outputs - 1))
    assert other.library.predict is None and other.library.predict_row is None
    assert other.predict(row).tobytes() == step.predict(row).tobytes()
    with pytest.raises(Declined):
        step.library.predict_row(row[0].tolist()[:-1])
    assert step.predict_row(row[0].tolist()[:-1]) is None


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", OBJECTIVES)
@soak
@given(kind=kinds())
def test_ten_thousand_frames_of_a_family(name: str, kind: Kind) -> None:
    step = step_of(name)
    made = frames(step, kind, [*MISSING, *INFINITE])
    assert agree_on(step, reference(booster(name)), made) == len(made)
