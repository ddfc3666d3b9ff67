"""Models of trees, in one process and on one thread: their plan beside `pyfunc.predict`, for 1, 100 and 10,000 rows.

Predictions are compared first, bit for bit. HTTP and JSON are not in these figures (see `online_scoring`).
"""

from __future__ import annotations

import os
import statistics
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_ROWS = {1: 60, 100: 20, 10_000: 3}
# How many times faster than pyfunc a plan has to be.
_BARS = {1: 15.0, 100: 5.0, 10_000: 1.0}


def _models() -> dict[str, tuple[str, Callable[[], Any]]]:
    import lightgbm
    import xgboost
    from sklearn import ensemble

    return {
        "forest, 100 trees, depth 12": ("sklearn", lambda: ensemble.RandomForestClassifier(100, max_depth=12)),
        "gradient boosting, 100 trees": ("sklearn", lambda: ensemble.GradientBoostingClassifier(n_estimators=100)),
        "histogram boosting, 100 trees": ("sklearn", lambda: ensemble.HistGradientBoostingClassifier(max_iter=100)),
        "LightGBM, 200 trees": ("lightgbm", lambda: lightgbm.LGBMClassifier(n_estimators=200, n_jobs=1, verbose=-1)),
        "XGBoost, 200 trees": ("xgboost", lambda: xgboost.XGBClassifier(n_estimators=200, n_jobs=1)),
    }


def _frame(rows: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({f"n{i}": random.normal(size=rows) for i in range(10)})


def _load(flavor: str, model: Any, folder: Path) -> Any:
    import mlflow.lightgbm
    import mlflow.sklearn
    import mlflow.xgboost
    from mlflow.models import infer_signature

    from brickyard.scoring.model import load_model

    frame = _frame(20_000)
    noise = np.random.default_rng(1).normal(size=len(frame))
    model.fit(frame, (frame["n0"] + frame["n1"] ** 2 + noise > 1).astype(int))
    options: dict[str, Any] = {"serialization_format": "cloudpickle"} if flavor == "sklearn" else {}
    signature = infer_signature(frame, np.array([0]))
    getattr(mlflow, flavor).save_model(model, str(folder), signature=signature, pip_requirements=[], **options)
    return load_model(folder)


def _measure(name: str, model: Any) -> bool:
    from _timing import seconds

    met = True
    for rows, runs in _ROWS.items():
        frame = _frame(rows, seed=rows)
        columns = {column: frame[column].to_numpy() for column in frame}
        if model.plan.predict_arrays(columns).tobytes() != model.pyfunc.predict(frame).tobytes():
            raise SystemExit(f"{name}: the plan does not predict what pyfunc predicts")
        ours = statistics.median(seconds(lambda columns=columns: model.plan.predict_arrays(columns), runs=runs))
        theirs = statistics.median(seconds(lambda frame=frame: model.pyfunc.predict(frame), runs=runs))
        met &= theirs / ours >= _BARS[rows]
        times = f"plan {ours * 1e6:,.0f} us, pyfunc {theirs * 1e6:,.0f} us"
        print(f"{name}, {rows:,} rows: {times}, {theirs / ours:.1f} times (bar {_BARS[rows]})", flush=True)
    return met


def main() -> None:
    """Train, load and measure each model."""
    warnings.simplefilter("ignore")
    os.environ["OMP_NUM_THREADS"] = "1"
    missed = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["BRICKYARD_HOME"] = home
        for number, (name, (flavor, make)) in enumerate(_models().items()):
            model = _load(flavor, make(), Path(home) / f"model{number}")
            if model.rung != "plan":
                raise SystemExit(f"{name} has no plan")
            if not _measure(name, model):
                missed.append(name)
    print(f"bars missed: {', '.join(missed)}" if missed else "every bar is met")


if __name__ == "__main__":
    main()
