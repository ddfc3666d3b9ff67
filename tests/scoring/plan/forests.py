"""Models of trees on the columns of numbers, as MLflow saves them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.scoring.plan import pipelines

COLUMNS = [name for name, kind in pipelines.COLUMNS.items() if kind != "string"]


def _answers(classes: int) -> np.ndarray:
    """Classes, or numbers where there are none."""
    target = pipelines.target(pipelines.rows(), classes or 2)
    return target if classes else np.asarray(pipelines.rows()["n0"] * 2 + target)


def _scikit(kind: str, classes: int = 0, **options: Any) -> Any:
    from sklearn import ensemble, tree
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    model = (getattr(ensemble, kind, None) or getattr(tree, kind))(random_state=0, **options)
    if kind == "GradientBoostingClassifier":  # has no way for missing values
        model = make_pipeline(SimpleImputer(), model)
    return model.fit(pipelines.rows()[COLUMNS], _answers(classes))


def _lightgbm(objective: str, classes: int = 0) -> Any:
    import lightgbm

    frame = pipelines.rows()[COLUMNS]
    params = {"objective": objective, "verbose": -1, "num_threads": 1, "seed": 0}
    params |= {"num_class": classes} if classes > 2 else {}
    return lightgbm.train(params, lightgbm.Dataset(frame, _answers(classes), categorical_feature=["l"]), 15)


def _xgboost(objective: str, classes: int = 0) -> Any:
    import xgboost

    params = {"objective": objective, "nthread": 1, "seed": 0} | ({"num_class": classes} if classes > 2 else {})
    return xgboost.train(params, xgboost.DMatrix(pipelines.rows()[COLUMNS], _answers(classes)), 15)


# Family: the flavor, the fitted model, and what the flavor is told.
FORESTS: dict[str, tuple[str, Callable[[], Any], dict[str, Any]]] = {
    "a tree": ("sklearn", lambda: _scikit("DecisionTreeRegressor", max_depth=6), {}),
    "random forest": ("sklearn", lambda: _scikit("RandomForestRegressor", n_estimators=12, n_jobs=1), {}),
    "probabilities of a random forest": (
        "sklearn",
        lambda: _scikit("RandomForestClassifier", 3, n_estimators=12, n_jobs=1),
        {"pyfunc_predict_fn": "predict_proba"},
    ),
    "extra trees": ("sklearn", lambda: _scikit("ExtraTreesClassifier", 2, n_estimators=12, n_jobs=1), {}),
    "gradient boosting": ("sklearn", lambda: _scikit("GradientBoostingClassifier", 3, n_estimators=12), {}),
    "histogram boosting": (
        "sklearn",
        lambda: _scikit("HistGradientBoostingClassifier", 2, max_iter=12),
        {"pyfunc_predict_fn": "predict_proba"},
    ),
    "LightGBM, regression": ("lightgbm", lambda: _lightgbm("regression"), {}),
    "LightGBM, binary": ("lightgbm", lambda: _lightgbm("binary", 2), {}),
    "LightGBM, three classes": ("lightgbm", lambda: _lightgbm("multiclass", 3), {}),
    "XGBoost, regression": ("xgboost", lambda: _xgboost("reg:squarederror"), {}),
    "XGBoost, binary": ("xgboost", lambda: _xgboost("binary:logistic", 2), {}),
    "XGBoost, three classes": ("xgboost", lambda: _xgboost("multi:softprob", 3), {}),
}


def save(family: str, path: Path) -> Path:
    """Fit and save a model of a family with a signature of the columns of numbers."""
    import importlib

    from mlflow.models import infer_signature

    flavor, make, options = FORESTS[family]
    if flavor == "sklearn":
        options = {**options, "serialization_format": "cloudpickle"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signature = infer_signature(pd.DataFrame(pipelines.rows()[COLUMNS]), np.array([0.5]))
        module = importlib.import_module(f"mlflow.{flavor}")
        module.save_model(make(), str(path), signature=signature, pip_requirements=[], **options)
    return path
