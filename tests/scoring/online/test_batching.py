"""Requests that are there together are predicted together, and each gets the answer that it would get alone."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from brickyard.scoring.model import ScoringModel, load_model
from brickyard.scoring.online import Protocol, Request
from brickyard.scoring.online.answer import ARROW, Answer
from brickyard.scoring.online.connection import Connection
from brickyard.scoring.online.encoding import encode
from brickyard.scoring.online.worker import Worker
from tests.scoring import models
from tests.scoring.conftest import LoadedModel
from tests.scoring.online.parity import PARQUET, ask_mlflow, meaning
from tests.scoring.online.serving import JSON, Running, answers, read_one, request
from tests.scoring.online.test_fuzz import Wire
from tests.scoring.online.test_http import body_of
from tests.support import wait_for

OWN_MODEL = """
import mlflow, threading

class Own(mlflow.pyfunc.PythonModel):
    def __init__(self):
        self.calls, self.gate = [], threading.Event()
        self.gate.set()

    def predict(self, context, model_input, params=None):
        self.calls.append(len(model_input))
        self.gate.wait(30)
        if (model_input["text"] == "bad").any():
            raise ValueError("a bad row")
        if (model_input["text"] == "refused").any():
            raise mlflow.exceptions.MlflowException("a row that is refused", 1000)
        if (model_input["text"] == "none").any():
            return None
        return model_input["number"] * 2 + MEAN * model_input["number"].mean()

