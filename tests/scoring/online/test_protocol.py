"""Answers equal those of MLflow's own scoring app: predictions exactly, refusals in status and text."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brickyard.scoring.online import Protocol
from tests.scoring import models
from tests.scoring.conftest import LoadedModel

JSON = "application/json"


@lru_cache
def mlflow_app(model: Any) -> Any:
    """MLflow's own scoring application over the same model, called in this process."""
    from mlflow.pyfunc import scoring_server
    from starlette.testclient import TestClient

    return TestClient(scoring_server.init(model.pyfunc), raise_server_exceptions=False)


def ask_mlflow(model: Any, body: bytes, content_type: str) -> tuple[int, bytes]:
    reply = mlflow_app(model).post("/invocations", content=body, headers={"content-type": content_type})
    return reply.status_code, reply.content


def ask_us(model: Any, body: bytes, content_type: str) -> tuple[int, bytes]:
    protocol = Protocol(model)
    answer = protocol.quick(body, content_type) or protocol.answer(body, content_type)
    return answer.status, answer.body


def split_body(frame: pd.DataFrame) -> bytes:
    return json.dumps({"dataframe_split": json.loads(frame.to_json(orient="split", double_precision=15))}).encode()


def payloads(frame: pd.DataFrame) -> dict[str, tuple[bytes, str]]:
    plain = frame.astype(object).where(frame.notna(), None)
    records = plain.to_dict("records")
    split = {"columns": list(frame), "data": plain.to_numpy().tolist()}
    return {
        "split": (json.dumps({"dataframe_split": split}).encode(), JSON),
        "split with index": (json.dumps({"dataframe_split": {**split, "index": [*range(len(frame))]}}).encode(), JSON),
        "records": (json.dumps({"dataframe_records": records}).encode(), JSON),
        "charset": (json.dumps({"dataframe_records": records}).encode(), "application/json; charset=utf-8"),
        "instances": (json.dumps({"instances": records}).encode(), JSON),
        "inputs": (json.dumps({"inputs": plain.to_dict("list")}).encode(), JSON),
        "csv": (frame.to_csv(index=False).encode(), "text/csv"),
        "parquet": (frame.to_parquet(), "application/vnd.apache.parquet"),
    }


@pytest.mark.parametrize("form", payloads(models.mixed_rows(1)))
@pytest.mark.parametrize("kind", models.KINDS)
def test_every_form_answers_what_mlflow_answers(kind: str, form: str, loaded: LoadedModel) -> None:
    columns = list(loaded(kind).input_names)
    body, content_type = payloads(models.mixed_rows(40, seed=3)[columns])[form]
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


def records_body(**changes: Any) -> bytes:
    return json.dumps({"dataframe_records": [{**GOOD, **changes}]}).encode()


GOOD = models.rows(1).to_dict("records")[0]
BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "not json": (b"{", JSON),
    "empty": (b"", JSON),
    "not utf-8": (b"\xff\xfe{}", JSON),
    "a list": (b"[1]", JSON),
    "a number": (b"3", JSON),
    "no key": (b"{}", JSON),
    "unknown key": (b'{"rows": []}', JSON),
    "two keys": (b'{"inputs": [1], "instances": [1]}', JSON),
    "records not a list": (b'{"dataframe_records": {"a": 1}}', JSON),
    "no records": (b'{"dataframe_records": []}', JSON),
    "split not a mapping": (b'{"dataframe_split": [1]}', JSON),
    "split without data": (b'{"dataframe_split": {"columns": ["a"]}}', JSON),
    "split with extra": (b'{"dataframe_split": {"columns": ["a"], "data": [[1]], "more": 1}}', JSON),
    "ragged": (b'{"dataframe_split": {"columns": ["n0", "n1"], "data": [[1], [1, 2]]}}', JSON),
    "missing column": (records_body().replace(b'"n3"', b'"other"'), JSON),
    "text for a number": (records_body(n0="abc"), JSON),
    "null for an integer": (records_body(month=None), JSON),
    "too large integer": (records_body(month=2**70), JSON),
    "list for a number": (records_body(n0=[1]), JSON),
    "fraction for an integer": (records_body(month=2.5), JSON),
    "unknown parameter": (json.dumps({"dataframe_records": [GOOD], "params": {"nope": 1}}).encode(), JSON),
    "other type": (b"<a/>", "application/xml"),
    "other charset": (b"{}", "application/json; charset=latin-1"),
    "other parameter": (b"{}", "application/json; format=pandas"),
    "csv without columns": (b"\n\n", "text/csv"),
    "csv of other columns": (b"a,b\n1,2\n", "text/csv"),
    "csv not utf-8": (b"\xff\xfe", "text/csv"),
    "no parquet": (b"PAR0", "application/vnd.apache.parquet"),
}


@pytest.mark.parametrize("fault", BAD_BODIES)
@pytest.mark.parametrize("kind", ["booster", "custom"])
def test_a_bad_body_gets_the_status_and_meaning_of_mlflow(kind: str, fault: str, loaded: LoadedModel) -> None:
    status, body = ask_us(loaded(kind), *BAD_BODIES[fault])
    expected, text = ask_mlflow(loaded(kind), *BAD_BODIES[fault])
    assert status == expected
    assert _meaning(body) == _meaning(text) or status == 500


def _meaning(body: bytes) -> Any:
    """Code and message without the stack trace, in which line numbers differ."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return body
    return (parsed["error_code"], parsed["message"]) if "message" in parsed else parsed
