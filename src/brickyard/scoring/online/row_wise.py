"""Whether the rows of several requests may be predicted by one call of the model.

Only where the model predicts each row on its own, to the last bit: a product of matrices may sum in another order when
there are more rows, and a model of the user's own code may look at all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brickyard.scoring.estimators import estimators_in

if TYPE_CHECKING:
    import numpy as np

    from brickyard.scoring.frames import FramePlan
    from brickyard.scoring.model import ScoringModel

__all__ = ["ROW_WISE_KEY", "is_of_library", "is_row_wise"]

_log = logging.getLogger(__name__)
# In the metadata that a model of own code is logged with: `log_model(..., metadata={"brickyard.row_wise": True})`.
ROW_WISE_KEY = "brickyard.row_wise"
_LIBRARIES = frozenset({"mlflow.sklearn", "mlflow.lightgbm", "mlflow.xgboost"})
# The estimators of scikit-learn that look at each row alone, to the last bit; those that hold others have these looked
# at, too. A product of matrices gives a row other last bits for few of many rows, so no trial is enough for it.
_ROW_WISE: Mapping[str, frozenset[str] | None] = {
    "sklearn.compose": frozenset({"ColumnTransformer"}),
    "sklearn.dummy": None,
    "sklearn.ensemble": None,
    "sklearn.feature_selection": frozenset({"SelectKBest", "SelectPercentile", "VarianceThreshold"}),
    "sklearn.impute": frozenset({"MissingIndicator", "SimpleImputer"}),
    "sklearn.model_selection": frozenset({"GridSearchCV", "RandomizedSearchCV"}),
    "sklearn.naive_bayes": frozenset({"CategoricalNB", "GaussianNB"}),
    "sklearn.pipeline": frozenset({"FeatureUnion", "Pipeline"}),
    "sklearn.preprocessing": frozenset(
        {"Binarizer", "KBinsDiscretizer", "LabelBinarizer", "LabelEncoder", "MaxAbsScaler", "MinMaxScaler"}
        | {"OneHotEncoder", "OrdinalEncoder", "PolynomialFeatures", "RobustScaler", "StandardScaler", "TargetEncoder"}
    ),
    "sklearn.tree": None,
}
_ROWS = 48
_PARTS = ((0, 1), (1, 2), (2, 4), (4, 7), (7, 12), (12, 20), (20, 21), (21, 48))
_TEXTS = ("a", "b", "", None)


def is_of_library(model: ScoringModel) -> bool:
    """Whether a library's code predicts, and none of the user's own, which may do anything that a program does."""
    return model.pyfunc.loader_module in _LIBRARIES


def is_row_wise(model: ScoringModel) -> bool:
    """Whether a model without a plan is of a kind that predicts row by row, and does so with rows made up for it."""
    if model.frames is None:
        return False
    metadata = model.pyfunc.metadata
    says_so = bool((metadata.metadata or {}).get(ROW_WISE_KEY))
    if not (says_so or (is_of_library(model) and all(map(_is_row_wise, estimators_in(model.pyfunc.get_raw_model()))))):
        return False
    return _agrees(model.frames, _rows(model))


def _is_row_wise(estimator: object) -> bool:
    kind = type(estimator)
    if kind.__module__.partition(".")[0] in {"lightgbm", "xgboost"}:
        return True
    package = ".".join(kind.__module__.split(".")[:2])
    names = _ROW_WISE.get(package, frozenset())
    return names is None or kind.__name__ in names


def _agrees(plan: FramePlan, columns: Mapping[str, Sequence[Any]]) -> bool:
    """Whether rows get the same predictions together and in parts, bit for bit."""
    try:
        together = _predicted(plan, columns, 0, _ROWS)
        parts = [(begin, end, _predicted(plan, columns, begin, end)) for begin, end in _PARTS]
    except Exception as error:
        # The model's own code may raise anything, for rows that are made up.
        _log.info("requests are predicted one by one: the model refused rows made up for it: %s", error)
        return False
    same = all(part is not None for _, _, part in parts) and together is not None
    if same and all(part.tolist() == together[begin:end].tolist() for begin, end, part in parts):
        return True
    _log.info("requests are predicted one by one: rows get other predictions when they are among others")
    return False


def _predicted(plan: FramePlan, columns: Mapping[str, Sequence[Any]], begin: int, end: int) -> Any:
    """Predictions as rows that can be compared; none where there is not one for each row."""
    import numpy as np
    import pandas as pd

    frame = plan.frame_of_json({name: values[begin:end] for name, values in columns.items()})
    values = plan.predict(frame) if frame is not None else None
    if isinstance(values, pd.DataFrame | pd.Series):
        values = values.to_numpy()
    if not isinstance(values, np.ndarray | list) or len(values) != end - begin:
        return None
    array = np.asarray(values)
    return array.view(np.uint64) if array.dtype == np.float64 and array.flags.c_contiguous else array.astype(str)


def _rows(model: ScoringModel) -> dict[str, list[Any]]:
    """Rows of all types, of the input example's values where there is one."""
    import numpy as np
    import pandas as pd

    example = model.pyfunc.input_example
    frame = example if isinstance(example, pd.DataFrame) else pd.DataFrame()
    assert model.frames is not None
    random = np.random.default_rng(0)
    return {name: _values(kind, frame.get(name), random) for name, kind in model.frames.kinds.items()}


def _values(kind: str, known: Any, random: np.random.Generator) -> list[Any]:
    if kind == "boolean":
        return [bool(value) for value in random.random(_ROWS) < 0.5]
    found = [] if known is None else known.dropna().tolist()
    if kind == "string":
        texts = found or list(_TEXTS)
        return [texts[place] for place in random.integers(0, len(texts), _ROWS)]
    if kind in {"integer", "long"}:
        low, high = (int(min(found)), int(max(found))) if found else (0, 100)
        return [int(value) for value in random.integers(low, high + 1, _ROWS)]
    centre = sum(found) / len(found) if found else 0.0
    return [float(value) for value in centre + random.normal(size=_ROWS)]
