"""Rows that a model was trained on, by what its run recorded: reported, refused, or not looked for."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from databricks.sdk.errors.platform import PermissionDenied
from databricks.sdk.service.catalog import TableInfo, TablesAPI
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
    with pytest.raises(DataError, match="20 of 30 rows"):  # although a run that only reports has written them
        score_table(warehouse.connection, job(model, table, output, leakage="refuse"))
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


def test_a_training_table_without_a_right_to_it_is_not_compared_with(
    warehouse: Warehouse, model_path: ModelPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, table, get = warehouse.table(keyed(10)), warehouse.table(keyed(5)), TablesAPI.get
    model = trained(warehouse, model_path("booster"), training)

    def denied(self: TablesAPI, full_name: str) -> TableInfo:
        if full_name == training:
            raise PermissionDenied("no SELECT")
        return get(self, full_name)

    monkeypatch.setattr(TablesAPI, "get", denied)
    found = score_table(warehouse.connection, job(model, table, warehouse.unused("out"))).leakage
    assert found and found.rows == 0 and not found.compared
    assert found.unknown == (f"{training}: could not look for the table '{training}': no SELECT",)


def test_rows_without_an_optional_input_are_not_compared_by_the_inputs(warehouse: Warehouse, tmp_path: Path) -> None:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    class Doubling(mlflow.pyfunc.PythonModel):
        def predict(self, context: object, model_input: pd.DataFrame, params: object = None) -> pd.Series:
            return model_input["a"] * 2.0

    inputs = Schema([ColSpec("double", "a"), ColSpec("double", "b", required=False)])
    signature = ModelSignature(inputs, Schema([ColSpec("double")]))
    mlflow.pyfunc.save_model(str(tmp_path / "m"), python_model=Doubling(), signature=signature, pip_requirements=[])
    training = warehouse.table(pd.DataFrame({"a": [1.0], "b": [1.0]}))
    model = trained(warehouse, tmp_path / "m", training, 0)
    table = warehouse.table(pd.DataFrame({"id": [1, 2], "a": [1.0, 5.0]}))
    result = score_table(warehouse.connection, job(model, table, warehouse.unused("out"), keys=("id",)))
    assert result.rows == 2 and result.leakage and not result.leakage.compared
    assert "neither the keys nor all input columns" in result.leakage.unknown[0]


@pytest.mark.parametrize(
    ("keys", "changed", "said"),
    [
        (("flight_id",), {"flight_id": "str"}, "flight_id is int64 there and string here"),
        ((), {"n0": "decimal"}, "n0 is"),
    ],
)
def test_values_of_other_types_are_not_compared(
    keys: tuple[str, ...], changed: dict[str, str], said: str, warehouse: Warehouse, model_path: ModelPath
) -> None:
    training, output = warehouse.table(keyed(5)), warehouse.unused("out")
    model = trained(warehouse, model_path("booster"), training, 0)
    rows = keyed(5).assign(n0=1.5)
    convert = {"str": str, "decimal": lambda value: Decimal(str(value))}
    table = warehouse.table(rows.assign(**{name: rows[name].map(convert[kind]) for name, kind in changed.items()}))
    with pytest.raises(DataError, match="it is not known which rows the model was trained on") as refused:
        score_table(warehouse.connection, job(model, table, output, keys, mode="append", leakage="refuse"))
    assert said in str(refused.value)
    found = score_table(warehouse.connection, job(model, table, output, keys, mode="append")).leakage
    assert found and found.rows == 0 and not found.compared
    assert f"{training}: its types are not those of the scored rows: {said}" in found.unknown[0]
