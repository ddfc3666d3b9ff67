"""XGBoost's boosters as node tables, read from the model's JSON.

XGBoost compares and sums single precision. What has no table: `gblinear` and `dart`, leaves with several values,
several targets, models that know the names of categories, a `missing` other than NaN, and objectives that are not
known here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from brickyard.scoring.plan.steps import Declined, Estimator, compiles
from brickyard.scoring.plan.trees import NO_CLASSES, NO_FEATURES, TreeEnsemble
from brickyard.scoring.plan.trees_build import MISSING_LEFT, MISSING_RIGHT, Tree, build_table
from brickyard.scoring.plan.trees_library import XGBoostLibrary
from brickyard.scoring.plan.trees_output import float_function
from brickyard.scoring.plan.trees_table import CategoryView

__all__: list[str] = []

# Beyond this a whole number may not be the same after it was a double.
_LARGEST = 2.0**53
_LINKS = {
    "binary:logistic": "float logistic",
    "binary:logitraw": "identity",
    "count:poisson": "float exp",
    "multi:softmax": "identity",
    "multi:softprob": "float softmax",
    "rank:map": "identity",
    "rank:ndcg": "identity",
    "rank:pairwise": "identity",
    "reg:absoluteerror": "identity",
    "reg:gamma": "float exp",
    "reg:logistic": "float logistic",
    "reg:pseudohubererror": "identity",
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:tweedie": "float exp",
}


@compiles("xgboost.Booster")
def _booster(booster: Any, function: str) -> Estimator | None:
    return _ensemble(booster, "", NO_CLASSES, 0) if function == "predict" else None


@compiles("xgboost.XGBRegressor", "xgboost.XGBRFRegressor")
def _regressor(estimator: Any, function: str) -> Estimator | None:
    if function != "predict" or not _usual(estimator):
        return None
    return _ensemble(estimator.get_booster(), "", NO_CLASSES, _rounds(estimator))


@compiles("xgboost.XGBClassifier", "xgboost.XGBRFClassifier")
def _classifier(estimator: Any, function: str) -> Estimator | None:
    count = int(estimator.n_classes_)
    many = {"predict": "label", "predict_proba": "matrix"}
    two = {"predict": "label above half", "predict_proba": "pair"}
    answer = (two if count == 2 else many).get(function)
    objective = "binary:logistic" if count == 2 else "multi:softprob"
    if answer is None or not _usual(estimator) or estimator.objective != objective:
        return None
    return _ensemble(estimator.get_booster(), answer, np.arange(count), _rounds(estimator))


def _usual(estimator: Any) -> bool:
    missing = estimator.missing
    return missing is None or (isinstance(missing, float) and math.isnan(missing))


def _rounds(estimator: Any) -> int:
    """How many rounds count; 0 for all."""
    try:
        return int(estimator.best_iteration) + 1
    except AttributeError:  # it was trained without early stopping
        return 0


def _ensemble(booster: Any, answer: str, classes: np.ndarray, rounds: int) -> Estimator | None:
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    gradient, objective = learner["gradient_booster"], learner["objective"]["name"]
    about = learner["learner_model_param"]
    if gradient["name"] != "gbtree" or objective not in _LINKS or int(about.get("num_target", "1")) > 1:
        return None
    model = gradient["model"]
    if model.get("cats", {}).get("enc"):
        return None
    outputs = max(1, int(about["num_class"]))
    start = _start(objective, about["base_score"], outputs)
    count = model["iteration_indptr"][rounds] if rounds else len(model["trees"])
    trees = model["trees"][:count]
    if start is None or not trees or any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in trees):
        return None
    usual = "float label" if objective == "multi:softmax" else "column" if outputs == 1 else "matrix"
    return TreeEnsemble(
        table=build_table([_tree(*pair) for pair in zip(trees, model["tree_info"], strict=False)], outputs),
        features=int(about["num_feature"]),
        precision="float32",
        start=start,
        takes_missing=True,
        largest=_LARGEST,
        tiny_is_zero=False,
        finite_features=NO_FEATURES,
        divisor=1.0,
        link=_LINKS[objective],
        scale=1.0,
        answer=answer or usual,
        classes=classes,
        library=_library(booster, outputs, rounds) if objective != "multi:softmax" else None,
    )


def _library(booster: Any, outputs: int, rounds: int) -> XGBoostLibrary:
    return XGBoostLibrary(np.frombuffer(bytes(booster.save_raw("ubj")), dtype=np.uint8), outputs, rounds)


def _start(objective: str, text: str, outputs: int) -> np.ndarray | None:
    """The margin that sums begin with, from the base score that the model has; None where it has none."""
    found = json.loads(text) if text.startswith("[") else [float(text)]
    scores = np.array(found, dtype=np.float32)
    try:
        margins = np.array([_margin(objective)(score) for score in scores], dtype=np.float32)
    except (Declined, ZeroDivisionError):
        return None
    if not np.isfinite(margins).all() or len(margins) not in (1, outputs):
        return None
    return np.zeros(outputs, dtype=np.float32) + margins


def _margin(objective: str) -> Callable[[np.float32], float]:
    link, one = _LINKS[objective], np.float32(1)
    if link == "float logistic":
        return lambda score: -float_function("logf")(float(one / score - one))
    if link == "float exp":
        return lambda score: float_function("logf")(float(score))
    return float


def _tree(tree: Mapping[str, Any], output: int) -> Tree:
    left = np.array(tree["left_children"], dtype=np.int64)
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    inner = left >= 0
    if not np.isfinite(conditions).all():
        raise ValueError("a split of XGBoost is finite")
    with np.errstate(under="ignore"):
        below = np.nextafter(conditions, np.float32(-np.inf))
    return Tree(
        left=left,
        right=np.array(tree["right_children"], dtype=np.int64),
        feature=np.where(inner, np.array(tree["split_indices"], dtype=np.int64), 0),
        threshold=below.astype(np.float64),
        missing=np.where(np.array(tree["default_left"], dtype=bool), MISSING_LEFT, MISSING_RIGHT),
        values=conditions,
        categories=dict(_categories(tree)),
        output=output,
    )


def _categories(tree: Mapping[str, Any]) -> Iterator[tuple[int, CategoryView]]:
    """Sets by node: their members go right, everything else goes left."""
    groups = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    for node, begin, size in groups:
        members = np.unique(np.array(tree["categories"][begin : begin + size], dtype=np.float64))
        left, default = np.zeros(len(members), dtype=bool), bool(tree["default_left"][node])
        yield int(node), CategoryView(0, members, left, other_left=True, missing_left=default, rounding="floor")
