"""The models learn what there is to learn, and nothing from noise."""

import numpy as np
import pandas as pd
import pytest
from flights.columns import CATEGORIES, FEATURES, NUMBERS
from flights.model import KINDS
from sklearn.metrics import roc_auc_score


def _flights(rows: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({name: random.choice(["A", "B", "C"], rows) for name in CATEGORIES})
    for name in NUMBERS:
        frame[name] = random.integers(0, 24, rows).astype(float)
    late = random.random(rows) < frame["departure_hour"] / 30
    return frame[FEATURES], late.astype(int)


@pytest.mark.parametrize("kind", KINDS)
def test_the_hour_is_learned(kind: str) -> None:
    model = KINDS[kind]().fit(*_flights(5000, seed=1))
    features, late = _flights(5000, seed=2)
    assert roc_auc_score(late, model.predict(None, features)) > 0.7


def test_shuffled_labels_teach_nothing() -> None:
    features, late = _flights(5000, seed=1)
    model = KINDS["trees"]().fit(features, late.sample(frac=1, random_state=3).reset_index(drop=True))
    features, late = _flights(5000, seed=2)
    assert abs(roc_auc_score(late, model.predict(None, features)) - 0.5) < 0.05


def test_a_row_is_predicted_alike_alone_and_among_others() -> None:
    model = KINDS["trees"]().fit(*_flights(2000, seed=1))
    features, _ = _flights(50, seed=2)
    together = model.predict(None, features)
    assert [model.predict(None, features.iloc[[i]])[0] for i in range(50)] == list(together)


def test_an_unseen_category_and_gaps_are_predicted() -> None:
    model = KINDS["trees"]().fit(*_flights(2000, seed=1))
    features, _ = _flights(1, seed=2)
    features["carrier"], features["temp"] = "never seen", np.nan
    assert 0 <= model.predict(None, features)[0] <= 1
