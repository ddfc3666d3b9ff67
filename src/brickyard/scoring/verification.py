"""Whether a way around pyfunc predicts what pyfunc predicts: bit for bit, before it is used."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from brickyard.scoring.plan.verify import same

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from mlflow.pyfunc import PyFuncModel

__all__ = ["agrees"]

_log = logging.getLogger(__name__)
_MOST_THRESHOLDS = 400
_DTYPES = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}


def agrees(
    pyfunc: PyFuncModel,
    kinds: Mapping[str, str],
    matrix_of: Callable[[Any], np.ndarray | None],
    predict: Callable[[np.ndarray], np.ndarray],
) -> bool:
    """Compare both ways on the input example and on edge rows, together and one by one.

    Edge rows are made around the trees' split thresholds, of zeros, missing values, infinities and extremes.
    A disagreement is logged and means that the way around is not used.
    """
    for frame in [*_examples(pyfunc), _edges(pyfunc, kinds), *_single_rows(_edges(pyfunc, kinds))]:
        matrix = matrix_of(frame)
        if matrix is None or not same(predict(matrix), pyfunc.predict(frame)):
            _log.warning("the model is called through pyfunc: its native call does not give the same predictions")
            return False
    return True


def _examples(pyfunc: PyFuncModel) -> list[pd.DataFrame]:
    """The model's input example, when it has one with the signature's columns."""
    import pandas as pd

    example = pyfunc.input_example
    if not isinstance(example, pd.DataFrame) or example.empty:
        return []
    schema = pyfunc.metadata.get_input_schema()
    from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

    return [cast_df_types_according_to_schema(example.copy(), schema)]


def _edges(pyfunc: PyFuncModel, kinds: Mapping[str, str]) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    raw = pyfunc.get_raw_model()
    thresholds = _thresholds(getattr(raw, "booster_", raw))
    below, above = np.nextafter(thresholds, -np.inf), np.nextafter(thresholds, np.inf)
    special = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 1e-35, 1e35, -1e300, 1e300, np.nan, np.inf, -np.inf])
    pool = np.concatenate([special, thresholds, below, above])
    shuffle = np.random.default_rng(0)
    return pd.DataFrame({name: _as_kind(shuffle.permutation(pool), kind) for name, kind in kinds.items()})


def _thresholds(booster: Any) -> np.ndarray:
    import numpy as np

    lines = re.findall(r"^threshold=(.*)$", booster.model_to_string(), flags=re.MULTILINE)
    values = np.unique(np.array([float(number) for line in lines for number in line.split()]))
    step = max(1, len(values) // _MOST_THRESHOLDS)
    return values[::step]


def _as_kind(values: np.ndarray, kind: str) -> np.ndarray:
    import numpy as np

    if kind == "double":
        return values
    if kind == "float":
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    finite = np.nan_to_num(values, nan=0.0, posinf=2**31 - 1, neginf=-(2**31))
    whole: np.ndarray = np.clip(finite, -(2.0**31), 2.0**31 - 1).astype(_DTYPES[kind])
    return whole


def _single_rows(frame: pd.DataFrame) -> list[pd.DataFrame]:
    return [frame.iloc[[row]] for row in range(0, min(len(frame), 12), 3)]
