"""The type of the column of predictions: that of the first batch, as wide as the output or the signature says."""

from __future__ import annotations

import decimal
import itertools
import re
import subprocess
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType, Array, Object, Property

from brickyard.errors import BrickyardError, DataError, ModelError
from brickyard.scoring.batch import score_table
from brickyard.scoring.prediction_types import PredictionType
from brickyard.scoring.predictions import prediction_column
from brickyard.scoring.udf import scoring_udf
from tests.scoring.warehouse import Warehouse, job

INPUTS = Schema([ColSpec("double", "a")])
DOUBLE, LONG, TEXT = (Schema([ColSpec(kind)]) for kind in ("double", "long", "string"))
ANY = Schema([ColSpec(AnyType())])
ROWS = 65_537  # a batch, and a row
TWO = Schema([ColSpec("double", "x"), ColSpec("string", "y")])
NESTED = Schema([ColSpec(Object([Property("x", Array("double"))]))])


def column(outputs: Schema | None, *batches: Any, stored: pa.DataType | None = None) -> pa.ChunkedArray:
    kind, parts, before = PredictionType(stored, outputs, "m version 1"), [], 0
    for predicted in batches:
        part = pa.record_batch({"prediction": prediction_column(predicted, len(predicted))})
        parts.append(kind.fitted(part, before).column("prediction"))
        before += len(predicted)
    return pa.chunked_array(parts)


@pytest.mark.parametrize(
    ("outputs", "batches", "kind"),
    [
        (DOUBLE, ([None, None], [1.5, None]), "double"),
        (TEXT, ([None], ["é"]), "string"),
        (DOUBLE, ([1, 2], [1.5]), "double"),
        (DOUBLE, ([2**53 + 1], [1]), "int64"),
        (LONG, ([1.5], [2.5]), "double"),
        (DOUBLE, (["a"], ["b"]), "string"),
        (DOUBLE, ([True], [False]), "bool"),
        (None, ([1], [2.0]), "int64"),
        (None, ([1.5], [2]), "double"),
        (None, (np.array([200], "uint8"), np.array([1], "uint8")), "int16"),
        (None, (np.array([2**32 - 1], "uint32"),), "int64"),
        (None, (np.array([7], "uint64"),), "int64"),
        (None, (np.array([1.5], "float16"),), "float"),
        (None, (np.array([[1.5, 2]], "float16"),), "list<item: float>"),
        (Schema([TensorSpec(np.dtype("uint8"), (-1,))]), ([None], [200]), "int16"),
        (Schema([TensorSpec(np.dtype("float64"), (-1, 2))]), ([[None, None]], [[1.5, 2.0]]), "list<item: double>"),
        (TWO, ([{"x": 1, "y": None}], [{"x": 1.5, "y": "b"}]), "struct<x: double, y: string>"),
        (NESTED, ([{"x": []}], [{"x": [1.5]}]), "struct<x: list<item: double>>"),
        (Schema([ColSpec("double", "x")]), ([{"x": None}], [{"x": 1.5}]), "struct<x: double>"),
        (Schema([ColSpec("datetime")]), ([None], np.array(["2024-01-01T00:00:00"], "M8[ns]")), "timestamp[ns]"),
    ],
)
def test_the_type_holds_all_batches_and_changes_no_value(outputs: Schema | None, batches: Any, kind: str) -> None:
    got = column(outputs, *batches)
    assert str(got.type) == kind
    expected = [value for batch in batches for value in prediction_column(batch, len(batch)).to_pylist()]
    assert got.to_pylist() == expected


def test_the_output_says_more_than_the_signature() -> None:
    assert column(TEXT, [None], [1.5], stored=pa.float64()).type == pa.float64()
    assert column(DOUBLE, np.array([1.5], "float32"), stored=pa.float32()).type == pa.float32()
    assert column(DOUBLE, [1], stored=pa.int64()).type == pa.int64()
    assert column(None, np.array([100], "uint8"), stored=pa.int8()).type == pa.int8()
    assert column(None, np.array([200], "uint8"), stored=pa.int8()).type == pa.int16()  # which the output refuses


@pytest.mark.parametrize(
    ("outputs", "batches", "said"),
    [
        (None, ([None, None],), "the predictions of rows 1 to 2 are null, all of them or in one part, so their type"),
        (None, ([[]],), "so their type is not known (list<item: null>)"),
        (None, ([{"x": 1, "y": None}],), "so their type is not known (struct<x: int64, y: null>)"),
        (
            None,
            ([1, 2], [1.5]),
            "the predictions of rows 3 to 3 are double, which does not fit into those before, int64",
        ),
        (LONG, ([1], [1.5]), "are double, which does not fit into those before, int64"),
        (None, (["a"], [1]), "are int64, which does not fit into those before, string"),
        (None, ([{"x": 1}], [{"z": 1}]), "are struct<z: int64>, which does not fit"),
        (None, (np.array([1], "float32"), [0.1]), "are double, which does not fit into those before, float"),
        (None, ([decimal.Decimal("1.1")], [decimal.Decimal("12.12")]), "which does not fit into those before"),
        (None, (np.array([2**63], "uint64"),), "too large for a table, whose whole numbers end at 9223372036854775807"),
        (None, (np.array([5], "m8[s]"),), "durations (duration[s]), for which a table has no type"),
        (None, ([[time(1, 2)]],), "are time64[us], for which a table has no type"),
        (None, ([{}],), "structs without fields"),
        (None, (pd.DataFrame([[1, 2]], columns=["p", "P"]),), "structs with the fields p, P, which are one in a table"),
        (None, (pd.DataFrame([[1, 2]], columns=["p", "p"]),), "structs with the fields p, p, which are one in a table"),
    ],
)
def test_predictions_that_have_no_type_or_another_are_refused(outputs: Schema | None, batches: Any, said: str) -> None:
    with pytest.raises(ModelError, match=re.escape(said)) as refused:
        column(outputs, *batches)
    assert refused.value.where == "m version 1" and refused.value.next


