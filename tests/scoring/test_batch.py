"""Batch scoring against a real workspace: equal to online, once, on keys, or not at all."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from deltalake import write_deltalake

from brickyard.errors import DataError, ModelError
from brickyard.models.registry import Registry
from brickyard.scoring.batch import BatchScoring, score_table
from brickyard.scoring.model import load_model
from brickyard.scoring.online import Protocol
from brickyard.scoring.source import model_directory
from tests.scoring.conftest import LoadedModel, ModelPath
from tests.scoring.warehouse import SCHEMA, Warehouse, job, keyed
from tests.support import LocalWorkspace

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel


@pytest.mark.parametrize("kind", ["booster", "pipeline", "custom"])
def test_predictions_equal_those_of_pyfunc(
    kind: str, warehouse: Warehouse, model_path: ModelPath, loaded: LoadedModel
) -> None:
    frame = keyed(500, seed=7)
    model, output = warehouse.register(model_path(kind)), warehouse.unused("out")
    result = score_table(warehouse.connection, job(model, warehouse.table(frame), output))
    assert (result.rows, result.changed, result.source.version) == (500, True, "1")
    got = warehouse.delta(output).to_pandas().sort_values("flight_id")
    assert list(got) == ["flight_id", "prediction", "model_name", "model_version", "run_id", "scored_at"]
    assert set(zip(got["model_name"], got["model_version"], got["run_id"], strict=True)) == {(model, "1", None)}
    assert [plain(value) for value in got["prediction"]] == rows_of(loaded(kind).pyfunc.predict(frame))


@pytest.mark.parametrize("kind", ["booster", "classifier", "labels", "pipeline", "custom"])
def test_predictions_equal_those_of_the_online_server(
    kind: str, warehouse: Warehouse, model_path: ModelPath, loaded: LoadedModel
) -> None:
    frame, output = keyed(60, seed=11), warehouse.unused("out")
    score_table(warehouse.connection, job(warehouse.register(model_path(kind)), warehouse.table(frame), output))
    got = warehouse.delta(output).to_pandas().sort_values("flight_id")
    batch = [plain(value) for value in got["prediction"]]
    rows = frame[list(loaded(kind).input_names)]
    assert online(loaded(kind), rows) == batch
    one_by_one = [online(loaded(kind), rows.iloc[[place]]) for place in range(len(rows))]
    assert [answer for answers in one_by_one for answer in answers] == batch


def online(model: ScoringModel, frame: pd.DataFrame) -> list[Any]:
    split = {"columns": list(frame), "data": frame.astype(object).where(frame.notna(), None).to_numpy().tolist()}
    answer = Protocol(model).answer(json.dumps({"dataframe_split": split}).encode(), "application/json")
    quick = Protocol(model).quick(json.dumps({"dataframe_split": split}).encode(), "application/json")
    assert answer.status == 200 and (quick is None or quick == answer), answer.body
    predictions: list[Any] = json.loads(answer.body)["predictions"]
    return predictions


def plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def rows_of(predicted: Any) -> list[Any]:
    return predicted.to_dict("records") if isinstance(predicted, pd.DataFrame) else predicted.tolist()


def test_the_same_run_again_changes_nothing(warehouse: Warehouse, model_path: ModelPath) -> None:
    table, output = warehouse.table(keyed(50)), warehouse.unused("out")
    scoring = job(warehouse.register(model_path("booster")), table, output)
    first = score_table(warehouse.connection, scoring)
    again = score_table(warehouse.connection, scoring)
    assert (again.changed, again.rows, again.output_version) == (False, 0, first.output_version)


def test_new_rows_and_a_new_version_merge_on_the_keys(warehouse: Warehouse, model_path: ModelPath) -> None:
    table, output = warehouse.table(keyed(50)), warehouse.unused("out")
    model = warehouse.register(model_path("booster"))
    score_table(warehouse.connection, job(model, table, output))
    write_deltalake(warehouse.delta(table), keyed(80).iloc[50:], mode="append")
    grown = score_table(warehouse.connection, job(model, table, output))
    assert (grown.rows, grown.output_version) == (80, 1)
    warehouse.add_version(model, model_path("classifier"))
    with pytest.raises(DataError):
        score_table(warehouse.connection, job(model, table, output))  # lists do not fit into a column of numbers
    warehouse.add_version(model, model_path("booster"))
    assert score_table(warehouse.connection, job(model, table, output)).output_version == 2
    got = warehouse.delta(output).to_pandas()
    assert len(got) == got["flight_id"].nunique() == 80
    assert set(got["model_version"]) == {"3"}


def test_keys_that_repeat_are_refused_and_nothing_is_written(warehouse: Warehouse, model_path: ModelPath) -> None:
    output, model = warehouse.unused("out"), warehouse.register(model_path("booster"))
    table = warehouse.table(pd.concat([keyed(70_000), keyed(1)]))
    with pytest.raises(DataError, match="do not identify a row: 70001 rows have 70000 different keys"):
        score_table(warehouse.connection, job(model, table, output))
    assert output not in [found.full_name for found in warehouse.client.tables.list(*SCHEMA.split("."))]
    nulls = warehouse.table(keyed(3).assign(flight_id=[1.0, None, 3.0]))
    with pytest.raises(DataError, match="flight_id has nulls"):
        score_table(warehouse.connection, job(model, nulls, output))


def test_a_model_that_fails_half_way_leaves_the_last_commit(
    warehouse: Warehouse, model_path: ModelPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    from brickyard.scoring.model import ScoringModel

    table, output = warehouse.table(keyed(70_000)), warehouse.unused("out")
    model = warehouse.register(model_path("booster"))
    score_table(warehouse.connection, job(model, table, output))
    write_deltalake(warehouse.delta(table), keyed(70_010).iloc[70_000:], mode="append")
    predict, calls = ScoringModel.predict, itertools.count()

    def failing(self: ScoringModel, data: Any) -> Any:
        if next(calls):
            raise RuntimeError("out of luck")
        return predict(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(ScoringModel, "predict", failing)
        with pytest.raises(ModelError, match="out of luck"):
            score_table(warehouse.connection, job(model, table, output))
    assert warehouse.delta(output).version() == 0
    assert score_table(warehouse.connection, job(model, table, output)).rows == 70_010


def test_what_is_missing_is_named(warehouse: Warehouse, model_path: ModelPath) -> None:
    model, output = warehouse.register(model_path("booster")), warehouse.unused("out")
    with pytest.raises(DataError, match="there is no table"):
        score_table(warehouse.connection, job(model, f"{SCHEMA}.nothing", output))
    table = warehouse.table(keyed(3).drop(columns=["n3", "hour"]))
    with pytest.raises(DataError, match="no column id, n3, hour"):
        score_table(warehouse.connection, job(model, table, output, ("id",)))
    fractions = warehouse.table(keyed(3).assign(month=1.5))
    with pytest.raises(DataError, match="month is double, and the model takes long"):
        score_table(warehouse.connection, job(model, fractions, output))
    with pytest.raises(ModelError, match="no alias 'live'; its aliases: champion"):
        score_table(warehouse.connection, BatchScoring(f"models:/{model}@live", table, output, ("flight_id",)))
    with pytest.raises(ModelError, match="no registered model"):
        score_table(warehouse.connection, job(f"{SCHEMA}.nothing", table, output))


def test_capitals_in_the_name_of_a_model_make_no_difference(warehouse: Warehouse, model_path: ModelPath) -> None:
    model, table = warehouse.register(model_path("booster")), warehouse.table(keyed(5))
    output, catalog, schema, name = warehouse.unused("out"), *model.split(".")
    spelled = f"{catalog}.{schema.capitalize()}.{name.capitalize()}"
    scored = score_table(warehouse.connection, job(spelled, table, output, mode="append"))
    assert scored.rows == 5 and scored.source.name == model
    again = score_table(warehouse.connection, job(model, table, output, mode="append"))
    assert not again.changed
    directory = Registry(warehouse.connection.config, spelled).download("1", model_directory() / "files")
    assert load_model(directory).digest == load_model(model_path("booster")).digest


def test_an_empty_table_writes_nothing(warehouse: Warehouse, model_path: ModelPath) -> None:
    model, output = warehouse.register(model_path("booster")), warehouse.unused("out")
    table = warehouse.table(keyed(3).drop(columns="carrier").iloc[:0])
    result = score_table(warehouse.connection, job(model, table, output))
    assert (result.rows, result.changed, result.output_version) == (0, False, None)


def test_the_command_says_what_it_did(warehouse: Warehouse, workspace: LocalWorkspace, model_path: ModelPath) -> None:
    import subprocess

    from tests.support.commands import BRICKYARD

    table, output = warehouse.table(keyed(20)), warehouse.unused("out")
    model = f"models:/{warehouse.register(model_path('booster'))}@champion"
    command = [*BRICKYARD, "score", "--model", model, "--input", table, "--output", output, "--keys", "flight_id"]
    said = [subprocess.run(command, env=workspace.environ, capture_output=True, text=True) for _ in range(2)]
    assert [done.returncode for done in said] == [0, 0], said
    assert said[0].stdout.startswith(f"scored 20 rows of {table} (version 0)")
    assert said[1].stdout.startswith("nothing to do")
