"""Real models of several kinds, saved as MLflow saves them, with ten columns of flights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NUMERIC = {f"n{i}": "float64" for i in range(10)}
COLUMNS = {**NUMERIC, "month": "int64", "hour": "int32", "gust": "float32", "weekend": "bool", "distance": "float64"}
CARRIERS = ["AA", "B6", "DL", "UA"]


def rows(count: int, seed: int = 0) -> pd.DataFrame:
    """Rows with some missing values."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({name: random.normal(size=count) for name in COLUMNS})
    frame.loc[random.random(count) < 0.1, ["n1", "gust"]] = np.nan
    frame["month"], frame["hour"] = random.integers(1, 13, count), random.integers(0, 24, count)
    frame["weekend"] = random.random(count) < 0.3
    return frame.astype(COLUMNS)


def mixed_rows(count: int, seed: int = 0) -> pd.DataFrame:
    """Rows with a text column too."""
    random = np.random.default_rng(seed + 1)
    return rows(count, seed).assign(carrier=random.choice(CARRIERS, count).astype(object))


def _label(frame: pd.DataFrame) -> pd.Series:
    noise = np.random.default_rng(9).normal(size=len(frame))
    return ((frame["n0"] + frame["n1"].fillna(0.5) + frame["hour"] / 12 + noise) > 1).astype(int)


def _save(module: Any, model: Any, path: Path, frame: pd.DataFrame, **extra: Any) -> Path:
    from mlflow.models import infer_signature

    signature = infer_signature(frame, np.array([0.5]))
    module.save_model(model, str(path), signature=signature, pip_requirements=[], **extra)
    return path


def booster(path: Path, *, seed: int = 0, rounds: int = 40) -> Path:
    """A LightGBM booster: probabilities."""
    import lightgbm
    import mlflow.lightgbm

    frame = rows(2000, seed)
    data = lightgbm.Dataset(frame, _label(frame))
    model = lightgbm.train({"objective": "binary", "num_threads": 1, "verbose": -1}, data, rounds)
    return _save(mlflow.lightgbm, model, path, frame, input_example=frame.head(3))


def classifier(path: Path) -> Path:
    """A LightGBM classifier logged as scikit-learn, answering probabilities of both classes."""
    import lightgbm
    import mlflow.sklearn

    frame = rows(2000)
    model = lightgbm.LGBMClassifier(n_estimators=30, n_jobs=2, verbose=-1).fit(frame, _label(frame))
    return _save(
        mlflow.sklearn, model, path, frame, pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
    )


def labels(path: Path) -> Path:
    """A LightGBM classifier logged as LightGBM, answering labels of text."""
    import lightgbm
    import mlflow.lightgbm

    frame = rows(2000)
    target = np.where(_label(frame) == 1, "late", "on time")
    model = lightgbm.LGBMClassifier(n_estimators=30, verbose=-1).fit(frame, target)
    return _save(mlflow.lightgbm, model, path, frame)


def pipeline(path: Path) -> Path:
    """A scikit-learn pipeline with a text column: one-hot and ordinal columns into a forest."""
    import mlflow.sklearn
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = mixed_rows(500)
    encode = ColumnTransformer(
        [("text", OneHotEncoder(handle_unknown="ignore"), ["carrier"]), ("rest", SimpleImputer(), list(COLUMNS))]
    )
    model = make_pipeline(encode, RandomForestClassifier(12, max_depth=6, n_jobs=2, random_state=0))
    model.fit(frame, _label(frame))
    return _save(
        mlflow.sklearn, model, path, frame, pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
    )


def custom(path: Path) -> Path:
    """A model of the user's own code, with a parameter, answering a frame."""
    import mlflow.pyfunc
    from mlflow.models import infer_signature

    code = path.parent / "own_model.py"
    code.write_text(_OWN_MODEL)
    frame = mixed_rows(5)
    signature = infer_signature(frame, pd.DataFrame({"delay": [0.5], "text": ["a"]}), {"scale": 1.0})
    mlflow.pyfunc.save_model(str(path), python_model=str(code), signature=signature, pip_requirements=[])
    return path


KINDS: dict[str, Callable[[Path], Path]] = {
    "booster": booster,
    "classifier": classifier,
    "labels": labels,
    "pipeline": pipeline,
    "custom": custom,
}

_OWN_MODEL = """
import mlflow
import pandas as pd


class Own(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        scale = (params or {}).get("scale", 1.0)
        delay = model_input["n0"] * scale + model_input["distance"].fillna(0) / 3
        return pd.DataFrame({"delay": delay, "text": model_input["carrier"].fillna("?").astype(str) + "!"})


mlflow.models.set_model(Own())
"""
