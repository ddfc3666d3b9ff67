"""Servers that end with the test, and a model that predicts when it is let."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scoring.online.served import Served

# Predicts once the file exists that its column `gate` names; another beside that says that it has begun.
GATED_MODEL = """
import mlflow, os, time

class Gated(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        gate = model_input["gate"][0]
        print("said by the model", end="")
        open(gate + ".begun", "w").close()
        while not os.path.exists(gate):
            time.sleep(0.01)
        return [1.0] * len(model_input)

mlflow.models.set_model(Gated())
"""


@pytest.fixture(scope="session")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import mlflow.pyfunc

    directory = tmp_path_factory.mktemp("gated")
    (directory / "gated.py").write_text(GATED_MODEL)
    mlflow.pyfunc.save_model(str(directory / "model"), python_model=str(directory / "gated.py"), pip_requirements=[])
    return directory / "model"


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def begin(*arguments: str) -> Served:
        started.append(Served(*arguments))
        return started[-1]

    yield begin
    for served in started:
        served.close()
