"""Which models of scikit-learn without a plan are asked for the rows of several requests at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brickyard.scoring.model import ScoringModel, load_model
from brickyard.scoring.online import Protocol

_RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(_RANDOM.normal(size=(300, 4)), columns=list("abcd"))
LABEL = (FRAME["a"] + FRAME["b"] ** 2 > 0.5).astype(int)
CLASSES = LABEL + (FRAME["c"] > 1)


def _linear_discriminants() -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis().fit(FRAME, CLASSES)


def _search(estimator: Any) -> Any:
    from sklearn.model_selection import GridSearchCV

    return GridSearchCV(estimator, {}, cv=2).fit(FRAME, LABEL)


def _search_of_a_line() -> Any:
    from sklearn.linear_model import Ridge

    return _search(Ridge())


def _union() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    return make_pipeline(make_union(StandardScaler(), MinMaxScaler()), LogisticRegression()).fit(FRAME, LABEL)


def _average() -> Any:
    from sklearn.ensemble import VotingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.tree import DecisionTreeRegressor

    return VotingRegressor([("line", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))]).fit(FRAME, FRAME["a"])


def _own_kind() -> Any:
    from sklearn.naive_bayes import GaussianNB

    return type("Own", (GaussianNB,), {})().fit(FRAME, LABEL)


def _bayes() -> Any:
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), GaussianNB()).fit(FRAME, LABEL)


def _search_of_a_forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return _search(RandomForestClassifier(5, random_state=0, n_jobs=2))


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Any], ScoringModel]:
    def save(estimator: Any) -> ScoringModel:
        import mlflow.sklearn
        from mlflow.models import infer_signature

        signature = infer_signature(FRAME, estimator.predict(FRAME))
        kind: dict[str, Any] = {"serialization_format": "cloudpickle"}
        mlflow.sklearn.save_model(estimator, str(tmp_path / "model"), signature=signature, pip_requirements=[], **kind)
        return load_model(tmp_path / "model")

    return save


@pytest.mark.parametrize("make", [_linear_discriminants, _search_of_a_line, _union, _average, _own_kind])
def test_products_of_matrices_and_kinds_that_are_not_known_are_asked_one_by_one(
    make: Callable[[], Any], saved: Callable[[Any], ScoringModel]
) -> None:
    model = saved(make())
    assert model.rung == "frame"
    assert not Protocol(model).joins


@pytest.mark.parametrize("make", [_bayes, _search_of_a_forest])
def test_models_that_look_at_each_row_alone_are_asked_at_once(
    make: Callable[[], Any], saved: Callable[[Any], ScoringModel]
) -> None:
    model = saved(make())
    assert model.rung == "frame"
    assert Protocol(model).joins


def test_estimators_inside_of_others_use_one_job(saved: Callable[[Any], ScoringModel]) -> None:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(50, random_state=0, n_jobs=4)
    model = saved(TransformedTargetRegressor(forest, func=np.exp, inverse_func=np.log).fit(FRAME, FRAME["a"]))
    raw = model.pyfunc.get_raw_model()
    assert (raw.regressor.n_jobs, raw.regressor_.n_jobs) == (1, 1)
