"""LightGBM without pandas: a float64 matrix straight to the booster, where that was found equal to pyfunc.

A plan exists for a LightGBM booster, regressor or classifier whose signature has only numeric and boolean
columns. It takes the plain good case only: whatever is unusual (a missing column, a null in an integer column,
text) gives no matrix, and the caller goes the way of pyfunc, whose answers and errors are the reference.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.scoring.columns import arrays_of, arrays_of_json, column_kinds
from brickyard.scoring.verification import agrees

if TYPE_CHECKING:
    import numpy as np
    from mlflow.pyfunc import PyFuncModel

__all__ = ["NativePlan", "plan_for"]

_NUMERIC = frozenset({"boolean", "integer", "long", "float", "double"})
_LOADERS = frozenset({"mlflow.lightgbm", "mlflow.sklearn"})


@dataclass(frozen=True)
class NativePlan:
    """How to predict from a matrix.

    Attributes:
        name: What is called, for `/version` and headers.
        kinds: MLflow type by column, in the order of the signature, which is the order of the matrix.
        predict: Matrix (rows x columns, float64) to what pyfunc returns for these rows.
    """

    name: str
    kinds: Mapping[str, str]
    predict: Callable[[np.ndarray], np.ndarray]

    def matrix_of(self, data: Any) -> np.ndarray | None:
        """Turn an Arrow batch or table, or a frame, into the matrix; None where that is not plain."""
        arrays = arrays_of(data, self.kinds)
        return None if arrays is None else self.matrix(arrays)

    def matrix_of_json(self, columns: Mapping[str, Sequence[Any]]) -> np.ndarray | None:
        """Turn columns of decoded JSON values into the matrix; None where that is not plain."""
        arrays = arrays_of_json(columns, self.kinds)
        return None if arrays is None else self.matrix(arrays)

    def matrix(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Put columns of the signature's types side by side."""
        import numpy as np

        columns = [arrays[name] for name in self.kinds]
        matrix = np.empty((len(columns[0]), len(columns)), dtype=np.float64)
        for position, column in enumerate(columns):
            matrix[:, position] = column
        return matrix


def plan_for(pyfunc: PyFuncModel) -> NativePlan | None:
    """Return the plan of a model if it has one and it predicts what pyfunc predicts, bit for bit."""
    kinds = column_kinds(pyfunc)
    if kinds is None or not set(kinds.values()) <= _NUMERIC or pyfunc.loader_module not in _LOADERS:
        return None
    predict = _matrix_predict(pyfunc)
    if predict is None:
        return None
    plan = NativePlan("lightgbm", kinds, predict)
    return plan if agrees(pyfunc, plan.kinds, plan.matrix_of, plan.predict) else None


def _matrix_predict(pyfunc: PyFuncModel) -> Callable[[np.ndarray], np.ndarray] | None:
    if importlib.util.find_spec("lightgbm") is None:
        return None
    import lightgbm
    import numpy as np

    raw = pyfunc.get_raw_model()
    function = pyfunc.metadata.flavors["python_function"].get("predict_fn", "predict")
    booster = raw if isinstance(raw, lightgbm.Booster) else getattr(raw, "booster_", None)
    if not isinstance(booster, lightgbm.Booster) or booster.pandas_categorical:
        return None
    if isinstance(raw, lightgbm.LGBMClassifier):
        return _classifier(raw, booster, function)
    if isinstance(raw, lightgbm.Booster | lightgbm.LGBMRegressor) and function == "predict":
        return lambda matrix: np.asarray(booster.predict(matrix, num_threads=1))
    return None


def _classifier(raw: Any, booster: Any, function: str) -> Callable[[np.ndarray], np.ndarray] | None:
    import numpy as np

    classes = raw.classes_

    def probabilities(matrix: np.ndarray) -> np.ndarray:
        result = booster.predict(matrix, num_threads=1)
        return np.vstack((1.0 - result, result)).transpose() if result.ndim == 1 else result

    if function == "predict_proba":
        return probabilities
    if function == "predict":
        return lambda matrix: classes[np.argmax(probabilities(matrix), axis=1)]
    return None
