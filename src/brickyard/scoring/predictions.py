"""Predictions as one Arrow column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["prediction_column"]


def prediction_column(predicted: Any, rows: int) -> pa.Array:
    """A number, text, a list (classes) or a struct (several outputs) for each row.

    Args:
        predicted: What a model's pyfunc returned.
        rows: How many rows were predicted.

    Raises:
        ValueError: There are more or fewer predictions than rows.
    """
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if isinstance(predicted, pd.DataFrame):
        if len(predicted.columns) == 1:
            predicted = predicted.iloc[:, 0]
        else:
            parts = [pa.array(predicted.iloc[:, i], from_pandas=False) for i in range(len(predicted.columns))]
            names = [str(name) for name in predicted.columns]
            return _checked(pa.StructArray.from_arrays(parts, names=names), rows)
    if isinstance(predicted, np.ndarray) and predicted.ndim == 2:
        return _checked(_lists(predicted), rows)
    if isinstance(predicted, np.ndarray) and predicted.ndim > 2:
        return _checked(pa.array(predicted.tolist()), rows)
    return _checked(pa.array(predicted, from_pandas=False), rows)


def _lists(predicted: np.ndarray) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    rows, width = predicted.shape
    ends = np.arange(0, (rows + 1) * width, width, dtype=np.int32) if width else np.zeros(rows + 1, np.int32)
    return pa.ListArray.from_arrays(ends, pa.array(np.ascontiguousarray(predicted).ravel(), from_pandas=False))


def _checked(column: pa.Array, rows: int) -> pa.Array:
    if len(column) != rows:
        raise ValueError(f"{rows} rows gave {len(column)} predictions")
    return column
