"""What MLflow's scoring protocol answers to bodies, without HTTP around it.

A plain JSON body is decoded straight into the matrix or the frame that the model takes, where the model has a
verified plan for it. Everything else is given to MLflow's own `scoring_server.invocations`, so that answers, status
codes and error texts are those of `mlflow models serve`. Requests for a model that predicts row by row are predicted
together; whatever goes wrong then is asked again one by one, so that each gets the answer that it would get alone.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import orjson

from brickyard.scoring.columns import columns_of_body, row_of_body
from brickyard.scoring.online.answer import ARROW, CSV, Answer, Request, refusal
from brickyard.scoring.online.encoding import encode, rows_of, slice_rows, wants_arrow
from brickyard.scoring.online.expansion import too_large_decoded, too_large_views
from brickyard.scoring.online.exponents import has_long_exponent
from brickyard.scoring.online.row_wise import is_row_wise

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException

    from brickyard.scoring.model import ScoringModel
    from brickyard.scoring.scorer import Scorer

__all__ = ["Protocol"]

_log = logging.getLogger(__name__)
_JSON = "application/json"
# What MLflow takes for JSON, with its capitals.
_JSON_TYPE = re.compile(_JSON + r"(\s*;\s*charset=(?i:utf-8))?")
_FAILED = "the plan failed; pyfunc is asked"
_Columns = Mapping[str, Sequence[Any]]


class Protocol:
    """Answers to `/invocations` for one model."""

    def __init__(self, model: ScoringModel) -> None:
        self._model = model

    @cached_property
    def joins(self) -> bool:
        """Whether requests may be predicted together; finding that out may call the model a few times."""
        return self._model.plan.row_wise if self._model.plan else is_row_wise(self._model)

    def is_plain(self, request: Request) -> bool:
        """Whether a body is rows of JSON that are not more once they are decoded."""
        return _columns(request) is not None

    def at_once(self, request: Request, *, alone: bool = False) -> Answer | None:
        """Answer a plain JSON body of one row by the fastest way; None where the request has to wait its turn.

        What was decoded for that is kept in `request.prepared`, where it has the columns of the model's plan.

        Args:
            request: The request.
            alone: Whether it would wait for others in vain.
        """
        plan = self._model.plan
        document = _document(request) if plan else None
        if plan is None or document is None:
            return None
        row = row_of_body(document)
        if row:
            try:  # as `_tried` does, whose call of a call takes a fortieth of such a request
                values = plan.predict_json_row(row[0], row[1], alone=alone)
            except Exception:
                _log.exception(_FAILED)
                values = None
            if values is not None:
                return encode(values, request.accept)
        columns = columns_of_body(document)
        request.prepared = columns if columns and columns.keys() == plan.kinds.keys() else None
        return None

    def quick(self, body: bytes, content_type: str, accept: str = "") -> Answer | None:
        """Answer a plain JSON body by the model's plan; None where that does not apply."""
        request = Request(body, content_type, accept)
        return self.at_once(request) or (self.quick_answers([request])[0] if request.prepared else None)

    def quick_answers(self, requests: Sequence[Request]) -> list[Answer | None]:
        """Answer prepared requests by one call of the plan where it allows that; None for what the plan declines."""
        plan = self._model.plan
        assert plan is not None
        every = [request.prepared for request in requests]
        if len(requests) > 1 and plan.row_wise:
            # One array a column for all of them: making an array of one value takes as long as of a hundred.
            joined = {name: [value for columns in every for value in columns[name]] for name in plan.kinds}
            values = _tried(_by_columns, plan, joined, together=True)
            if values is not None:
                return list(_apart(values, requests, [len(next(iter(columns.values()))) for columns in every]))
        each = [_tried(_by_columns, plan, columns) for columns in every]
        return [
            None if values is None else encode(values, request.accept)
            for values, request in zip(each, requests, strict=True)
        ]

    def answer(self, body: bytes, content_type: str, accept: str = "") -> Answer:
        """Answer any body; takes milliseconds or more, and may run the model's own code."""
        return self.answers([Request(body, content_type, accept)])[0]

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer any bodies, with as few calls of the model as its kind allows."""
        known = self._by_plan(requests) if self._model.plan else self._by_frames(requests)
        return [known.get(place) or self._alone(request) for place, request in enumerate(requests)]

    def _by_plan(self, requests: Sequence[Request]) -> dict[int, Answer | None]:
        """The answers of the model's plan, by place."""
        known = {place: self.at_once(request) for place, request in enumerate(requests) if request.prepared is None}
        places = [place for place, request in enumerate(requests) if request.prepared is not None]
        if places:
            known |= zip(places, self.quick_answers([requests[place] for place in places]), strict=True)
        return known

    def _by_frames(self, requests: Sequence[Request]) -> dict[int, Answer]:
        """The answers to plain requests that can be predicted together, by place."""
        if len(requests) == 1 or not self.joins:
            return {}
        columns = [_columns(request) for request in requests]
        plain = [place for place, found in enumerate(columns) if found and self._has_its_names(found)]
        answers = self._together([requests[place] for place in plain], [columns[place] or {} for place in plain])
        return dict(zip(plain, answers, strict=False))

    def _has_its_names(self, columns: _Columns) -> bool:
        plan = self._model.frames
        return plan is not None and columns.keys() == plan.kinds.keys()

    def _together(self, requests: Sequence[Request], columns: Sequence[_Columns]) -> list[Answer]:
        """The answers to plain requests; none where they have to be asked one by one."""
        if len(requests) < 2:
            return []
        joined = {name: [value for each in columns for value in each[name]] for name in columns[0]}
        sizes = [len(next(iter(each.values()))) for each in columns]
        frames = self._model.frames
        frame = frames.frame_of_json(joined) if frames else None
        if frames is None or frame is None:
            return []
        try:
            values = frames.predict(frame)
            return [] if rows_of(values) != sum(sizes) else _apart(values, requests, sizes)
        except (Exception, SystemExit) as error:
            # Whose rows it was is found by asking one by one.
            _log.info("asking one by one: %s: %s", type(error).__name__, error)
            return []

    def _alone(self, request: Request) -> Answer:
        """Answer one request by one call of the model."""
        try:
            frames = self._model.frames
            columns = _columns(request) if frames else None
            frame = frames.frame_of_json(columns) if frames and columns else None
            if frames is None or frame is None:
                return self._by_others(request)
            try:
                values = frames.predict(frame)
            except Exception as error:
                return self._by_mlflow(request, _Failed(self._model.pyfunc, error))
            return encode(values, request.accept)
        except (Exception, SystemExit) as error:
            # MLflow turns what a model raises into its own error; this is what its parsing or its encoding of the
            # predictions did not expect, where its server answers a bare 500. A scoring process must outlive it.
            _log.exception("the request could not be answered")
            return refusal(500, f"{type(error).__name__}: {error}")

    def _by_others(self, request: Request) -> Answer:
        """Answer what is not plain JSON, where it does not take too much memory."""
        media_type = request.content_type.partition(";")[0].strip()
        refused = too_large_decoded(media_type, request.body)
        if refused is not None:
            return refused
        if media_type == ARROW:
            return self._by_arrow(request)
        if media_type == CSV and has_long_exponent(request.body, self._texts):
            return refusal(400, "Failed to parse input as a Pandas DataFrame. Error: 'an exponent is out of range'")
        pyfunc = self._model.pyfunc
        return self._by_mlflow(request, _Recorder(pyfunc) if wants_arrow(request.accept) else pyfunc)

    @cached_property
    def _texts(self) -> frozenset[str]:
        """The columns that are read as text."""
        from mlflow.types import DataType

        schema, names = self._model.input_schema, self._model.input_names
        kinds = zip(names, schema.input_types(), strict=True) if schema and names else ()
        return frozenset(name for name, kind in kinds if kind is DataType.string)

    def _by_mlflow(self, request: Request, model: Any) -> Answer:
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc import scoring_server

        try:
            result = scoring_server.invocations(request.body, request.content_type, model, self._model.input_schema)
        except MlflowException as error:
            return _refused(error)
        if result.status == 200 and isinstance(model, _Recorder):
            return encode(model.values, request.accept)
        return Answer(result.status, result.mimetype, result.response.encode(), _rows_in(result.response))

    def _by_arrow(self, request: Request) -> Answer:
        """Answer an Arrow stream, in MLflow's way of saying what is wrong with it."""
        import pyarrow as pa
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import BAD_REQUEST

        try:
            table = pa.ipc.open_stream(request.body).read_all()
            table.validate(full=True)  # the bytes are a stranger's: offsets may point anywhere
        except (pa.ArrowException, OSError, ValueError) as error:
            return refusal(400, f"Failed to parse input as an Arrow stream. Error: '{error}'")
        refused = too_large_views(table)
        if refused is not None:
            return refused
        try:
            return encode(self._model.predict(table), request.accept)
        except MlflowException as error:
            error.message = f"Failed to predict data '{table.schema}'. \nError: {error.message}"
            return _refused(error)
        except Exception:
            text = "Encountered an unexpected error while evaluating the model. Verify that the Arrow stream is"
            text += " compatible with the model for inference."
            return _refused(MlflowException(text, BAD_REQUEST, stack_trace=traceback.format_exc()))


