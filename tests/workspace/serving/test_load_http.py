"""Clients of the official SDK over HTTP while what an endpoint serves changes and dies: no answer is lost or wrong."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import mlflow.pyfunc
import pandas as pd
import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.service.serving import Route, ServedEntityInput, TrafficConfig
from mlflow.models import infer_signature

from tests.support import LocalWorkspace, wait_for
from tests.workspace.serving.test_api import MODEL, config, register

pytestmark = pytest.mark.timeout(180)
NAME, CLIENTS = "loaded", 3
# Takes so long that a request of each client is under way at any time.
MODEL_CODE = """
import mlflow, time

class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        time.sleep(0.1)
        return model_input["number"] * FACTOR

mlflow.models.set_model(Slow())
"""


@pytest.fixture
def versions(workspace: LocalWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two versions, of which the first doubles, the second triples."""
    for name, value in workspace.environ.items():
        monkeypatch.setenv(name, value)
    numbers = pd.DataFrame({"number": [1.5]})
    for factor in (2, 3):
        (code := tmp_path / f"times_{factor}.py").write_text(MODEL_CODE.replace("FACTOR", str(factor)))
        signature = infer_signature(numbers, numbers["number"])
        path = str(tmp_path / f"model-{factor}")
        mlflow.pyfunc.save_model(path, python_model=str(code), signature=signature, pip_requirements=[])
    return [register(tmp_path / f"model-{factor}", alias=None) for factor in (2, 3)]


class Load:
    """Clients that ask one after the other, each time another thing and never again, and what they were answered."""

    def __init__(self, workspace: LocalWorkspace, factors: dict[str, int]) -> None:
        # The SDK waits longer than that before it asks again, so it does not.
        once = Config(host=workspace.host, token=workspace.token, auth_type="pat", retry_timeout_seconds=1)
        self._client, self._factors, self._numbers = WorkspaceClient(config=once), factors, count()
        self.stopped = threading.Event()
        self._answers: list[Counter[str]] = [Counter() for _ in range(CLIENTS)]  # each client its own
        self.failures: list[Exception] = []

    def run(self, client: int) -> None:
        while not self.stopped.is_set():
            number = float(next(self._numbers))
            try:
                answer = self._client.serving_endpoints.query(NAME, dataframe_records=[{"number": number}])
            except Exception as error:
                self.failures.append(error)
                continue
            name = str(answer.served_model_name)
            assert answer.predictions == [{"number": self._factors[name] * number}]
            self._answers[client][name] += 1

    def answers(self, name: str) -> int:
        return sum(answers[name] for answers in self._answers)

    def more(self, name: str) -> None:
        """Wait until a served entity has answered everybody's requests that were under way, and some more."""
        goals = [answers[name] + 3 for answers in self._answers]
        pairs = list(zip(self._answers, goals, strict=True))
        wait_for(lambda: all(answers[name] >= goal for answers, goal in pairs), seconds=30)


@contextmanager
def loaded(workspace: LocalWorkspace, factors: dict[str, int]) -> Iterator[Load]:
    load = Load(workspace, factors)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(load.run, client) for client in range(CLIENTS)]
        try:
            yield load
        finally:
            load.stopped.set()
    for client in clients:
        client.result()


def test_nothing_is_lost_and_nothing_is_wrong(workspace: LocalWorkspace, versions: list[str]) -> None:
    one, two = (f"v-{version}" for version in versions)
    family = workspace.client().serving_endpoints

    def update(**shares: int) -> None:
        served = {
            version: shares[name] for name, version in zip(("one", "two"), versions, strict=True) if name in shares
        }
        entities = [ServedEntityInput(entity_name=MODEL, entity_version=v, name=f"v-{v}") for v in served]
        routes = [Route(served_entity_name=f"v-{v}", traffic_percentage=share) for v, share in served.items()]
        family.update_config_and_wait(NAME, served_entities=entities, traffic_config=TrafficConfig(routes=routes))

    family.create_and_wait(NAME, config=config(versions[0]))
    with loaded(workspace, {one: 2, two: 3}) as load:
        load.more(one)
        update(one=50, two=50)
        load.more(two)
        update(two=100)
        load.more(two)
        update(one=100)  # rolled back
        load.more(one)
        answered = load.answers(two)
        load.more(one)
        assert (load.answers(two), load.failures) == (answered, [])
        kill_what_scores(workspace, str(family.get(NAME).id))
        load.more(one)
    assert len(load.failures) <= CLIENTS  # in flight on the killed process
    family.delete(NAME)


def kill_what_scores(workspace: LocalWorkspace, endpoint: str) -> None:
    """Kill -9 of the only process of an endpoint, and see that another takes its place."""

    def scoring() -> Iterator[psutil.Process]:
        for child in psutil.Process(workspace.pid).children(recursive=True):
            with suppress(psutil.Error):  # it has ended
                if Path(child.cwd()).name == endpoint:
                    yield child

    (process,) = wait_for(lambda: len(found := list(scoring())) == 1 and found, seconds=20)
    process.kill()
    wait_for(lambda: any(other != process for other in scoring()), seconds=20)