Own = Callable[..., str]


@pytest.fixture
def own(warehouse: Warehouse, tmp_path: Path) -> Own:
    """Register a model of the user's own code, given as what it predicts from `a`, and its outputs."""

    numbers = itertools.count()

    def register(code: str, outputs: Schema, before: str = "") -> str:
        import mlflow.pyfunc

        file = tmp_path / "own.py"
        file.write_text(_OWN.format(code=code, before=before))
        signature = ModelSignature(INPUTS, outputs)
        path = str(tmp_path / f"model{next(numbers)}")
        mlflow.pyfunc.save_model(path, python_model=str(file), signature=signature, pip_requirements=[])
        return warehouse.register(Path(path))

    return register


def numbered(count: int, **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": range(count), "a": np.arange(count, dtype="float64"), **more})


def test_a_model_that_begins_with_nulls_is_scored_by_its_signature(warehouse: Warehouse, own: Own) -> None:
    table, output = warehouse.table(numbered(ROWS)), warehouse.unused("out")
    model = own("[None if v < 65_536 else v + 0.5 for v in a]", DOUBLE)
    score_table(warehouse.connection, job(model, table, output, ("id",)))
    got = warehouse.delta(output).to_pyarrow_table().sort_by("id")["prediction"]
    assert (got.null_count, got[-1].as_py(), str(got.type)) == (65_536, 65_536.5, "double")


@pytest.mark.parametrize(
    ("code", "outputs", "said"),
    [
        ("[None] * len(a)", ANY, "the predictions of rows 1 to 65536 are null"),
        ("[int(v) if v < 65_536 else 0.5 for v in a]", LONG, "the predictions of rows 65537 to 65537 are double"),
        ("exit(0)", LONG, "the model could not score rows 1 to 65536: its code ended the process (SystemExit: 0)"),
    ],
)
def test_what_cannot_be_scored_leaves_nothing(
    warehouse: Warehouse, own: Own, code: str, outputs: Schema, said: str
) -> None:
    table, output = warehouse.table(numbered(ROWS)), warehouse.unused("out")
    with pytest.raises(ModelError, match=re.escape(said)):
        score_table(warehouse.connection, job(own(code, outputs), table, output, ("id",)))
    assert output not in [found.full_name for found in warehouse.client.tables.list("main", "scoring")]


LEAVING = "import os, sys\nif 'LEAVES' in os.environ: {}(0)"


def test_a_model_that_ends_the_process_when_it_is_loaded_is_an_error(
    warehouse: Warehouse, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.commands import BRICKYARD

    table, output = warehouse.table(numbered(3)), warehouse.unused("out")
    model = own("a", DOUBLE, LEAVING.format("sys.exit"))
    monkeypatch.setenv("LEAVES", "1")
    with pytest.raises(ModelError, match="the model could not be loaded: its code ended the process"):
        score_table(warehouse.connection, job(model, table, output, ("id",)))
    monkeypatch.delenv("LEAVES")
    named = {"model": f"models:/{own('a', DOUBLE, LEAVING.format('os._exit'))}@champion", "input": table}
    words = [word for name, value in {**named, "output": output, "keys": "id"}.items() for word in (f"--{name}", value)]
    environ = {**warehouse.workspace.environ, "LEAVES": "1"}
    done = subprocess.run([*BRICKYARD, "score", *words], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (ModelError.exit_code, "")
    assert "the model could not be loaded: its code ended the process" in done.stderr


def test_the_function_inside_spark_has_the_type_of_the_signature(warehouse: Warehouse, own: Own) -> None:
    batches = pa.Table.from_pandas(numbered(4)).to_batches(max_chunksize=2)

    def scored(outputs: Schema) -> list[Any]:
        model = own("[None if v < 2 else v for v in a]", outputs)
        function = scoring_udf(f"models:/{model}@champion", connection=warehouse.connection)
        return pa.Table.from_batches(function(iter(batches)))["prediction"].to_pylist()

    assert scored(DOUBLE) == [None, None, 2, 3]
    with pytest.raises(ModelError, match="the predictions of rows 1 to 2 are null"):
        scored(ANY)


def test_names_that_a_table_does_not_tell_apart_are_refused_before_anything_is_scored(
    warehouse: Warehouse, own: Own
) -> None:
    table, output = warehouse.table(numbered(3, Prediction=1, RUN_ID=1)), warehouse.unused("out")
    model = own("1 / 0", DOUBLE)
    said: list[tuple[dict[str, Any], str]] = [
        ({"columns": ("Prediction", "RUN_ID")}, "the output has columns of its own called Prediction, RUN_ID"),
        ({"keys": ("id", "id")}, "the key id is named twice"),
    ]
    for options, message in said:
        with pytest.raises(BrickyardError, match=message):
            score_table(warehouse.connection, job(model, table, output, **{"keys": ("id",), **options}))
    rows = f"SELECT id, a, 1 AS b, 2 AS `B` FROM {table}"
    with pytest.raises(DataError, match="cannot have the columns b, B"):
        score_table(warehouse.connection, job(model, None, output, ("id",), query=rows, columns=("*",)))


_OWN = """
import mlflow
import pandas as pd

{before}


class Own(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        a = model_input["a"]
        return {code}


mlflow.models.set_model(Own())
"""
