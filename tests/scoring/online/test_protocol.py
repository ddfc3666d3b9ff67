"""Answers equal those of MLflow's own scoring app: predictions exactly."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brickyard.scoring.online import Protocol
from tests.scoring import models
from tests.scoring.conftest import LoadedModel
from tests.scoring.online.parity import FORMS, JSON, ask_mlflow, payload


def ask_us(model: Any, body: bytes, content_type: str) -> tuple[int, bytes]:
    protocol = Protocol(model)
    answer = protocol.quick(body, content_type) or protocol.answer(body, content_type)
    return answer.status, answer.body


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", models.KINDS)
def test_every_form_answers_what_mlflow_answers(kind: str, form: str, loaded: LoadedModel) -> None:
    columns = list(loaded(kind).input_names)
    body, content_type = payload(models.mixed_rows(40, seed=3)[columns], form)
    assert ask_us(loaded(kind), body, content_type) == ask_mlflow(loaded(kind), body, content_type)


number = st.floats(allow_nan=True, allow_infinity=True) | st.none() | st.integers(-(2**60), 2**60)
VALUES = {
    "float64": number,
    "float32": st.floats(width=32, allow_nan=True) | st.none() | st.integers(-1000, 1000),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "bool": st.booleans(),
}
row = st.fixed_dictionaries(
    {name: VALUES[kind] for name, kind in models.COLUMNS.items()}
    | {"carrier": st.sampled_from([*models.CARRIERS, "??", ""]) | st.none()}
)


@pytest.mark.parametrize("kind", ["booster", "classifier", "pipeline"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(row, min_size=1, max_size=4))
def test_online_and_batch_and_mlflow_agree_on_any_row(kind: str, rows: list[Any], loaded: LoadedModel) -> None:
    model = loaded(kind)
    records = [{name: values[name] for name in model.input_names} for values in rows]
    body = json.dumps({"dataframe_records": records}).encode()
    ours = ask_us(model, body, JSON)
    assert ours == ask_mlflow(model, body, JSON)
    if ours[0] == 200:
        predicted = model.predict(arrow(records))
        assert json.dumps({"predictions": np.asarray(predicted).tolist()}).encode() == ours[1]


def arrow(records: list[dict[str, Any]]) -> Any:
    """The same rows as a Delta table would hold them."""
    import pyarrow as pa

    types = {
        "float64": pa.float64(),
        "float32": pa.float32(),
        "int64": pa.int64(),
        "int32": pa.int32(),
        "bool": pa.bool_(),
    }
    schema = [(name, types[models.COLUMNS[name]] if name in models.COLUMNS else pa.string()) for name in records[0]]
    doubles = {"float64", "float32"}
    rows = [
        {k: float(v) if v is not None and models.COLUMNS.get(k) in doubles else v for k, v in record.items()}
        for record in records
    ]
    return pa.RecordBatch.from_pylist(rows, pa.schema(schema))
