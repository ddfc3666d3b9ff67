"""Two models of one kind: a baseline that knows the hour, and gradient-boosted trees that know all features."""

import lightgbm
import mlflow.pyfunc
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from flights.columns import CATEGORIES, FEATURES, NUMBERS

# One thread: waiting threads of OpenMP spin, and slow down whatever runs beside them.
TREES = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 63,
    "min_data_in_leaf": 100,
    "num_threads": 1,
    "verbose": -1,
}
ROUNDS = 300
SEED = 13


class HourBaseline(mlflow.pyfunc.PythonModel):
    """Logistic regression on the scheduled hour of departure alone."""

    columns = ("departure_hour",)

    def fit(self, features: pd.DataFrame, late: pd.Series) -> "HourBaseline":
        """Learn from the features and whether each flight was late."""
        self._regression = LogisticRegression().fit(features[list(self.columns)].to_numpy(), late)
        return self

    def predict(self, context, model_input: pd.DataFrame, params=None) -> np.ndarray:
        """The probability of being late, one number a row."""
        return self._regression.predict_proba(model_input[list(self.columns)].to_numpy())[:, 1]


class BoostedTrees(mlflow.pyfunc.PythonModel):
    """Gradient-boosted trees on all features; a category that was not seen in training counts as missing."""

    columns = tuple(FEATURES)

    def fit(self, features: pd.DataFrame, late: pd.Series) -> "BoostedTrees":
        """Learn from the features and whether each flight was late."""
        self._codes = {
            name: {value: code for code, value in enumerate(sorted(features[name].unique()))} for name in CATEGORIES
        }
        data = lightgbm.Dataset(
            self._matrix(features),
            label=late,
            feature_name=FEATURES,
            categorical_feature=list(range(len(CATEGORIES))),
        )
        self._booster = lightgbm.train(TREES | {"seed": SEED, "deterministic": True}, data, num_boost_round=ROUNDS)
        return self

    def predict(self, context, model_input: pd.DataFrame, params=None) -> np.ndarray:
        """The probability of being late, one number a row."""
        return self._booster.predict(self._matrix(model_input), num_threads=1)

    def importances(self) -> dict[str, float]:
        """How much each feature contributed, by gain, largest first."""
        gains = self._booster.feature_importance("gain")
        return dict(sorted(zip(FEATURES, map(float, gains), strict=True), key=lambda pair: -pair[1]))

    def _matrix(self, features: pd.DataFrame) -> np.ndarray:
        matrix = np.empty((len(features), len(FEATURES)))
        for column, name in enumerate(CATEGORIES):
            codes = self._codes[name]
            matrix[:, column] = [codes.get(value, np.nan) for value in features[name]]
        matrix[:, len(CATEGORIES) :] = features[NUMBERS].to_numpy(dtype=float)
        return matrix


KINDS = {"hour": HourBaseline, "trees": BoostedTrees}
