"""Bodies that are wrong: the status, the code and the message of MLflow's own server, on every rung."""

from __future__ import annotations

import json
import socket

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickyard.scoring.frames import frame_plan_for
from brickyard.scoring.model import ScoringModel
from brickyard.scoring.online import Protocol
from tests.scoring import models
from tests.scoring.conftest import LoadedModel
from tests.scoring.online.parity import ARROW, BODIES, CSV, JSON_TYPES, ask_mlflow, meaning, payloads
from tests.scoring.online.serving import Running, answers, chunked, read_one, request


@pytest.fixture(scope="module", params=["booster", "pipeline", "frame", "custom"])
def model(request: pytest.FixtureRequest, loaded: LoadedModel) -> ScoringModel:
    """By its plan twice, by frames, by pyfunc."""
    if request.param != "frame":
        return loaded(request.param)
    booster = loaded("booster")
    return ScoringModel(booster.path, booster.pyfunc, frames=frame_plan_for(booster.pyfunc))


def test_there_is_a_model_of_each_rung(model: ScoringModel, request: pytest.FixtureRequest) -> None:
    rungs = {"custom": "pyfunc", "frame": "frame"}
    assert model.rung == rungs.get(request.node.callspec.params["model"], "plan")


def test_every_bad_body_gets_the_status_and_the_meaning_of_mlflow(model: ScoringModel) -> None:
    """All on one connection, so that none of them harms the next."""
    running, refused = Running(model), 0
    try:
        with running.connect() as client:
            for body, content_type in BODIES:
                got, expected = ask(client, body, content_type), ask_mlflow(model, body, content_type)
                assert meaning(got) == meaning(expected), (body, content_type)
                refused += expected[0] >= 400
    finally:
        running.close()
    assert refused > 100


def test_every_form_gets_the_answer_of_mlflow(model: ScoringModel) -> None:
    """Whole, in chunks, and by the path of an endpoint; and JSON by each name of its type that may be one."""
    frame = models.mixed_rows(20, seed=3)[list(model.input_names)]
    running = Running(model)
    try:
        forms = payloads(frame)
        named = [(forms["records"][0], content_type) for content_type in JSON_TYPES]
        for body, content_type in [*forms.values(), *named]:
            expected = ask_mlflow(model, body, content_type)
            parts = [body[begin : begin + 700] for begin in range(0, len(body), 700)]
            sent = request(body, content_type) + chunked(parts, content_type)
            sent += request(body, content_type, "/serving-endpoints/a.b-c/invocations")
            assert answers(running.ask(sent)) == [expected] * 3
    finally:
        running.close()


def ask(client: socket.socket, body: bytes, content_type: str) -> tuple[int, bytes]:
    client.sendall(request(body, content_type))
    status, _, answer = read_one(client)
    return status, answer


TOKENS = (
    b"",
    b'"',
    b"{",
    b"}",
    b"[]",
    b",",
    b":",
    b"null",
    b"true",
    b"NaN",
    b"1e999",
    b"-0",
    b"9" * 40,
    b"\xff",
    b"\\u",
)


@settings(max_examples=20, deadline=None)
@given(
    form=st.sampled_from(["split", "records", "inputs", "csv"]),
    edits=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 9), st.sampled_from(TOKENS)), min_size=1, max_size=3),
)
def test_a_body_with_something_wrong_in_it_gets_the_answer_of_mlflow(
    model: ScoringModel, form: str, edits: list[tuple[int, int, bytes]]
) -> None:
    body, content_type = payloads(models.mixed_rows(2, seed=3)[list(model.input_names)])[form]
    for place, size, token in edits:
        begin = place % len(body)
        body = body[:begin] + token + body[begin + size :]
    answer = Protocol(model).answer(body, content_type)
    if b"exponent" not in answer.body:  # MLflow's server does not outlive that
        assert meaning((answer.status, answer.body)) == meaning(ask_mlflow(model, body, content_type))


@pytest.mark.parametrize("kind", ["pipeline", "custom"])
def test_a_number_that_would_end_the_process_is_refused(kind: str, loaded: LoadedModel) -> None:
    """In a column of text the same is an identifier."""
    model = loaded(kind)
    rows = models.mixed_rows(2)[list(model.input_names)].assign(carrier="4e492493924924").astype(object)
    assert Protocol(model).answer(rows.to_csv(index=False).encode(), CSV).status == 200
    for bad in (rows.assign(n0="4e492493924924"), rows.assign(more=[1, "-.1E+492493924924"])):
        answer = Protocol(model).answer(bad.to_csv(index=False).encode(), CSV)
        assert answer.status == 400 and "exponent" in json.loads(answer.body)["message"]
    assert Protocol(model).answer(rows.to_csv().encode().replace(b"\n0", b"\n4e492493924924"), CSV).status == 400


@settings(max_examples=40, deadline=None)
@given(edits=st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=4))
def test_an_arrow_stream_with_other_bytes_in_it_is_answered_or_refused(
    loaded: LoadedModel, edits: list[tuple[int, bytes]]
) -> None:
    model = loaded("booster")
    batch = pa.RecordBatch.from_pandas(models.rows(3)[list(model.input_names)], preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(batch)
    body = bytearray(sink.getvalue().to_pybytes())
    for place, data in edits:
        begin = place % len(body)
        body[begin : begin + len(data)] = data
    assert Protocol(model).answer(bytes(body), ARROW).status in {200, 400, 413}


def test_a_request_without_a_type_and_an_arrow_stream_that_is_none(loaded: LoadedModel) -> None:
    running = Running(loaded("booster"))
    try:
        with running.connect() as client:
            client.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
            assert read_one(client)[0] == 415
            for body in (b"", b"no stream", b"\xff\xff\xff\xff\x10\x00\x00\x00" + b"\x01" * 64):
                status, answer = ask(client, body, ARROW)
                assert status == 400 and "Arrow" in json.loads(answer)["message"]
    finally:
        running.close()
