"""What MLflow's scoring protocol answers to a body, without HTTP around it.

A plain JSON body is decoded straight into the matrix or the frame that the model takes, where the model has a
verified plan for it. Everything else is given to MLflow's own `scoring_server.invocations`, so that answers, status
codes and error texts are those of `mlflow models serve`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import orjson

from brickyard.scoring.columns import columns_of_body

if TYPE_CHECKING:
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

    def quick(self, body: bytes, content_type: str) -> Answer | None:
        """Answer a plain JSON body by the model's plan; None where that does not apply. Takes microseconds a row."""
        plan = self._model.plan
        columns = _columns(body, content_type) if plan else None
        values = plan.predict_json_columns(columns) if plan and columns else None
        return None if values is None else _predictions(values)

    def answer(self, body: bytes, content_type: str) -> Answer:
        """Answer any body; takes milliseconds or more, and may run the model's own code."""
        return self._by_frame(body, content_type) or self._by_mlflow(body, content_type)

    def _by_frame(self, body: bytes, content_type: str) -> Answer | None:
        plan = self._model.frames
        columns = _columns(body, content_type) if plan else None
        frame = plan.frame_of_json(columns) if plan and columns else None
        if plan is None or frame is None:
            return None
        try:
            return _predictions(plan.predict(frame))
        except Exception as error:
            # The model's own code may raise anything; MLflow's way gives the answer that its clients expect.
            _log.info("asking again by MLflow's own parsing: %s: %s", type(error).__name__, error)
            return None

    def _by_mlflow(self, body: bytes, content_type: str) -> Answer:
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc import scoring_server

        try:
            result = scoring_server.invocations(body, content_type, self._model.pyfunc, self._model.input_schema)
        except MlflowException as error:
            text = error.serialize_as_json()
            return Answer(error.get_http_status_code(), "application/json", text.encode())
        except Exception as error:
            # MLflow turns what a model raises into its own error; this is what its parsing or its encoding of the
            # predictions did not expect, where its server answers a bare 500. A scoring process must outlive it.
            _log.exception("the request could not be answered")
            text = json.dumps({"error_code": "INTERNAL_ERROR", "message": f"{type(error).__name__}: {error}"})
            return Answer(500, "application/json", text.encode())
        return Answer(result.status, result.mimetype, result.response.encode())


def _predictions(values: Any) -> Answer:
    import numpy as np

    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return Answer(200, "application/json", json.dumps({"predictions": values.tolist()}).encode())
    from mlflow.pyfunc.scoring_server import predictions_to_json

    text = StringIO()
    predictions_to_json(values, text)
    return Answer(200, "application/json", text.getvalue().encode())


def _columns(body: bytes, content_type: str) -> Mapping[str, Sequence[Any]] | None:
    if content_type.lower() not in _JSON_TYPES:
        return None
    try:
        return columns_of_body(orjson.loads(body))
    except orjson.JSONDecodeError:
        return None
