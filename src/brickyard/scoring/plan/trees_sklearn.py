"""scikit-learn's trees, forests and gradient boosting as node tables.

What has no table: several outputs of a classifier, sparse input, custom `init` estimators of gradient boosting,
histogram boosting with text categories, and its probabilities of eight or more classes, whose last bits depend in
scikit-learn itself on how many rows are asked for at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from brickyard.scoring.plan.steps import Estimator, compiles
from brickyard.scoring.plan.trees import NO_CLASSES, NO_FEATURES, TreeEnsemble
from brickyard.scoring.plan.trees_build import Tree, build_table

__all__ = ["boosted_classes"]

_LARGEST = float(np.finfo(np.float32).max)
_CONSTANT_INITS = {
    "DummyClassifier": {"prior", "most_frequent", "constant"},
    "DummyRegressor": {"mean", "median", "quantile", "constant"},
}


@compiles("sklearn.DecisionTreeClassifier", "sklearn.ExtraTreeClassifier")
def _tree_classifier(estimator: Any, function: str) -> Estimator | None:
    return _classifier(estimator, [estimator], function)


@compiles("sklearn.RandomForestClassifier", "sklearn.ExtraTreesClassifier")
def _forest_classifier(estimator: Any, function: str) -> Estimator | None:
    return _classifier(estimator, estimator.estimators_, function)


@compiles("sklearn.DecisionTreeRegressor", "sklearn.ExtraTreeRegressor")
def _tree_regressor(estimator: Any, function: str) -> Estimator | None:
    return _regressor(estimator, [estimator], function)


@compiles("sklearn.RandomForestRegressor", "sklearn.ExtraTreesRegressor")
def _forest_regressor(estimator: Any, function: str) -> Estimator | None:
    return _regressor(estimator, estimator.estimators_, function)


def _classifier(estimator: Any, trees: list[Any], function: str) -> Estimator | None:
    answer = {"predict": "label", "predict_proba": "matrix"}.get(function)
    if answer is None or estimator.n_outputs_ != 1:
        return None
    classes = np.asarray(estimator.classes_)
    table = [_tree(tree, tree.tree_.value[:, 0, : len(classes)]) for tree in trees]
    return _forest(estimator, table, answer, classes, alone=trees == [estimator])


def _regressor(estimator: Any, trees: list[Any], function: str) -> Estimator | None:
    if function != "predict":
        return None
    answer = "column" if estimator.n_outputs_ == 1 else "matrix"
    table = [_tree(tree, tree.tree_.value[:, :, 0]) for tree in trees]
    return _forest(estimator, table, answer, NO_CLASSES, alone=trees == [estimator])


def _forest(estimator: Any, trees: list[Tree], answer: str, classes: np.ndarray, *, alone: bool) -> TreeEnsemble:
    table = build_table(trees)
    return TreeEnsemble(
        table=table,
        features=int(estimator.n_features_in_),
        precision="float32",
        start=np.zeros(0 if alone else table.outputs),
        takes_missing=bool(estimator.__sklearn_tags__().input_tags.allow_nan),
        largest=_LARGEST,
        tiny_is_zero=False,
        finite_features=NO_FEATURES,
        divisor=1.0 if alone else float(len(trees)),
        link="identity",
        scale=1.0,
        answer=answer,
        classes=classes,
    )


def _tree(estimator: Any, values: np.ndarray, output: int = 0) -> Tree:
    nodes = estimator.tree_.__getstate__()["nodes"]
    return Tree(
        left=nodes["left_child"],
        right=nodes["right_child"],
        feature=nodes["feature"],
        threshold=nodes["threshold"],
        missing=nodes["missing_go_to_left"],
        values=np.asarray(values, dtype=np.float64),
        output=output,
    )


@compiles("sklearn.GradientBoostingClassifier", "sklearn.GradientBoostingRegressor")
def _gradient_boosting(estimator: Any, function: str) -> Estimator | None:
    start = _start(estimator)
    if start is None:
        return None
    loss = type(estimator._loss).__name__
    if hasattr(estimator, "classes_"):
        form = boosted_classes(loss, len(start), function, "label from zero")
        classes = np.asarray(estimator.classes_)
    else:
        form, classes = ("identity", 1.0, "column") if function == "predict" else None, NO_CLASSES
    if form is None:
        return None
    trees = [
        _tree(tree, estimator.learning_rate * tree.tree_.value[:, 0, 0], output)
        for stage in estimator.estimators_
        for output, tree in enumerate(stage)
    ]
    return TreeEnsemble(
        table=build_table(trees, len(start)),
        features=int(estimator.n_features_in_),
        precision="float32",
        start=start,
        takes_missing=False,
        largest=_LARGEST,
        tiny_is_zero=False,
        finite_features=NO_FEATURES,
        divisor=1.0,
        link=form[0],
        scale=form[1],
        answer=form[2],
        classes=classes,
    )


def _start(estimator: Any) -> np.ndarray | None:
    """The raw prediction of `init`, where that is the same for every row."""
    init = estimator.init_
    if isinstance(init, str):
        return np.zeros(estimator.n_trees_per_iteration_) if init == "zero" else None
    if getattr(init, "strategy", None) not in _CONSTANT_INITS.get(type(init).__name__, set()):
        return None
    row = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    found: np.ndarray = estimator._raw_predict_init(row)[0]
    return found


def boosted_classes(loss: str, outputs: int, function: str, label: str) -> tuple[str, float, str] | None:
    """Return link, its scale, and answer of a boosted classifier; None where there are none."""
    if function == "predict":
        return "identity", 1.0, label if outputs == 1 else "label"
    if function != "predict_proba":
        return None
    return {
        "HalfBinomialLoss": ("expit", 1.0, "pair"),
        "ExponentialLoss": ("expit", 2.0, "pair"),
        "HalfMultinomialLoss": ("sklearn softmax", 1.0, "matrix"),
    }.get(loss)
