"""Trees of scikit-learn as node tables: the same bits as the library, or declined."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from sklearn import ensemble, tree

from brickyard.scoring.plan.steps import Declined, compile_estimator
from tests.scoring.plan.soaking import soak
from tests.scoring.plan.tree_frames import Kind, agree_on, frames, kinds
from tests.scoring.plan.tree_rows import INFINITE, MISSING, agree, compiled, one_thread, rows

__all__ = ["one_thread"]
SMALL = {"n_estimators": 12, "max_depth": 5, "random_state": 0}
HIST = {"max_iter": 12, "max_leaf_nodes": 9, "early_stopping": False, "random_state": 0}


def data(target: str, *, missing: bool = False, categories: bool = False) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(400, 5))
    matrix[:, 1] = np.round(matrix[:, 1], 1)
    matrix[:, 2] = random.integers(0, 4, 400)
    if categories:
        matrix[:, 4] = random.choice([-3.0, 0.0, 2.0, 7.5, 300.0, 1e9], 400)
    signal = matrix[:, 0] + np.abs(matrix[:, 1]) + np.sin(3 * matrix[:, 4]) + random.normal(scale=0.3, size=400)
    if missing:
        matrix[random.random(matrix.shape) < 0.1] = np.nan
    kinds = {
        "number": signal,
        "numbers": np.column_stack([signal, -signal]),
        "positive": np.exp(signal),
        "two": np.where(signal > 0.5, "late", "on time"),
        "three": np.digitize(signal, [0, 1]),
        "nine": np.digitize(signal, np.linspace(-1, 3, 8)),
        "pairs": np.column_stack([signal > 0.5, signal > 1]),
    }
    return matrix, kinds[target]


MODELS: dict[str, tuple[Any, str, str, bool]] = {
    "tree": (tree.DecisionTreeClassifier(max_depth=5), "two", "both", True),
    "tree of one leaf": (tree.DecisionTreeClassifier(max_depth=5, min_samples_leaf=300), "two", "both", False),
    "tree regressor": (tree.DecisionTreeRegressor(max_depth=6), "number", "predict", True),
    "tree regressor, two outputs": (tree.DecisionTreeRegressor(max_depth=6), "numbers", "predict", False),
    "extra tree": (tree.ExtraTreeRegressor(max_depth=6, random_state=0), "number", "predict", False),
    "forest": (ensemble.RandomForestClassifier(**SMALL), "three", "both", True),
    "forest regressor": (ensemble.RandomForestRegressor(**SMALL), "number", "predict", False),
    "forest regressor, two outputs": (ensemble.RandomForestRegressor(**SMALL), "numbers", "predict", True),
    "extra trees": (ensemble.ExtraTreesClassifier(**SMALL), "nine", "both", False),
    "extra trees regressor": (ensemble.ExtraTreesRegressor(**SMALL), "number", "predict", True),
    "boosting": (ensemble.GradientBoostingClassifier(**SMALL), "two", "both", False),
    "boosting, exponential": (ensemble.GradientBoostingClassifier(loss="exponential", **SMALL), "two", "both", False),
    "boosting, three classes": (ensemble.GradientBoostingClassifier(**SMALL), "three", "both", False),
    "boosting, nine classes": (ensemble.GradientBoostingClassifier(**SMALL), "nine", "both", False),
    "boosting, no start": (ensemble.GradientBoostingClassifier(init="zero", **SMALL), "two", "both", False),
    "boosting regressor": (ensemble.GradientBoostingRegressor(loss="huber", **SMALL), "number", "predict", False),
    "histogram": (ensemble.HistGradientBoostingClassifier(**HIST), "two", "both", True),
    "histogram, three classes": (
        ensemble.HistGradientBoostingClassifier(categorical_features=[2, 4], **HIST),
        "three",
        "both",
        True,
    ),
    "histogram, nine classes": (ensemble.HistGradientBoostingClassifier(**HIST), "nine", "predict", False),
    "histogram regressor": (
        ensemble.HistGradientBoostingRegressor(categorical_features=[4], **HIST),
        "number",
        "predict",
        True,
    ),
    "histogram regressor, poisson": (
        ensemble.HistGradientBoostingRegressor(loss="poisson", **HIST),
        "positive",
        "predict",
        False,
    ),
}
CASES = [
    (name, function)
    for name, (_, _, functions, _) in MODELS.items()
    for function in (["predict", "predict_proba"] if functions == "both" else [functions])
]


@cache
def fitted(name: str) -> Any:
    estimator, target, _, missing = MODELS[name]
    matrix, labels = data(target, missing=missing, categories=name.startswith("histogram"))
    return estimator.fit(matrix, labels)


@cache
def step_of(name: str, function: str) -> Any:
    return compiled(fitted(name), function)


@pytest.mark.parametrize(("name", "function"), CASES)
def test_predictions_have_the_bits_of_scikit_learn(name: str, function: str) -> None:
    step, reference = step_of(name, function), getattr(fitted(name), function)
    matrix = data("number", missing=step.takes_missing)[0]
    assert agree(step, reference, matrix)
    assert agree(step, reference, matrix.astype(np.float32))
    assert agree(step, reference, np.round(np.nan_to_num(matrix)).astype(np.int64))
    edges = rows(step, 300, MISSING if step.takes_missing else [])
    if step.precision == "float32":
        edges = np.clip(edges, -1e38, 1e38)
    assert agree(step, reference, edges)


@pytest.mark.parametrize("name", MODELS)
def test_what_scikit_learn_refuses_is_declined(name: str) -> None:
    step, estimator = step_of(name, "predict"), fitted(name)
    for value in [np.nan, np.inf, -np.inf, 1e300]:
        for feature in range(5):
            matrix = np.ones((2, 5))
            matrix[1, feature] = value
            try:
                expected = estimator.predict(matrix)
            except ValueError:
                with pytest.raises(Declined):
                    step.predict(matrix)
            else:
                assert step.predict(matrix).tobytes() == expected.tobytes()


def test_what_has_no_table_is_declined() -> None:
    matrix, pairs = data("pairs")
    labels = pairs[:, 0]
    assert compile_estimator(tree.DecisionTreeClassifier().fit(matrix, pairs), "predict") is None
    assert compile_estimator(fitted("histogram, nine classes"), "predict_proba") is None
    start = tree.DecisionTreeClassifier(max_depth=1)
    boosting = ensemble.GradientBoostingClassifier(n_estimators=2, init=start).fit(matrix, labels)
    assert compile_estimator(boosting, "predict") is None
    assert compile_estimator(fitted("tree"), "predict_log_proba") is None


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::RuntimeWarning:sklearn", "ignore::RuntimeWarning:numpy")
@pytest.mark.parametrize(("name", "function"), CASES)
@soak
@given(kind=kinds())
def test_ten_thousand_frames_of_a_family(name: str, function: str, kind: Kind) -> None:
    """Frames with neither gaps nor numbers beyond float32 are all answered."""
    step, reference = step_of(name, function), getattr(fitted(name), function)
    made = frames(step, kind, [*MISSING, *INFINITE, 1e300])
    if kind.gaps < 100:
        made = [np.clip(frame, -1e38, 1e38) for frame in made]
    answered = agree_on(step, reference, made, ValueError)
    assert answered == len(made) or kind.gaps