mlflow.models.set_model(Own())
"""


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., ScoringModel]:
    """A model of own code; what it says of itself, and whether rows depend on each other."""

    def make(mean: int = 0, **metadata: Any) -> ScoringModel:
        import mlflow.pyfunc
        from mlflow.models import infer_signature

        (tmp_path / "own.py").write_text(OWN_MODEL.replace("MEAN", str(mean)))
        signature = infer_signature(pd.DataFrame({"number": [1.5], "text": ["a"]}), np.array([1.0]))
        mlflow.pyfunc.save_model(
            str(tmp_path / "model"),
            python_model=str(tmp_path / "own.py"),
            signature=signature,
            pip_requirements=[],
            metadata=metadata,
        )
        return load_model(tmp_path / "model")

    return make


@pytest.fixture
def run() -> Iterator[Callable[[ScoringModel], Running]]:
    started: list[Running] = []

    def start(model: ScoringModel) -> Running:
        started.append(Running(model))
        return started[-1]

    yield start
    for running in started:
        running.close()


def body(number: float, text: str = "a") -> bytes:
    return json.dumps({"dataframe_records": [{"number": number, "text": text}]}).encode()


def ask_behind_one(running: Running, model: ScoringModel, bodies: list[bytes]) -> list[tuple[int, bytes]]:
    """Ask while the model is busy with another request, so that all of these wait."""
    own = model.pyfunc.unwrap_python_model()
    own.gate.clear()
    own.calls.clear()
    clients = [running.connect() for _ in range(len(bodies) + 1)]
    clients[-1].sendall(request(body(0)))
    wait_for(lambda: own.calls == [1], seconds=10)
    for client, sent in zip(clients, bodies, strict=False):
        client.sendall(request(sent))
    wait_for(lambda: metric(running, "queued") == len(bodies), seconds=10)
    own.gate.set()
    found = [read_one(client)[::2] for client in clients]
    for client in clients:
        client.close()
    return found[:-1]


def metric(running: Running, name: str) -> float:
    ((_, text),) = answers(running.ask(b"GET /metrics HTTP/1.1\r\n\r\n"))
    lines = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
    return float(lines[f"brickyard_scoring_{name}"])


def test_what_waits_for_a_model_that_says_so_is_its_next_call(own: Callable[..., ScoringModel], run: Callable) -> None:
    model = own(**{"brickyard.row_wise": True})
    found = ask_behind_one(run(model), model, [body(number) for number in (1, 2, 3, 4, 5)])
    assert [status for status, _ in found] == [200] * 5
    assert [json.loads(text)["predictions"] for _, text in found] == [[{"number": 2.0 * n}] for n in (1, 2, 3, 4, 5)]
    assert model.pyfunc.unwrap_python_model().calls == [1, 5]


def test_a_bad_row_spoils_nobody_elses_answer(own: Callable[..., ScoringModel], run: Callable) -> None:
    model = own(**{"brickyard.row_wise": True})
    bodies = [body(1), body(2, "bad"), body(3), b'{"dataframe_records": [{"number": "x", "text": "a"}]}', b"{"]
    alone = [Protocol(model).answer(each, JSON) for each in bodies]
    found = ask_behind_one(run(model), model, bodies)
    assert [status for status, _ in found] == [answer.status for answer in alone] == [200, 400, 200, 400, 400]
    assert [json.loads(text).get("message") for _, text in found] == [
        json.loads(answer.body).get("message") for answer in alone
    ]


@pytest.mark.parametrize(("mean", "metadata"), [(0, {}), (1, {}), (1, {"brickyard.row_wise": True})])
def test_rows_of_own_code_are_joined_only_where_it_says_so_and_they_do_not_depend_on_each_other(
    mean: int, metadata: dict[str, Any], own: Callable[..., ScoringModel], run: Callable
) -> None:
    model = own(mean=mean, **metadata)
    own_code = model.pyfunc.unwrap_python_model()
    running = run(model)
    assert not Protocol(model).joins
    own_code.calls.clear()
    threads = [threading.Thread(target=running.ask, args=(request(body(1)),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert own_code.calls == [1] * 4


def test_a_client_that_has_left_is_not_predicted_for(own: Callable[..., ScoringModel], run: Callable) -> None:
    model = own(**{"brickyard.row_wise": True})
    running, own_code = run(model), model.pyfunc.unwrap_python_model()
    own_code.gate.clear()
    own_code.calls.clear()
    with running.connect() as first, running.connect() as second:
        first.sendall(request(body(1)))
        wait_for(lambda: own_code.calls == [1], seconds=10)
        second.sendall(request(body(2)))
        wait_for(lambda: metric(running, "queued") == 1, seconds=10)
        second.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        second.close()  # reset; one that only sends no more is answered
        wait_for(lambda: metric(running, "in_flight") == 2, seconds=10)  # the first, and the one that asks
        own_code.gate.set()
        assert read_one(first)[0] == 200
    wait_for(lambda: metric(running, "queued") == 0, seconds=10)
    assert own_code.calls == [1]


def test_what_is_read_in_one_turn_of_the_loop_is_predicted_together(loaded: LoadedModel) -> None:
    model = loaded("booster")
    worker, calls, wires = Worker(model), [], [Wire() for _ in range(6)]
    predicted = worker.service._protocol.quick_answers
    worker.service._protocol.quick_answers = lambda requests: calls.append(len(requests)) or predicted(requests)

    async def read() -> None:
        for seed, wire in enumerate(wires):
            connection = Connection(worker)
            connection.connection_made(wire)
            connection.data_received(request(body_of(seed + 1, seed)))
        while not all(wire.sent for wire in wires):
            await asyncio.sleep(0)

    asyncio.run(read())
    assert calls == [6]
    for seed, wire in enumerate(wires):
        expected = model.pyfunc.predict(models.rows(seed + 1, seed)).tolist()
        assert answers(wire.sent) == [(200, json.dumps({"predictions": expected}).encode())]


@pytest.mark.parametrize("kind", models.KINDS)
def test_answers_together_are_those_alone(kind: str, loaded: LoadedModel) -> None:
    model = loaded(kind)
    frames = [models.mixed_rows(count, seed=count)[list(model.input_names)] for count in (1, 3, 2)]
    bodies = [json.dumps({"dataframe_records": plain(frame)}).encode() for frame in frames]
    bodies += [b"{", bodies[0].replace(b"n0", b"x0"), frames[0].to_csv(index=False).encode()]
    types = [JSON] * 5 + ["text/csv"]
    protocol = Protocol(model)
    together = protocol.answers([Request(each, kind) for each, kind in zip(bodies, types, strict=True)])
    alone = [protocol.answer(each, kind) for each, kind in zip(bodies, types, strict=True)]
    assert [comparable(answer) for answer in together] == [comparable(answer) for answer in alone]
    assert [answer.status for answer in together] == [200, 200, 200, 400, 400, 200]


@pytest.mark.parametrize("text", ["good", "bad", "refused", "none"])
def test_the_model_is_called_once_for_a_request_whatever_comes_of_it(
    text: str, own: Callable[..., ScoringModel]
) -> None:
    model = own()
    sent, calls = body(1.5, text), model.pyfunc.unwrap_python_model().calls
    assert model.rung == "frame"
    answer = Protocol(model).answer(sent, JSON)
    assert calls == [1]
    assert meaning((answer.status, answer.body)) == meaning(ask_mlflow(model, sent, JSON))
    assert text != "bad" or "in predict" in json.loads(answer.body)["stack_trace"]


def plain(frame: pd.DataFrame) -> Any:
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def comparable(answer: Answer) -> Any:
    """Without the stack trace, which says by which way the model was asked."""
    found = json.loads(answer.body)
    return answer.status, {name: value for name, value in found.items() if name != "stack_trace"}


@pytest.mark.parametrize("kind", models.KINDS)
def test_arrow_in_and_out_give_the_predictions_of_json(kind: str, loaded: LoadedModel) -> None:
    model, protocol = loaded(kind), Protocol(loaded(kind))
    frame = models.mixed_rows(300, seed=5)[list(model.input_names)]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream, document = sink.getvalue().to_pybytes(), json.dumps({"dataframe_records": plain(frame)}).encode()
    expected = json.loads(protocol.answer(document, JSON).body)["predictions"]
    assert json.loads(protocol.answer(stream, ARROW).body)["predictions"] == expected
    for sent, content_type in ((stream, ARROW), (document, JSON), (frame.to_csv(index=False).encode(), "text/csv")):
        answer = protocol.answer(sent, content_type, ARROW)
        assert (answer.status, answer.media_type, answer.rows) == (200, ARROW, 300)
        found = pa.ipc.open_stream(answer.body).read_all()
        rows = found.to_pylist() if kind == "custom" else found["predictions"].to_pylist()
        assert rows == json.loads(protocol.answer(sent, content_type).body)["predictions"]


def test_predictions_without_an_arrow_form_are_refused_by_name() -> None:
    assert encode([1, "a", {}], ARROW).status == 406


@pytest.mark.parametrize(
    "values",
    [
        np.array([1e-7, 1e16, 0.1, -0.0]),
        np.array([np.nan, np.inf]),
        np.array([[1, 2], [3, 4]]),
        np.array([True, False]),
        np.array([0.1], dtype=np.float32),
        np.arange(1000) / 3,
        np.append(np.arange(999) / 3, np.nan),
        np.arange(2000).reshape(-1, 2)[::2] / 7,
    ],
)
def test_numbers_are_written_as_mlflow_writes_them(values: np.ndarray) -> None:
    from io import StringIO

    from mlflow.pyfunc.scoring_server import predictions_to_json

    expected = StringIO()
    predictions_to_json(values, expected)
    found = encode(values).body
    assert repr(json.loads(found)) == repr(json.loads(expected.getvalue()))
    assert values.size > 256 or found == expected.getvalue().encode()


def test_own_code_is_never_called_on_the_loop(own: Callable[..., ScoringModel], run: Callable) -> None:
    model = own(**{"brickyard.row_wise": True})
    python_model = model.pyfunc.unwrap_python_model()
    names: set[str] = set()
    python_model.gate.wait = lambda seconds: names.add(threading.current_thread().name)
    running = run(model)
    names.clear()  # of rows that were made up to find out what the model is like
    with running.connect() as client:
        for _ in range(30):  # they are fast, so that it would pay
            client.sendall(request(body(1)))
            assert read_one(client)[0] == 200
    assert names and all(name.startswith("predict") for name in names)


def test_a_plan_is_called_on_the_loop_for_a_short_time_only(loaded: LoadedModel, monkeypatch: Any) -> None:
    model = loaded("booster")
    worker = Worker(model)
    service = worker.service
    rows = models.rows(200).dropna()
    text = json.dumps({"dataframe_split": {"columns": list(rows), "data": rows.to_numpy(object).tolist()}}).encode()
    calls = [SimpleNamespace(request=Request(text, JSON)) for _ in range(20)]
    for call in calls:
        assert service._protocol.at_once(call.request) is None and call.request.prepared
    assert len(service._short(calls, 0.003)) == 1  # it is not known yet how long they take
    service._row_seconds = 0.001 / len(rows)
    assert [len(service._short(calls, seconds)) for seconds in (0.0025, 0.0005, 0)] == [2, 0, 0]


def test_the_loop_calls_a_library_only_for_plain_rows(loaded: LoadedModel, run: Callable) -> None:
    running = run(ScoringModel(loaded("labels").path, loaded("labels").pyfunc))  # without its plan
    protocol, frame = running.worker.service._protocol, models.rows(1, 3)
    predicted, threads = protocol.answers, []
    protocol.answers = lambda requests: threads.append(threading.current_thread().name) or predicted(requests)
    with running.connect() as client:
        for _ in range(2):
            running.worker.service._usual_seconds = 0.0  # as after many fast answers
            client.sendall(request(body_of(1, 3)))
            assert read_one(client)[0] == 200
        running.worker.service._usual_seconds = 0.0
        client.sendall(request(frame.to_parquet(), PARQUET))  # a few bytes may be millions of rows
        assert read_one(client)[0] == 200
    assert [name.startswith("predict") for name in threads] == [False, False, True]
