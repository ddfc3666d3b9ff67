"""Columns reach a model as `pyfunc.predict` would have them, or they are refused by name."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec

from brickyard.errors import DataError
from brickyard.scoring.batch import score_table
from brickyard.scoring.input_types import check_types, model_inputs
from brickyard.scoring.model import ScoringModel, load_model
from brickyard.scoring.udf import scoring_udf
from tests.scoring.warehouse import Warehouse, job

NOON = datetime.datetime(2024, 6, 1, 12, tzinfo=datetime.UTC)
COLUMNS = {
    "boolean": pa.array([True, False]),
    "byte": pa.array([2, 3], pa.int8()),
    "int": pa.array([2, 3], pa.int32()),
    "bigint": pa.array([2, 2**32 + 7], pa.int64()),
    "float": pa.array([0.1, 0.2], pa.float32()),
    "double": pa.array([0.1, 1e300], pa.float64()),
    "decimal": pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
    "string": pa.array(["2024", "2025"]),
    "binary": pa.array([b"2024", b"25"], pa.binary()),
    "date": pa.array([NOON.date(), None], pa.date32()),
    "timestamp_ntz": pa.array([NOON, None], pa.timestamp("us")),
}
KINDS = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
# In a double, pyfunc takes these so where there is a null beside them.
WITH_NULLS = {("double", column) for column in ("bigint", "boolean", "string")}
# pyfunc hands any object to such a model as it is, which no cast does.
AS_OBJECTS = {(kind, column) for kind in ("boolean", "binary") for column in ("decimal", "string", "date", "binary")}
AS_OBJECTS -= {("binary", "binary")}


class Seen(mlflow.pyfunc.PythonModel):
    """Answers what it sees."""

    def predict(self, context: object, model_input: Any, params: object = None) -> list[str]:
        rows = model_input.itertuples(index=False) if isinstance(model_input, pd.DataFrame) else model_input
        return [" ".join(map(str, row)) for row in rows]


def saved(path: Path, *inputs: ColSpec | TensorSpec) -> Path:
    signature = ModelSignature(Schema(list(inputs)), Schema([ColSpec("string")]))
    mlflow.pyfunc.save_model(str(path), python_model=Seen(), signature=signature, pip_requirements=[])
    return path


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ScoringModel]:
    """A model for each type of input."""
    places = {kind: tmp_path_factory.mktemp(kind) / "model" for kind in KINDS}
    return {kind: load_model(saved(place, ColSpec(kind, "v"))) for kind, place in places.items()}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_column_is_scored_as_pyfunc_does_or_refused_as_it_does(
    kind: str, column: str, seeing: dict[str, ScoringModel]
) -> None:
    batch, model = pa.record_batch([COLUMNS[column]], names=["v"]), seeing[kind]
    try:
        check_types(batch.schema, model, "t")
    except DataError as error:
        assert f"v is {batch.schema.field('v').type}, and the model takes {kind}" in str(error)
        if (kind, column) not in AS_OBJECTS:
            with pytest.raises((mlflow.exceptions.MlflowException, TypeError)):
                model.pyfunc.predict(batch.to_pandas())
        return
    frame = batch.to_pandas()
    expected = frame.astype("float64") if (kind, column) in WITH_NULLS else frame
    assert model.predict(model_inputs(batch, model)) == model.pyfunc.predict(expected)


def test_a_null_is_neither_true_nor_false(seeing: dict[str, ScoringModel]) -> None:
    batch = pa.record_batch([pa.array([True, None])], names=["v"])
    with pytest.raises(DataError, match="the column v has nulls") as refused:
        model_inputs(batch, seeing["boolean"])
    assert "coalesce(v, false)" in str(refused.value)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_time_is_that_in_utc(zone: str, tmp_path: Path) -> None:
    times = pa.array([NOON, None], pa.timestamp("us", zone))
    batch = pa.record_batch([pa.array([1, 2]), times], names=["id", "at"])
    for place, inputs in {
        "named": [ColSpec("datetime", "at")],
        "placed": [ColSpec("long"), ColSpec("datetime")],
    }.items():
        score = scoring_udf(str(saved(tmp_path / place, *inputs)), keep=["id", "at"])
        scored = pa.Table.from_batches(score(iter([batch])))
        before = ["1 ", "2 "] if place == "placed" else ["", ""]
        assert scored["prediction"].to_pylist() == [before[0] + "2024-06-01 12:00:00", before[1] + "NaT"]
        assert scored["at"].type == pa.timestamp("us", zone)


def test_a_time_of_a_table_or_query_reaches_the_model(warehouse: Warehouse, tmp_path: Path) -> None:
    model = warehouse.register(saved(tmp_path / "m", ColSpec("datetime", "at")))
    table = warehouse.table(pd.DataFrame({"id": [1], "at": pd.Series([NOON]).dt.as_unit("us")}))
    for given, query in ((table, None), (None, f"SELECT * FROM {table}")):
        asked = job(model, given, warehouse.unused("out"), keys=("id",), query=query)
        score_table(warehouse.connection, asked)
        assert warehouse.delta(asked.output).to_pyarrow_table()["prediction"].to_pylist() == ["2024-06-01 12:00:00"]


def test_the_function_for_spark_refuses_columns_too(tmp_path: Path) -> None:
    score = scoring_udf(str(saved(tmp_path / "m", ColSpec("string", "v"))))
    with pytest.raises(DataError, match="v is int64, and the model takes string"):
        list(score(iter([pa.record_batch([COLUMNS["bigint"]], names=["v"])])))


def test_a_tensor_takes_columns_of_its_type_only(tmp_path: Path) -> None:
    model = load_model(saved(tmp_path / "m", TensorSpec(np.dtype("float32"), (-1, 2))))
    floats, mixed = (pa.schema([("a", pa.float32()), ("b", kind)]) for kind in (pa.float32(), pa.float64()))
    check_types(floats, model, "t")
    with pytest.raises(DataError, match="dtype of input float64 does not match expected dtype float32"):
        check_types(mixed, model, "t")


@pytest.mark.parametrize(
    "inputs", [[ColSpec("double")] * 3, [TensorSpec(np.dtype("float64"), (-1, 3))]], ids=["columns", "tensor"]
)
def test_inputs_without_names_are_the_columns_in_the_order_of_the_table(
    inputs: list[Any], warehouse: Warehouse, tmp_path: Path
) -> None:
    model = warehouse.register(saved(tmp_path / "m", *inputs))
    table = warehouse.table(pd.DataFrame({"a": [1.0, 2.0], "b": [10.0, 20.0], "z": [100.0, 200.0]}))
    query = f"SELECT b, a, z FROM {table}"
    for given, orders in ((table, ("1.0 10.0 100.0", "2.0 20.0 200.0")), (None, ("10.0 1.0 100.0", "20.0 2.0 200.0"))):
        output = warehouse.unused("out")
        asked = job(model, given, output, keys=("z",), columns=("b",), query=None if given else query)
        score_table(warehouse.connection, asked)
        got = warehouse.delta(output).to_pyarrow_table().sort_by("z")
        assert got.column_names[:2] == ["z", "b"] and tuple(got["prediction"].to_pylist()) == orders


def test_nothing_is_written_where_a_column_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    model = warehouse.register(saved(tmp_path / "m", ColSpec("integer", "a"), ColSpec("boolean", "b")))
    rows, output = pd.DataFrame({"id": [1, 2], "a": [7, 2**32 + 7], "b": [True, False]}), warehouse.unused("out")
    with pytest.raises(DataError, match="a is int64, and the model takes integer") as refused:
        score_table(warehouse.connection, job(model, warehouse.table(rows), output, keys=("id",)))
    assert "CAST(a AS INT) AS a" in str(refused.value)
    nulls = warehouse.table(rows.assign(a=rows["a"].astype("int32"), b=pd.array([True, None], "boolean")))
    with pytest.raises(DataError, match="the column b has nulls"):
        score_table(warehouse.connection, job(model, nulls, output, keys=("id",)))
    assert output not in [found.full_name for found in warehouse.client.tables.list("main", "scoring")]