class _Recorder:
    """A model that keeps what it has predicted last."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.metadata = model.metadata
        self.values: Any = None

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict, and keep that."""
        self.values = self._model.predict(data, params=params)
        return self.values


class _Failed:
    """A model that has failed already: MLflow says what that means, and the model is not called again."""

    def __init__(self, model: Any, error: Exception) -> None:
        self._error = error
        self.metadata = model.metadata

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Fail as before."""
        raise self._error


def _by_columns(plan: Scorer, columns: _Columns, *, together: bool = False) -> Any:
    """Predictions for columns of decoded JSON; none where they are not plain, or the plan declines them."""
    if not together:
        return plan.predict_json_columns(columns)
    arrays = plan.arrays_of_json(columns)
    return None if arrays is None else plan.predict_arrays(arrays, together=True)


def _tried(work: Callable[..., Any], *given: Any, **options: Any) -> Any:
    """What a plan gives; none where it fails, which is one more case that it leaves to pyfunc."""
    try:
        return work(*given, **options)
    except Exception:
        _log.exception(_FAILED)
        return None


def _refused(error: MlflowException) -> Answer:
    if trace := error.json_kwargs.get("stack_trace"):  # the model's own error, for its log
        _log.warning("the model failed: %s", trace)
    return Answer(error.get_http_status_code(), "application/json", error.serialize_as_json().encode())


def _rows_in(response: str) -> int:
    """How many rows an answer of MLflow's has; an answer of another form counts as one."""
    found = json.loads(response) if response.startswith('{"predictions"') else {}
    rows = found.get("predictions", [])
    return len(rows) if isinstance(rows, list) else 1


def _document(request: Request) -> Any:
    """A JSON body, decoded; None where it is none, or not plain."""
    if request.content_type != _JSON and not _JSON_TYPE.fullmatch(request.content_type):
        return None
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return None


def _columns(request: Request) -> _Columns | None:
    return columns_of_body(_document(request))


def _apart(values: Any, requests: Sequence[Request], sizes: Sequence[int]) -> list[Answer]:
    """Each request's share of predictions."""
    ends = list(accumulate(sizes))
    parts = zip(requests, sizes, ends, strict=True)
    return [encode(slice_rows(values, end - size, end), request.accept) for request, size, end in parts]
