"""`kill -9` of a scoring process in the middle: the output is at its last commit, and the same run completes it."""

from __future__ import annotations

import random
import subprocess
import time

import mlflow
import numpy as np
import pandas as pd
import pytest
from deltalake import write_deltalake
from mlflow.models import infer_signature

from brickyard.errors import WorkspaceRefused
from brickyard.scoring.batch import score_table
from brickyard.scoring.output import OutputTable
from tests.scoring.conftest import LoadedModel, ModelPath
from tests.scoring.warehouse import Warehouse, job, keyed
from tests.support.commands import BRICKYARD

ROWS, MODES = 200_000, ("append", "overwrite", "merge", "incremental")
KILLED = """
import itertools, os, signal
import mlflow

calls = itertools.count()


class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        if next(calls) == int(os.environ.get("KILLED_AT", -1)):
            os.kill(os.getpid(), signal.SIGKILL)
        return model_input["x"] * 3


mlflow.models.set_model(Model())
"""


def frame(count: int) -> pd.DataFrame:
    return pd.DataFrame({"flight_id": range(count), "x": range(count)})


@pytest.fixture(scope="module")
def mortal(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that kills its process at the batch that the environment names."""
    path = tmp_path_factory.mktemp("mortal")
    code = path / "mortal.py"
    code.write_text(KILLED)
    signature = infer_signature(frame(3)[["x"]], frame(3)["x"])
    mlflow.pyfunc.save_model(str(path / "model"), python_model=str(code), signature=signature, pip_requirements=[])
    return warehouse.register(path / "model")


def command(model: str, table: str, output: str, mode: str) -> list[str]:
    given = {"--model": f"models:/{model}@champion", "--input": table, "--output": output, "--keys": "flight_id"}
    return [*BRICKYARD, "score", *(part for pair in (given | {"--mode": mode}).items() for part in pair)]


def check_completes(warehouse: Warehouse, scoring: list[str], output: str, before: int) -> None:
    """Nothing of the killed run is seen; the same command scores everything once."""
    assert warehouse.delta(output).version() == 0 and warehouse.delta(output).count() == before
    done = subprocess.run(scoring, env=warehouse.workspace.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    got = warehouse.delta(output).to_pandas()
    appended = before if "append" in scoring else 0
    assert len(got) == ROWS + appended and set(got["flight_id"]) == set(range(ROWS))
    assert (got["prediction"] == got["flight_id"] * 3).all()
    assert warehouse.delta(output).version() == 1


def soaked(*point: object) -> object:
    return pytest.param(*point, marks=pytest.mark.soak)


@pytest.mark.parametrize(
    ("mode", "batch"), [("incremental", 3), *(soaked(mode, batch) for mode in MODES for batch in (0, 2))]
)
def test_a_process_that_is_killed_at_a_batch(mode: str, batch: int, warehouse: Warehouse, mortal: str) -> None:
    table, output = warehouse.table(frame(10)), warehouse.unused("out")
    scoring = command(mortal, table, output, mode)
    score_table(warehouse.connection, job(mortal, table, output, mode=mode))
    write_deltalake(warehouse.delta(table), frame(ROWS).iloc[10:], mode="append")
    killed = subprocess.run(
        scoring, env=warehouse.workspace.environ | {"KILLED_AT": str(batch)}, capture_output=True, text=True
    )
    assert killed.returncode == -9, killed.stderr
    check_completes(warehouse, scoring, output, 10)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12))
def test_a_process_that_is_killed_at_any_moment(seed: int, warehouse: Warehouse, mortal: str) -> None:
    chance = random.Random(seed)
    mode = chance.choice(MODES)
    table, output = warehouse.table(frame(10)), warehouse.unused("out")
    scoring = command(mortal, table, output, mode)
    begin = time.monotonic()
    subprocess.run(scoring, env=warehouse.workspace.environ, check=True, capture_output=True)
    usual = time.monotonic() - begin
    write_deltalake(warehouse.delta(table), frame(ROWS).iloc[10:], mode="append")
    process = subprocess.Popen(scoring, env=warehouse.workspace.environ, stdout=subprocess.PIPE)
    try:
        process.wait(usual * chance.uniform(0.5, 1.3))
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    if warehouse.delta(output).version() == 0:
        check_completes(warehouse, scoring, output, 10)
    else:
        done = subprocess.run(scoring, env=warehouse.workspace.environ, capture_output=True, text=True)
        assert done.stdout.startswith("nothing to do") and warehouse.delta(output).version() == 1


def test_an_output_that_was_written_but_not_registered_is_registered_by_the_next_run(
    warehouse: Warehouse, model_path: ModelPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, output = warehouse.table(keyed(5)), warehouse.unused("out")
    scoring = job(warehouse.register(model_path("booster")), table, output)

    def refused(self: OutputTable, api: object) -> None:
        raise WorkspaceRefused("not now")

    with monkeypatch.context() as patch:
        patch.setattr(OutputTable, "register", refused)
        with pytest.raises(WorkspaceRefused):
            score_table(warehouse.connection, scoring)
    assert not score_table(warehouse.connection, scoring).changed
    assert warehouse.delta(output).count() == 5


@pytest.mark.parametrize(
    ("kind", "count"), [("booster", 150_000), soaked("booster", 1_000_000), soaked("pipeline", 1_000_000)]
)
def test_many_rows_have_the_predictions_that_pyfunc_gives_the_whole_frame(
    kind: str, count: int, warehouse: Warehouse, model_path: ModelPath, loaded: LoadedModel
) -> None:
    rows = keyed(count)
    output = warehouse.unused("out")
    score_table(warehouse.connection, job(warehouse.register(model_path(kind)), warehouse.table(rows), output))
    got = warehouse.delta(output).to_pandas().set_index("flight_id")["prediction"].sort_index()
    # Loaded with one job: with two, the forest adds its trees in the order in which threads end.
    expected = loaded(kind).pyfunc.predict(rows)
    assert np.stack(got.to_numpy()).tobytes() == np.ascontiguousarray(expected).tobytes()
