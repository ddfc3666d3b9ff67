"""Scikit-learn pipelines of every family that has a plan, fitted on rows with every type of column."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

DTYPES = {"double": "float64", "float": "float32", "integer": "int32", "long": "int64", "boolean": "bool"}
COLUMNS = {
    **{f"n{i}": "double" for i in range(4)},
    "gap": "double",
    "f": "float",
    "i": "integer",
    "l": "long",
    "b": "boolean",
    "carrier": "string",
    "place": "string",
}
CARRIERS = ("AA", "B6", "DL", "UA", "WN", "é")
PLACES = ("home", "away", "")
NUMBERS = ["n0", "n1", "n2", "n3"]
TEXTS = ["carrier", "place"]


@lru_cache
def rows(count: int = 400, seed: int = 0) -> pd.DataFrame:
    """Rows that a model is fitted on; `gap` has missing values."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({name: random.normal(size=count) for name in NUMBERS})
    frame["gap"] = np.where(random.random(count) < 0.2, np.nan, random.normal(3, 2, count))
    frame["f"] = random.normal(size=count).astype("float32")
    frame["i"] = random.integers(-20, 20, count).astype("int32")
    frame["l"] = random.integers(0, 5, count)
    frame["b"] = random.random(count) < 0.4
    frame["carrier"] = random.choice(CARRIERS, count, p=[0.4, 0.3, 0.2, 0.06, 0.02, 0.02]).astype(object)
    frame["place"] = random.choice(PLACES, count).astype(object)
    return frame


def frame_of(columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame(dict(columns))


def target(frame: pd.DataFrame, classes: int = 2) -> np.ndarray:
    noise = np.random.default_rng(9).normal(size=len(frame)) / 4
    score = frame["n0"] - frame["n1"] / 2 + (frame["carrier"] == "AA") + noise
    return np.asarray(pd.qcut(score, classes, labels=False))


def _encode(*columns: Any, rest: Any = "drop", sparse: float = 0.3) -> Any:
    from sklearn.compose import ColumnTransformer

    named = [(f"part{position}", *column) for position, column in enumerate(columns)]
    return ColumnTransformer(named, remainder=rest, sparse_threshold=sparse)


def _logistic(sparse: float, classes: int = 2, labels: tuple[Any, ...] = ()) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encode = _encode((StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), TEXTS), sparse=sparse)
    answers = target(rows(), classes)
    return make_pipeline(encode, LogisticRegression(max_iter=40)), np.array(labels)[answers] if labels else answers


def _imputed() -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, RobustScaler

    encode = _encode(
        (make_pipeline(SimpleImputer(add_indicator=True), RobustScaler()), ["gap", *NUMBERS, "f", "i"]),
        (SimpleImputer(strategy="median"), ["gap"]),
        (
            make_pipeline(
                SimpleImputer(missing_values=None, strategy="constant", fill_value="AA"),
                OneHotEncoder(min_frequency=50, handle_unknown="infrequent_if_exist"),
            ),
            TEXTS,
        ),
        rest="passthrough",
    )
    return make_pipeline(encode, LogisticRegression(max_iter=40)), target(rows())


def _ordinal() -> Any:
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, OrdinalEncoder, StandardScaler

    encode = _encode(
        (MinMaxScaler(clip=True), ["n0", "f", "i"]),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [*TEXTS, "l", "b"]),
        ("drop", ["n1", "gap"]),
        (MaxAbsScaler(), ["f"]),
        (FunctionTransformer(), ["i", "b"]),
        rest="passthrough",
    )
    return make_pipeline(encode, StandardScaler(), RidgeClassifier()), target(rows(), 3)


def _strict(estimator: Any, sparse: float) -> Any:
    """Values that are not known are an error; a category of each column has no feature."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encode = _encode(
        (StandardScaler(with_mean=False), [*NUMBERS, "i"]),
        (OneHotEncoder(drop="first"), [*TEXTS, "b"]),
        (OneHotEncoder(drop="if_binary", handle_unknown="ignore"), ["b", "l"]),
        sparse=sparse,
    )
    return make_pipeline(encode, estimator), rows()["n0"] * 2 + target(rows())


def _ridge() -> Any:
    from sklearn.linear_model import Ridge

    return _strict(Ridge(), 0.0)


def _lasso() -> Any:
    from sklearn.linear_model import Lasso

    return _strict(Lasso(0.01), 1.0)


def _two_outputs() -> Any:
    from sklearn.linear_model import LinearRegression

    model, answers = _strict(LinearRegression(), 0.0)
    return model, np.column_stack([answers, answers + rows()["n1"]])


def _floats() -> Any:
    """Features of float32 all the way."""
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(_encode((StandardScaler(), ["f"])), SGDClassifier(random_state=0)), target(rows())


def _trees(sparse: float) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return _strict(GradientBoostingRegressor(n_estimators=8, random_state=0), sparse)


# Family: the fitted parts, and the function of the pyfunc.
FAMILIES: dict[str, tuple[Callable[[], Any], str]] = {
    "labels, sparse": (lambda: _logistic(1.0), "predict"),
    "text labels, dense": (lambda: _logistic(0.0, labels=("late", "on time")), "predict"),
    "three labels, dense": (lambda: _logistic(0.0, 3, labels=(True, False, None)[:0]), "predict"),
    "probabilities, sparse": (lambda: _logistic(1.0), "predict_proba"),
    "probabilities, dense": (lambda: _logistic(0.0), "predict_proba"),
    "three probabilities, sparse": (lambda: _logistic(1.0, 3), "predict_proba"),
    "imputed": (_imputed, "predict"),
    "imputed probabilities": (_imputed, "predict_proba"),
    "ordinal": (_ordinal, "predict"),
    "regression, dense": (_ridge, "predict"),
    "regression, sparse": (_lasso, "predict"),
    "two outputs": (_two_outputs, "predict"),
    "float32": (_floats, "predict"),
    "trees": (lambda: _trees(0.0), "predict"),
    "trees of a sparse matrix": (lambda: _trees(1.0), "predict"),
}
# Those whose encoders refuse texts that they do not know.
REFUSE_TEXTS = {"regression, dense", "regression, sparse", "two outputs", "trees", "trees of a sparse matrix"}


def save(family: str, path: Path) -> Path:
    """Fit and save a model of a family with a signature of all columns."""
    import mlflow.sklearn
    from mlflow.models import infer_signature

    make, function = FAMILIES[family]
    model, answers = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows(), answers)
        signature = infer_signature(rows(), np.array([0.5]))
        mlflow.sklearn.save_model(
            model,
            str(path),
            signature=signature,
            pip_requirements=[],
            pyfunc_predict_fn=function,
            serialization_format="cloudpickle",
        )
    return path
