"""A version whose plan is kept is scored without its files, and a name that came again is another model."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from brickyard.plan.connect import Connection
from brickyard.scoring import registered
from brickyard.scoring.batch import BatchResult, score_table
from brickyard.scoring.model import load_model
from brickyard.scoring.source import ModelSource
from tests.scoring import models
from tests.scoring.conftest import LoadedModel, ModelPath
from tests.scoring.models import mixed_rows
from tests.scoring.warehouse import Warehouse, job

KIND = "booster"


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models whose files were fetched."""
    names: list[str] = []
    fetch = registered.fetch_version

    def fetching(source: ModelSource, connection: Connection) -> Path:
        names.append(source.name)
        return fetch(source, connection)

    monkeypatch.setattr(registered, "fetch_version", fetching)
    return names


def scored(warehouse: Warehouse, model: str, frame: pd.DataFrame) -> tuple[BatchResult, pd.DataFrame]:
    output = warehouse.unused("out")
    result = score_table(warehouse.connection, job(model, warehouse.table(frame), output))
    return result, warehouse.delta(output).to_pandas().sort_values("flight_id")


def test_files_are_fetched_once_and_when_the_plan_declines_rows(
    warehouse: Warehouse, model_path: ModelPath, loaded: LoadedModel, fetched: list[str]
) -> None:
    model, frame = warehouse.register(model_path(KIND)), mixed_rows(40, seed=3).assign(flight_id=range(40))
    expected = loaded(KIND).pyfunc.predict(frame).tolist()
    for _ in range(2):
        assert scored(warehouse, model, frame)[1]["prediction"].tolist() == expected
        assert fetched == [model]
    numbers = [name for name in loaded(KIND).input_names if frame[name].dtype == "float64"]
    texts = frame.assign(**{numbers[0]: frame[numbers[0]].map(repr)})  # the plan takes no text for a number
    assert scored(warehouse, model, texts)[1]["prediction"].tolist() == expected
    assert fetched == [model, model]


def test_a_name_that_came_again_is_another_model(
    warehouse: Warehouse, model_path: ModelPath, fetched: list[str], tmp_path: Path
) -> None:
    model, frame = warehouse.register(model_path(KIND)), mixed_rows(10, seed=3).assign(flight_id=range(10))
    scored(warehouse, model, frame)
    warehouse.client.registered_models.delete_alias(model, "champion")
    warehouse.client.model_versions.delete(model, 1)
    warehouse.client.registered_models.delete(model)
    warehouse.client.registered_models.create(catalog_name="main", schema_name="scoring", name=model.split(".")[2])
    warehouse.add_version(model, models.booster(tmp_path / "other", seed=1))
    result, got = scored(warehouse, model, frame)
    assert (result.source.version, fetched) == ("1", [model, model])
    assert got["prediction"].tolist() == load_model(tmp_path / "other").pyfunc.predict(frame).tolist()
