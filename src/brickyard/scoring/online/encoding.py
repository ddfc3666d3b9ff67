"""Predictions as JSON, in MLflow's form, and as an Arrow stream for clients that accept one."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from brickyard.scoring.online.answer import ARROW, Answer, refusal

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["encode", "rows_of", "slice_rows", "wants_arrow"]

JSON = "application/json"
# From here on the numbers are written by orjson: the same numbers, without the blanks that MLflow writes.
_MANY = 256


def wants_arrow(accept: str) -> bool:
    """Whether a client asks for an Arrow stream."""
    return ARROW in accept


def encode(values: Any, accept: str = "") -> Answer:
    """Predictions as an answer.

    Args:
        values: What the model's `predict` gives.
        accept: The client's header of this name.
    """
    if accept and wants_arrow(accept):
        return _arrow(values)
    return Answer(200, JSON, _json(values), rows_of(values) or 0)


def rows_of(values: Any) -> int | None:
    """How many rows the predictions are for; none where that cannot be told."""
    if isinstance(values, np.ndarray):
        return len(values) if values.ndim else None
    return len(values) if isinstance(values, list) or hasattr(values, "iloc") else None


def slice_rows(values: Any, begin: int, end: int) -> Any:
    """The predictions of some of the rows."""
    return values.iloc[begin:end] if hasattr(values, "iloc") else values[begin:end]


def _json(values: Any) -> bytes:
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return _numbers(values)
    if isinstance(values, np.ndarray) and {str}.issuperset(map(type, labels := values.ravel().tolist())) and labels:
        return json.dumps({"predictions": values.tolist()}).encode()
    from mlflow.pyfunc.scoring_server import predictions_to_json

    text = StringIO()
    predictions_to_json(values, text)
    return text.getvalue().encode()


def _numbers(values: np.ndarray) -> bytes:
    if values.size > _MANY and values.dtype in (np.float64, np.int64) and np.isfinite(values).all():
        plain = np.ascontiguousarray(values)
        return b'{"predictions": ' + orjson.dumps(plain, option=orjson.OPT_SERIALIZE_NUMPY) + b"}"
    if values.ndim in (1, 2) and values.dtype.kind != "b":
        # What Python's JSON writes too, at a third of the time.
        text = repr(values.tolist())
        if "n" not in text:  # neither nan nor inf
            return b'{"predictions": %b}' % text.encode()
    return json.dumps({"predictions": values.tolist()}).encode()


def _arrow(values: Any) -> Answer:
    import pyarrow as pa

    try:
        table = _table(values)
    except (pa.ArrowException, ValueError, TypeError) as error:
        return refusal(406, f"these predictions have no Arrow form ({error}); accept {JSON}")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Answer(200, ARROW, sink.getvalue().to_pybytes(), table.num_rows)


def _table(values: Any) -> pa.Table:
    """A frame with its columns; anything else as the column `predictions`."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(values, pd.DataFrame):
        return pa.Table.from_pandas(values, preserve_index=False)
    if isinstance(values, np.ndarray) and values.ndim == 2:
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        return pa.table({"predictions": pa.FixedSizeListArray.from_arrays(flat, values.shape[1])})
    if isinstance(values, np.ndarray | pd.Series | list):
        return pa.table({"predictions": pa.array(values)})
    raise TypeError(f"predictions of the type {type(values).__name__}")
