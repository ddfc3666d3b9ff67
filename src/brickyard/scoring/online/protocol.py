"""What MLflow's scoring protocol answers to a body, without HTTP around it.

A plain JSON body for a model with a native plan is decoded straight into its matrix. Everything else is given to
MLflow's own `scoring_server.invocations`, so that answers, status codes and error texts are those of
`mlflow models serve`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import numpy as np

    from brickyard.scoring.model import ScoringModel

__all__ = ["Answer", "Protocol"]

_log = logging.getLogger(__name__)
_JSON_TYPES = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})


@dataclass(frozen=True)
class Answer:
    """A status, a media type and a body."""

    status: int
    media_type: str
    body: bytes


class Protocol:
    """Answers to `/invocations` for one model."""

    def __init__(self, model: ScoringModel) -> None:
        self._model = model
        self._schema = model.pyfunc.metadata.get_input_schema()

    def quick(self, body: bytes, content_type: str) -> Answer | None:
        """Answer a plain JSON body by the native plan; None where that does not apply. Takes microseconds a row."""
        plan = self._model.native
        if plan is None or content_type.lower() not in _JSON_TYPES:
            return None
        try:
            columns = _columns(orjson.loads(body))
        except orjson.JSONDecodeError:
            return None
        matrix = plan.matrix_of_json(columns) if columns else None
        return None if matrix is None else _predictions(plan.predict(matrix))

    def full(self, body: bytes, content_type: str) -> Answer:
        """Answer any body as `mlflow models serve` does; takes milliseconds, and may run the model's own code."""
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc import scoring_server

        try:
            result = scoring_server.invocations(body, content_type, self._model.pyfunc, self._schema)
        except MlflowException as error:
            text = error.serialize_as_json()
            return Answer(error.get_http_status_code(), "application/json", text.encode())
        except Exception as error:
            # The payload reached code that did not expect it; MLflow's server answers a bare 500 here.
            _log.exception("the request could not be answered")
            text = json.dumps({"error_code": "INTERNAL_ERROR", "message": f"{type(error).__name__}: {error}"})
            return Answer(500, "application/json", text.encode())
        return Answer(result.status, result.mimetype, result.response.encode())


def _predictions(values: np.ndarray) -> Answer:
    return Answer(200, "application/json", json.dumps({"predictions": values.tolist()}).encode())


def _columns(body: Any) -> Mapping[str, Sequence[Any]] | None:
    """The columns of a body that is exactly one plain split or list of records; None for every other body."""
    if not isinstance(body, dict) or len(body) != 1:
        return None
    if "dataframe_split" in body:
        return _split_columns(body["dataframe_split"])
    if "dataframe_records" in body:
        return _record_columns(body["dataframe_records"])
    return None


def _split_columns(split: Any) -> Mapping[str, Sequence[Any]] | None:
    if not isinstance(split, dict) or split.keys() != {"columns", "data"}:
        return None
    names, rows = split["columns"], split["data"]
    if not _is_list_of(names, str) or not _is_list_of(rows, list) or len(set(names)) != len(names):
        return None
    if any(len(row) != len(names) for row in rows):
        return None
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _record_columns(records: Any) -> Mapping[str, Sequence[Any]] | None:
    if not _is_list_of(records, dict):
        return None
    names = records[0].keys()
    if any(record.keys() != names for record in records):
        return None
    return {name: [record[name] for record in records] for name in names}


def _is_list_of(values: Any, kind: type) -> bool:
    """Whether it is a list with at least one item, all of this type."""
    return isinstance(values, list) and bool(values) and {kind}.issuperset(map(type, values))
