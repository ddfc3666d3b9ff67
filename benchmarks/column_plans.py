"""Column plans beside pyfunc, in process: microseconds for 1, 100 and 10,000 rows; the start from a kept plan."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _timing import report, seconds

from brickyard.scoring.model import ScoringModel, load_model

NUMBERS = [f"n{i}" for i in range(6)]
TEXTS = [f"c{i}" for i in range(4)]
SIZES = {1: 300, 100: 100, 10_000: 5}
START = """
import json, sys
from brickyard.scoring.model import load_model
model = load_model(sys.argv[1])
names, row = json.loads(sys.argv[2])
assert model.plan.predict_json_columns({name: [value] for name, value in zip(names, row)}) is not None
"""


def rows(count: int) -> pd.DataFrame:
    """Ten columns, six of numbers and four of texts with ten values each."""
    random = np.random.default_rng(count)
    frame = pd.DataFrame(random.normal(size=(count, len(NUMBERS))), columns=NUMBERS)
    return frame.assign(**{name: random.choice([f"v{i}" for i in range(10)], count).astype(object) for name in TEXTS})


def families() -> dict[str, tuple[Any, str]]:
    """Estimators behind StandardScaler and OneHotEncoder, and the function that predicts."""
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, Ridge

    return {
        "logistic regression, labels": (LogisticRegression(max_iter=300), "predict"),
        "logistic regression, probabilities": (LogisticRegression(max_iter=300), "predict_proba"),
        "ridge regression": (Ridge(), "predict"),
        "random forest, 100 trees of depth 12": (RandomForestClassifier(100, max_depth=12, random_state=0), "predict"),
        "gradient boosting, 100 trees": (GradientBoostingClassifier(random_state=0), "predict_proba"),
    }


def saved(estimator: Any, function: str, path: Path) -> Path:
    """Fit and save a pipeline."""
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = rows(4000)
    answers = (frame["n0"] + frame["n1"] + 2 * (frame["c0"] == "v1") > 0.5).astype(int)
    encode = ColumnTransformer(
        [("numbers", StandardScaler(), NUMBERS), ("texts", OneHotEncoder(handle_unknown="ignore"), TEXTS)]
    )
    mlflow.sklearn.save_model(
        make_pipeline(encode, estimator).fit(frame, answers),
        str(path),
        signature=infer_signature(frame, np.array([0.5])),
        pip_requirements=[],
        pyfunc_predict_fn=function,
        serialization_format="cloudpickle",
    )
    return path


def microseconds(work: Callable[[], object], runs: int) -> float:
    """Median of several runs."""
    return statistics.median(seconds(work, runs=runs)) * 1e6


def compare(name: str, model: ScoringModel) -> None:
    """Print both times a call for each number of rows."""
    assert model.plan is not None and model.rung == "plan", model.rung
    for count, runs in SIZES.items():
        frame = rows(count)
        columns = frame.to_dict("list")
        first = list(frame.iloc[0])

        def ours(columns: dict[str, list[Any]] = columns, first: list[Any] = first, one: bool = count == 1) -> Any:
            fast = model.plan.predict_json_row(NUMBERS + TEXTS, first) if one and model.plan else None
            return fast if fast is not None else model.plan and model.plan.predict_json_columns(columns)

        assert np.array_equal(ours(), model.pyfunc.predict(frame))
        plan = microseconds(ours, runs)
        pyfunc = microseconds(lambda frame=frame: model.pyfunc.predict(frame), max(3, runs // 5))
        print(f"{name}, {count} rows: plan {plan:,.1f} us, pyfunc {pyfunc:,.0f} us, ratio {pyfunc / plan:,.0f}")


def main() -> None:
    """Compare every family, then time the start."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["BRICKYARD_PLAN_CACHE"] = str(Path(scratch, "plans"))
        for position, (name, (estimator, function)) in enumerate(families().items()):
            compare(name, load_model(saved(estimator, function, Path(scratch, str(position)))))
        import json

        asked = json.dumps([NUMBERS + TEXTS, list(rows(1).iloc[0])])
        command = [sys.executable, "-c", START, str(Path(scratch, "0")), asked]
        found = seconds(lambda: subprocess.run(command, check=True), runs=7, warmups=2)
        report("start to first answer from a kept plan, whole process", found, 0.4)


if __name__ == "__main__":
    main()
