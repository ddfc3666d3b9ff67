"""LightGBM's boosters as node tables, read from the model's text.

What has no table: linear trees, columns that were pandas categories (LightGBM refuses a frame without them),
classifiers with an objective of their own, early stopping of predictions, and objectives that are not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from brickyard.scoring.plan.steps import Estimator, compiles
from brickyard.scoring.plan.trees import NO_CLASSES, NO_FEATURES, TreeEnsemble
from brickyard.scoring.plan.trees_build import MISSING_LEFT, MISSING_RIGHT, MISSING_ZERO, Tree, build_table
from brickyard.scoring.plan.trees_library import LightGBMLibrary
from brickyard.scoring.plan.trees_table import CategoryView

__all__: list[str] = []

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_ZERO, _MISSING_NAN = 1, 2
_LINKS = {
    "": "identity",
    "binary": "logistic",
    "cross_entropy": "logistic",
    "cross_entropy_lambda": "log1p exp",
    "fair": "identity",
    "gamma": "exp",
    "huber": "identity",
    "lambdarank": "identity",
    "mape": "identity",
    "multiclass": "softmax",
    "multiclassova": "logistic",
    "poisson": "exp",
    "quantile": "identity",
    "rank_xendcg": "identity",
    "regression": "identity",
    "regression_l1": "identity",
    "tweedie": "exp",
}


@compiles("lightgbm.Booster")
def _booster(booster: Any, function: str) -> Estimator | None:
    return _ensemble(booster, "", NO_CLASSES) if function == "predict" else None


@compiles("lightgbm.LGBMRegressor")
def _regressor(estimator: Any, function: str) -> Estimator | None:
    if function != "predict" or _odd_parameters(estimator):
        return None
    return _ensemble(estimator.booster_, "", NO_CLASSES)


@compiles("lightgbm.LGBMClassifier")
def _classifier(estimator: Any, function: str) -> Estimator | None:
    if callable(estimator.objective_) or _odd_parameters(estimator):
        return None
    classes = np.asarray(estimator.classes_)
    many = estimator.n_classes_ > 2
    answers = {"predict": "label" if many else "label of pair", "predict_proba": "matrix" if many else "pair"}
    answer = answers.get(function)
    return _ensemble(estimator.booster_, answer, classes) if answer else None


def _odd_parameters(estimator: Any) -> bool:
    """Whether predictions are of another kind, or of some of the trees."""
    return any("pred" in name or "iteration_" in name or name == "raw_score" for name in estimator.get_params())


def _ensemble(booster: Any, answer: str, classes: np.ndarray) -> Estimator | None:
    text = booster.model_to_string()
    header, trees = _parse(text)
    name, *options = header.get("objective", "").split(" ")
    link = _LINKS.get(name)
    if (
        booster.pandas_categorical
        or link is None
        or not trees
        or any("1" in tree.get("is_linear", "") for tree in trees)
    ):
        return None
    if "sqrt" in options:
        link = "signed square"
    outputs = int(header["num_tree_per_iteration"])
    sigmoid = next((float(option[8:]) for option in options if option.startswith("sigmoid:")), 1.0)
    return TreeEnsemble(
        table=build_table([_tree(tree, number % outputs) for number, tree in enumerate(trees)], outputs),
        features=int(header["max_feature_idx"]) + 1,
        precision="float64",
        start=np.zeros(outputs),
        takes_missing=True,
        largest=np.inf,
        tiny_is_zero=True,
        finite_features=NO_FEATURES,
        divisor=float(len(trees) // outputs) if "average_output" in header else 1.0,
        link=link,
        scale=sigmoid,
        answer=answer or ("column" if outputs == 1 else "matrix"),
        classes=classes,
        library=LightGBMLibrary(np.frombuffer(text.encode(), dtype=np.uint8), outputs),
    )


def _parse(text: str) -> tuple[Mapping[str, str], list[Mapping[str, str]]]:
    """Return the header and the trees as mappings of keys to text."""
    sections: list[dict[str, str]] = [{}]
    for line in text.partition("\nend of trees")[0].split("\n"):
        key, _, value = line.partition("=")
        if key == "Tree":
            sections.append({})
        sections[-1][key] = value
    return sections[0], list(sections[1:])


def _tree(tree: Mapping[str, str], output: int) -> Tree:
    leaves = int(tree["num_leaves"])
    inner = leaves - 1
    kinds = _numbers(tree, "decision_type", np.int64, inner)
    missing_type, default = kinds >> 2 & 3, np.where(kinds & _DEFAULT_LEFT, MISSING_LEFT, MISSING_RIGHT)
    unused = np.full(leaves, -1)
    return Tree(
        left=np.concatenate([_children(tree, "left_child", inner), unused]),
        right=np.concatenate([_children(tree, "right_child", inner), unused]),
        feature=_padded(_numbers(tree, "split_feature", np.int64, inner), leaves),
        threshold=_padded(_numbers(tree, "threshold", np.float64, inner), leaves),
        missing=_padded(np.where(missing_type == 0, MISSING_ZERO, default), leaves),
        zero_missing=_padded(missing_type == _MISSING_ZERO, leaves),
        values=np.concatenate([np.zeros(inner), _numbers(tree, "leaf_value", np.float64, leaves)]),
        categories=dict(_categories(tree, kinds)),
        output=output,
    )


def _children(tree: Mapping[str, str], side: str, inner: int) -> np.ndarray:
    """Children by inner node, where leaves follow all inner nodes."""
    children = _numbers(tree, side, np.int64, inner)
    return np.where(children < 0, inner + ~children, children)


def _categories(tree: Mapping[str, str], kinds: np.ndarray) -> Iterator[tuple[int, CategoryView]]:
    """Sets by node: their members go left, everything else goes right."""
    nodes = np.flatnonzero(kinds & _CATEGORICAL)
    if not len(nodes):
        return
    thresholds = _numbers(tree, "threshold", np.float64, len(kinds))
    bounds = np.array(tree["cat_boundaries"].split(), dtype=np.int64)
    words = np.array(tree["cat_threshold"].split(), dtype="<u4")
    for node in nodes:
        index = int(thresholds[node])
        bits = np.unpackbits(words[bounds[index] : bounds[index + 1]].view(np.uint8), bitorder="little")
        members = np.flatnonzero(bits).astype(np.float64)
        if not len(members):
            members = np.array([-1.0])
        left = members >= 0
        yield int(node), CategoryView(0, members, left, other_left=False, missing_left=False, rounding="truncate")


def _numbers(tree: Mapping[str, str], key: str, dtype: Any, count: int) -> np.ndarray:
    values = np.array(tree.get(key, "").split(), dtype=dtype)
    if len(values) != count:
        raise ValueError(f"a tree has {len(values)} of {key}, not {count}")
    return values


def _padded(values: np.ndarray, leaves: int) -> np.ndarray:
    return np.concatenate([values, np.zeros(leaves, dtype=values.dtype)])
