"""Bodies that are wrong, over HTTP: the status, the code and the message of MLflow's own server."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scoring import models
from tests.scoring.conftest import LoadedModel
from tests.scoring.online.serving import JSON, Running, answers, chunked, read_one, request
from tests.scoring.online.test_protocol import ask_mlflow, payloads

ROW: dict[str, Any] = {**dict.fromkeys(models.COLUMNS, 1.5), "month": 1, "hour": 2, "weekend": True, "carrier": "AA"}
NAMES = list(ROW)
VALUES = list(ROW.values())
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"


def documents() -> Iterator[Any]:
    """JSON that is no request, or none of this model."""
    yield from (None, True, 3, 1.5, "text", [], [ROW], {}, {"rows": [ROW]}, {"data": [VALUES]}, {"columns": NAMES})
    forms = ("dataframe_split", "dataframe_records", "instances", "inputs")
    for form, content in itertools.product(forms, (None, True, 3, "text", [], {}, [[]], [{}], [None], {"a": 1})):
        yield {form: content}
    for one, other in itertools.combinations(forms, 2):
        yield {one: [ROW], other: [ROW]}
    yield from ({form: [ROW], "params": params} for form in forms for params in (1, "a", [1], {"nope": 1}))
    split = {"columns": NAMES, "data": [VALUES]}
    for change in (
        {"columns": NAMES[1:]},
        {"columns": [*NAMES, "n0"]},
        {"columns": "text"},
        {"columns": None},
        {"columns": [1, 2]},
        {"data": VALUES},
        {"data": [VALUES, VALUES[1:]]},
        {"data": None},
        {"data": {"a": 1}},
        {"data": [[*VALUES, 1]]},
        {"index": [1, 2, 3]},
        {"more": 1},
    ):
        yield {"dataframe_split": {**split, **change}}
    for name, value in itertools.product(("n0", "month", "hour", "weekend", "carrier"), ODD_VALUES):
        yield {"dataframe_records": [{**ROW, name: value}]}
    for name in ("n0", "month", "carrier"):
        yield {"dataframe_records": [{key: value for key, value in ROW.items() if key != name}]}
        yield {"inputs": {key: [value] for key, value in ROW.items() if key != name}}
    yield {"inputs": {**{key: [value] for key, value in ROW.items()}, "n0": [1, 2]}}
    yield {"inputs": ROW, "params": {"scale": "text"}}


ODD_VALUES: tuple[Any, ...] = (None, "text", [1], {"a": 1}, True, 2**70, -(2**40), 1.5, "")
RAW = {
    "cut": (b'{"dataframe_records": [', JSON),
    "empty": (b"", JSON),
    "not utf-8": (b'{"inputs": "\xff"}', JSON),
    "nan": (b'{"dataframe_records": [{"n0": NaN}]}', JSON),
    "deep": (b"[" * 500 + b"]" * 500, JSON),
    "byte order mark": (b"\xef\xbb\xbf{}", JSON),
    "two documents": (b"{}{}", JSON),
    "charset": (b"{}", "application/json; charset=latin-1"),
    "parameter": (b"{}", "application/json; version=1"),
    "other type": (b"{}", "application/xml"),
    "nonsense type": (b"{}", ";;;"),
    "csv of nothing": (b"", "text/csv"),
    "csv of blanks": (b"\n\n\n", "text/csv"),
    "csv of other columns": (b"a,b\n1,2\n", "text/csv"),
    "csv of text": (",".join(NAMES).encode() + b"\n" + b",".join([b"x"] * len(NAMES)), "text/csv"),
    "csv ragged": (b"a,b\n1,2,3,4\n5\n1,2,3\n", "text/csv"),
    "csv not utf-8": (b"a\n\xff\n", "text/csv"),
    "no parquet": (b"PAR1 no PAR1", PARQUET),
    "empty parquet": (b"", PARQUET),
}
BODIES = [(json.dumps(document).encode(), JSON) for document in documents()] + list(RAW.values())


@pytest.fixture(scope="module", params=["booster", "pipeline", "custom"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_bad_body_gets_the_status_and_the_meaning_of_mlflow(kind: str, loaded: LoadedModel) -> None:
    """All on one connection, so that none of them harms the next."""
    model = loaded(kind)
    running, wrong = Running(model), []
    try:
        with running.connect() as client:
            for body, content_type in BODIES:
                got = ask(client, body, content_type)
                expected = ask_mlflow(model, body, content_type)
                if (got[0], meaning(got[1])) != (expected[0], meaning(expected[1])) and got[0] != 500:
                    wrong.append((body, content_type, got, expected))
                assert got[0] == expected[0], (body, got, expected)
    finally:
        running.close()
    assert len(BODIES) > 120
    assert not wrong


def test_every_form_gets_the_answer_of_mlflow(kind: str, loaded: LoadedModel) -> None:
    """Whole, in chunks, and by the path of an endpoint."""
    model = loaded(kind)
    frame = models.mixed_rows(20, seed=3)[list(model.input_names)]
    running = Running(model)
    try:
        for body, content_type in payloads(frame).values():
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


def meaning(body: bytes) -> Any:
    """Code and message without the stack trace; a bare 500 of MLflow's server means no more than that."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return body
    return (parsed["error_code"], parsed["message"]) if isinstance(parsed, dict) and "message" in parsed else parsed


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
