"""Rows of a plan that come one at a time are answered at once; where others come with them they wait for those."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brickyard.scoring.model import ScoringModel, load_model
from brickyard.scoring.online.answer import Answer
from brickyard.scoring.online.head import Head
from brickyard.scoring.online.worker import Worker
from tests.scoring.online.serving import JSON

HEAD = Head("POST", "/invocations", JSON, "", True, False, 0, False)
METRICS = Head("GET", "/metrics", "", "", True, False, 0, False)
NAMES = ["a", "b"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    import lightgbm
    import mlflow.lightgbm
    from mlflow.models import infer_signature

    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=NAMES)
    booster = lightgbm.train({"num_threads": 1, "verbose": -1}, lightgbm.Dataset(frame, frame["a"]), 4)
    path: Path = tmp_path_factory.mktemp("lone") / "model"
    signature = infer_signature(frame, np.array([0.5]))
    mlflow.lightgbm.save_model(booster, str(path), signature=signature, pip_requirements=[])
    return load_model(path)


class Client:
    """A connection that keeps its answers."""

    is_gone = False

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def reply(self, answer: Answer) -> None:
        self.answers.append(answer)


def body(row: list[float]) -> bytes:
    return json.dumps({"dataframe_split": {"columns": NAMES, "data": [row]}}).encode()


async def turn(service: Any, rows: list[list[float]]) -> tuple[list[bool], list[Answer]]:
    """Ask all of them in one turn of the loop; which were answered at once, and all answers."""
    clients = [Client() for _ in rows]
    given = [service.ask(HEAD, body(row), client) for row, client in zip(rows, clients, strict=True)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    answers = [answer or client.answers[0] for answer, client in zip(given, clients, strict=True)]
    return [answer is not None for answer in given], answers


def test_rows_one_at_a_time_are_answered_at_once(model: ScoringModel) -> None:
    service = Worker(model).service
    rows = np.random.default_rng(1).normal(size=(200, 2))
    expected = model.pyfunc.predict(pd.DataFrame(rows, columns=NAMES)).tolist()

    async def ask() -> list[bool]:
        found = []
        for row, prediction in zip(rows.tolist(), expected, strict=True):
            at_once, [answer] = await turn(service, [row])
            assert json.loads(answer.body) == {"predictions": [prediction]}
            found += at_once
        return found

    at_once = asyncio.run(ask())
    assert not any(at_once[:8]) and all(at_once[8:24])
    assert at_once[8:].count(False) == 11  # those that look whether there are others by now
    metrics = service.ask(METRICS, b"", Client()).body.decode().splitlines()
    for name in ("rows_total", "batch_requests_sum", "batch_requests_count"):
        assert f"brickyard_scoring_{name} 200" in metrics


def test_rows_that_come_together_wait_for_each_other(model: ScoringModel) -> None:
    service = Worker(model).service
    rows = np.random.default_rng(2).normal(size=(16, 2)).tolist()
    expected = model.pyfunc.predict(pd.DataFrame(rows, columns=NAMES)).tolist()

    async def ask() -> list[list[bool]]:
        for _ in range(20):
            await turn(service, rows[:1])
        found = []
        for _ in range(40):
            at_once, answers = await turn(service, rows)
            assert [json.loads(answer.body)["predictions"][0] for answer in answers] == expected
            found.append(at_once)
        return found

    found = asyncio.run(ask())
    assert any(found[0])  # nobody knew of company
    assert not any(map(any, found[2:]))
