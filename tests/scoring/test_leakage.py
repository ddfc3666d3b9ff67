"""Rows that a model was trained on, by what its run recorded: reported, refused, or not looked for."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pandas as pd
import pytest
from deltalake import write_deltalake

from brickyard.errors import DataError
from brickyard.scoring.batch import score_table
from tests.scoring.conftest import ModelPath
from tests.scoring.warehouse import Warehouse, job, keyed


def trained(warehouse: Warehouse, path: Path, table: str | None, version: int | None = None, **more: str) -> str:
    """Register a model whose run says what it was trained on."""
    from mlflow.data.dataset_source_registry import get_dataset_source_from_json
    from mlflow.entities import Dataset, DatasetInput, InputTag

    mlflow.set_tracking_uri("databricks")
    mlflow.set_experiment("/Shared/leakage")
    with mlflow.start_run() as run:
        source = f'{{"delta_table_name": "{table}", "is_databricks_uc_table": true}}'
        if version is not None:
            source = source.replace("}", f', "delta_table_version": {version}}}')
        assert get_dataset_source_from_json(source, "delta_table")
        tags = [InputTag("mlflow.data.context", more.get("context", "training"))]
        dataset = Dataset("rows", run.info.run_id[:8], more.get("kind", "delta_table"), more.get("source", source))
        if table or "source" in more:
            mlflow.MlflowClient().log_inputs(run.info.run_id, datasets=[DatasetInput(dataset, tags)])
    name = warehouse.unused("model")
    registry = mlflow.MlflowClient("databricks", "databricks-uc")
    registry.create_registered_model(name)
    made = registry.create_model_version(name, source=str(path), run_id=run.info.run_id)
    registry.set_registered_model_alias(name, "champion", made.version)
    return name


def test_rows_of_the_training_table_are_counted_or_refused(warehouse: Warehouse, model_path: ModelPath) -> None:
    training = warehouse.table(keyed(30).assign(flight_id=lambda rows: rows.flight_id.astype("int32")))
    write_deltalake(warehouse.delta(training), keyed(40).iloc[30:].astype({"flight_id": "int32"}), mode="append")
    model = trained(warehouse, model_path("booster"), training, 1)
    table, output = warehouse.table(keyed(50).iloc[20:]), warehouse.unused("out")
    with pytest.raises(DataError, match="20 of 30 rows of a batch were in the model's training data"):
        score_table(warehouse.connection, job(model, table, output, leakage="refuse"))
    assert output not in [found.full_name for found in warehouse.client.tables.list("main", "scoring")]
    found = score_table(warehouse.connection, job(model, table, output)).leakage
    assert found and found.rows == 20 and found.compared == (f"{training} (version 1, by keys)",)
    unseen = warehouse.table(keyed(60).iloc[40:])
    refusing = score_table(warehouse.connection, job(model, unseen, output, mode="append", leakage="refuse"))
    assert refusing.rows == 20 and refusing.leakage and refusing.leakage.rows == 0
    assert score_table(warehouse.connection, job(model, table, output, mode="append", leakage="off")).leakage is None


def test_without_keys_in_the_training_table_rows_are_compared_by_the_inputs(
    warehouse: Warehouse, model_path: ModelPath
) -> None:
    rows = keyed(31)
    seen = pd.concat([rows.iloc[:30]] * 2).drop(columns="flight_id").astype({"hour": "int64"})
    training = warehouse.table(seen)
    write_deltalake(warehouse.delta(training), seen.iloc[:0], mode="overwrite")
    model = trained(warehouse, model_path("booster"), training, 0)
    result = score_table(warehouse.connection, job(model, warehouse.table(rows), warehouse.unused("out")))
    assert result.leakage and result.leakage.compared == (f"{training} (version 0, by input columns)",)
    assert result.leakage.rows == 30


def test_a_table_without_version_is_read_as_it_was_when_the_run_began(
    warehouse: Warehouse, model_path: ModelPath
) -> None:
    training = warehouse.table(keyed(10))
    model = trained(warehouse, model_path("booster"), training)
    write_deltalake(warehouse.delta(training), keyed(20).iloc[10:], mode="append")
    result = score_table(warehouse.connection, job(model, warehouse.table(keyed(20)), warehouse.unused("out")))
    assert result.leakage and result.leakage.rows == 10


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "the training run recorded no data"),
        ({"context": "evaluation", "source": "{}"}, "the training run recorded no data"),
        ({"source": '{"url": "file.csv"}', "kind": "http"}, "the dataset 'rows' is not a table but http"),
        ({"source": '{"table_name": "main.scoring.gone"}'}, "there is no table 'main.scoring.gone'"),
    ],
)
def test_what_cannot_be_compared_with_is_said_and_is_no_reason_to_vouch(
    warehouse: Warehouse, model_path: ModelPath, more: dict[str, str], reason: str
) -> None:
    model = trained(warehouse, model_path("booster"), None, **more)
    table, output = warehouse.table(keyed(3)), warehouse.unused("out")
    with pytest.raises(DataError, match="it is not known which rows the model was trained on") as refused:
        score_table(warehouse.connection, job(model, table, output, leakage="refuse"))
    assert reason in str(refused.value)
    found = score_table(warehouse.connection, job(model, table, output)).leakage
    assert found and not found.compared and reason in found.unknown[0]
