"""scikit-learn's histogram gradient boosting as a node table; see `trees_sklearn` for what has none."""

from __future__ import annotations

from typing import Any

import numpy as np

from brickyard.scoring.plan.steps import Estimator, compiles
from brickyard.scoring.plan.trees import NO_CLASSES, TreeEnsemble
from brickyard.scoring.plan.trees_build import Tree, build_table
from brickyard.scoring.plan.trees_sklearn import boosted_classes
from brickyard.scoring.plan.trees_table import CategoryView

__all__: list[str] = []

_REGRESSION_LINKS = {"IdentityLink": "identity", "LogLink": "sklearn exp"}
# From here on numpy sums the exponentials of one row in another order than those of many.
_MOST_CLASSES = 7


@compiles("sklearn.HistGradientBoostingRegressor")
def _regressor(estimator: Any, function: str) -> Estimator | None:
    link = _REGRESSION_LINKS.get(type(estimator._loss.link).__name__)
    if function != "predict" or link is None:
        return None
    return _ensemble(estimator, (link, 1.0, "column"), NO_CLASSES)


@compiles("sklearn.HistGradientBoostingClassifier")
def _classifier(estimator: Any, function: str) -> Estimator | None:
    classes = np.asarray(estimator.classes_)
    outputs = estimator.n_trees_per_iteration_
    form = boosted_classes(type(estimator._loss).__name__, outputs, function, "label above zero")
    if form is None or (function == "predict_proba" and outputs > _MOST_CLASSES):
        return None
    return _ensemble(estimator, form, classes)


def _ensemble(estimator: Any, form: tuple[str, float, str], classes: np.ndarray) -> Estimator | None:
    known = _categories(estimator)
    baseline = np.ravel(estimator._baseline_prediction)
    if known is None or baseline.dtype != np.float64:
        return None
    order = _feature_order(estimator)
    trees = [
        _tree(predictor, order, known, output)
        for stage in estimator._predictors
        for output, predictor in enumerate(stage)
    ]
    table = build_table(trees, len(baseline))
    link, scale, answer = form
    return TreeEnsemble(
        table=table,
        features=int(estimator.n_features_in_),
        precision="float64",
        start=np.zeros(len(baseline)) + baseline,
        takes_missing=True,
        largest=np.inf,
        tiny_is_zero=False,
        finite_features=np.array(sorted(known), dtype=np.int64),
        divisor=1.0,
        link=link,
        scale=scale,
        answer=answer,
        classes=classes,
    )


def _feature_order(estimator: Any) -> np.ndarray:
    """Feature of the input by feature of the trees, where categories come first."""
    categorical = estimator.is_categorical_
    if categorical is None:
        return np.arange(estimator.n_features_in_)
    return np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])


def _categories(estimator: Any) -> dict[int, np.ndarray] | None:
    """Known categories by feature of the input, in the order of their codes; None where they are not numbers."""
    if estimator.is_categorical_ is None:
        return {}
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    known: dict[int, np.ndarray] = {}
    for feature, categories in zip(np.flatnonzero(estimator.is_categorical_), encoder.categories_, strict=True):
        if categories.dtype.kind not in "fiu" or not len(categories):
            return None
        values = categories.astype(np.float64)
        known[int(feature)] = values[~np.isnan(values)]
        if not len(known[int(feature)]) or np.abs(known[int(feature)]).max() > 2.0**53:
            return None
    return known


def _tree(predictor: Any, order: np.ndarray, known: dict[int, np.ndarray], output: int) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    feature = order[np.where(leaf, 0, nodes["feature_idx"])]
    sets = {
        int(node): _category_view(predictor, nodes[node], known[int(feature[node])])
        for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
    }
    return Tree(
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        feature=feature,
        threshold=nodes["num_threshold"],
        missing=nodes["missing_go_to_left"],
        values=nodes["value"],
        categories=sets,
        output=output,
    )


def _category_view(predictor: Any, node: Any, values: np.ndarray) -> CategoryView:
    words = np.ascontiguousarray(predictor.raw_left_cat_bitsets[node["bitset_idx"]], dtype="<u4")
    bits = np.unpackbits(words.view(np.uint8), bitorder="little").astype(bool)
    missing_left = bool(node["missing_go_to_left"])
    return CategoryView(0, values, bits[: len(values)], missing_left, missing_left, "none")
