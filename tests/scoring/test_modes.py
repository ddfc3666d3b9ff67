"""Modes of batch scoring, and its inputs: what the output holds after the first run, a repetition, and new rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from deltalake import DeltaTable, write_deltalake

from brickyard.errors import DataError, UsageError
from brickyard.scoring.batch import BatchResult, score_table
from brickyard.scoring.output import OutputTable
from tests.scoring.conftest import ModelPath
from tests.scoring.warehouse import Warehouse, job, keyed

MODES = ["append", "overwrite", "merge", "incremental"]


@pytest.fixture(scope="module")
def model(warehouse: Warehouse, model_path: ModelPath) -> str:
    """A registered model that tests do not change."""
    return warehouse.register(model_path("booster"))


@pytest.fixture(scope="module")
def numbers(warehouse: Warehouse, model_path: ModelPath) -> tuple[str, str]:
    """A model that scores a batch at a time, and a table of two batches."""
    return warehouse.register(model_path("custom")), warehouse.table(keyed(65_537))


def once(call: Callable[[int, int | None], None]) -> Callable[[int, int | None], None]:
    calls = iter([call])
    return lambda rows, total: next(calls, lambda rows, total: None)(rows, total)


def again(result: BatchResult) -> tuple[bool, int, int | None]:
    return result.changed, result.rows, result.output_version


def ids(table: DeltaTable) -> list[int]:
    return sorted(table.to_pandas()["flight_id"].tolist())


@pytest.mark.parametrize("mode", MODES)
def test_the_same_input_again_changes_nothing_and_new_rows_come_as_the_mode_says(
    mode: str, warehouse: Warehouse, model: str
) -> None:
    table, output = warehouse.table(keyed(40)), warehouse.unused("out")
    scoring = job(model, table, output, mode=mode)
    first = score_table(warehouse.connection, scoring)
    assert again(first) == (True, 40, 0)
    assert again(score_table(warehouse.connection, scoring)) == (False, 0, 0)
    warehouse.delta(output).optimize.z_order(["flight_id"])  # maintenance is no change of what it holds
    kept = warehouse.delta(output).version()
    assert again(score_table(warehouse.connection, scoring)) == (False, 0, kept)

    write_deltalake(warehouse.delta(table), keyed(50).iloc[40:], mode="append")
    grown = score_table(warehouse.connection, scoring)
    assert again(grown) == (True, 10 if mode == "incremental" else 50, kept + 1)
    expected = [*range(40), *range(50)] if mode == "append" else range(50)
    assert ids(warehouse.delta(output)) == sorted(expected)
    assert again(score_table(warehouse.connection, scoring)) == (False, 0, kept + 1)


def test_maintenance_of_the_input_brings_no_rows_again(warehouse: Warehouse, model: str) -> None:
    table, output = warehouse.table(keyed(20)), warehouse.unused("out")
    write_deltalake(warehouse.delta(table), keyed(30).iloc[20:], mode="append")
    scoring = job(model, table, output, mode="append")
    score_table(warehouse.connection, scoring)
    warehouse.delta(table).optimize.compact()
    warehouse.delta(table).alter.set_table_properties({"delta.appendOnly": "false"})
    for version in (None, 1, 2):
        assert again(score_table(warehouse.connection, replace(scoring, version=version))) == (False, 0, 0)
    assert score_table(warehouse.connection, replace(scoring, version=0)).rows == 20


@pytest.mark.parametrize("emptied", [True, False])
@pytest.mark.parametrize(
    ("mode", "other"), [("merge", "merge"), ("merge", "incremental"), ("incremental", "merge"), ("merge", "overwrite")]
)
def test_of_two_runs_at_once_one_writes(
    mode: str, other: str, emptied: bool, warehouse: Warehouse, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, write = warehouse.unused("out"), OutputTable.write
    score_table(warehouse.connection, job(model, warehouse.table(keyed(50).iloc[45:]), output))
    if emptied:
        warehouse.delta(output).delete()

    def overtaken(self: OutputTable, *args: Any, **options: Any) -> int:
        monkeypatch.setattr(OutputTable, "write", write)
        score_table(warehouse.connection, job(model, warehouse.table(keyed(40)), output, mode=other))
        return write(self, *args, **options)

    monkeypatch.setattr(OutputTable, "write", overtaken)
    scoring = job(model, warehouse.table(keyed(40)), output, mode=mode)
    with pytest.raises(DataError, match="another run has written to the table meanwhile"):
        score_table(warehouse.connection, scoring)
    score_table(warehouse.connection, scoring)
    got = ids(warehouse.delta(output))
    assert len(got) == len(set(got)) and set(got) >= set(range(40))


@pytest.mark.parametrize("mode", ["append", "merge", "overwrite"])
def test_of_two_runs_at_once_one_makes_the_output(
    mode: str, warehouse: Warehouse, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, write = warehouse.unused("out"), OutputTable.write
    scoring = job(model, warehouse.table(keyed(40)), output, mode=mode)

    def overtaken(self: OutputTable, *args: Any, **options: Any) -> int:
        monkeypatch.setattr(OutputTable, "write", write)
        score_table(warehouse.connection, scoring)
        return write(self, *args, **options)

    monkeypatch.setattr(OutputTable, "write", overtaken)
    with pytest.raises(DataError, match="another run has written to the table meanwhile"):
        score_table(warehouse.connection, scoring)
    assert again(score_table(warehouse.connection, scoring)) == (False, 0, 0)
    assert ids(warehouse.delta(output)) == list(range(40))


@pytest.mark.parametrize(
    ("mode", "other"),
    [
        ("merge", "merge"),
        ("merge", "append"),
        ("incremental", "overwrite"),
        ("overwrite", "merge"),
        ("append", "append"),
    ],
)
def test_an_output_that_another_run_makes_while_this_one_writes_is_not_added_to(
    mode: str, other: str, warehouse: Warehouse, numbers: tuple[str, str]
) -> None:
    output, (model, table) = warehouse.unused("out"), numbers
    few = job(model, warehouse.table(keyed(40)), output, mode=other)

    def overtaken(rows: int, total: int | None) -> None:  # the first of two batches was taken by the writer
        thread = threading.Thread(target=score_table, args=(warehouse.connection, few))
        thread.start()
        thread.join()

    scoring = job(model, table, output, mode=mode)
    with pytest.raises(DataError, match="another run has written to the table meanwhile"):
        score_table(warehouse.connection, scoring, once(overtaken))
    assert ids(warehouse.delta(output)) == list(range(40))
    assert score_table(warehouse.connection, scoring).output_version == 1
    assert ids(warehouse.delta(output)) == sorted([*range(40 if mode == "append" else 0), *range(65_537)])


def test_an_output_that_another_run_registers_meanwhile_is_registered(
    warehouse: Warehouse, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, register = warehouse.unused("out"), OutputTable.register
    scoring = job(model, warehouse.table(keyed(5)), output)

    def overtaken(self: OutputTable, api: Any) -> None:
        monkeypatch.setattr(OutputTable, "register", register)
        score_table(warehouse.connection, scoring)
        register(self, api)

    monkeypatch.setattr(OutputTable, "register", overtaken)
    assert again(score_table(warehouse.connection, scoring)) == (True, 5, 0)


@pytest.mark.parametrize("place", ["main.nowhere", "nowhere.scoring"])
def test_an_output_without_a_schema_is_refused_before_anything_is_scored(
    place: str, warehouse: Warehouse, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = warehouse.table(keyed(5))
    monkeypatch.setattr("brickyard.scoring.batch.ScoredRows", None)
    with pytest.raises(DataError, match=f"there is no schema '{place}' for the output table"):
        score_table(warehouse.connection, job(model, table, f"{place}.out"))
    assert not list((warehouse.workspace.root / "data" / "tables").glob("**/nowhere"))


def test_incremental_scores_again_what_an_older_version_has_scored(warehouse: Warehouse, model_path: ModelPath) -> None:
    table, output = warehouse.table(keyed(20)), warehouse.unused("out")
    model = warehouse.register(model_path("booster"))
    scoring = job(model, table, output, mode="incremental")
    score_table(warehouse.connection, scoring)
    warehouse.delta(output).delete("flight_id < 5")
    assert score_table(warehouse.connection, scoring).rows == 5
    warehouse.add_version(model, model_path("booster"))
    assert score_table(warehouse.connection, scoring).rows == 20
    got = warehouse.delta(output).to_pandas()
    assert sorted(got["flight_id"]) == list(range(20)) and set(got["model_version"]) == {"2"}


def test_names_with_backticks_are_names(warehouse: Warehouse, model: str) -> None:
    rows = keyed(10).rename(columns={"flight_id": "a`b"})
    table, output = warehouse.table(rows), warehouse.unused("out")
    score_table(warehouse.connection, job(model, table, output, keys=("a`b",)))
    write_deltalake(warehouse.delta(table), rows.iloc[:3], mode="overwrite")
    assert score_table(warehouse.connection, job(model, table, output, keys=("a`b",))).rows == 3
    assert sorted(warehouse.delta(output).to_pandas()["a`b"]) == list(range(10))


def test_rows_without_keys_are_appended_and_columns_are_kept(warehouse: Warehouse, model: str) -> None:
    table, output = warehouse.table(keyed(5).assign(note="é")), warehouse.unused("out")
    with pytest.raises(UsageError, match="no keys are named, and the mode 'merge' finds rows by them"):
        score_table(warehouse.connection, job(model, table, output, keys=()))
    scoring = job(model, table, output, keys=(), mode="append", columns=("note", "month"))
    assert score_table(warehouse.connection, scoring).rows == 5
    got = warehouse.delta(output).to_pandas()
    assert list(got)[:3] == ["note", "month", "prediction"] and set(got["note"]) == {"é"}
    everything = job(model, table, warehouse.unused("out"), mode="overwrite", columns=("*",))
    score_table(warehouse.connection, everything)
    names = [field.name for field in warehouse.delta(everything.output).schema().fields]
    assert set(keyed(1)) | {"note", "prediction"} <= set(names) and len(names) == len(set(names))
    clash = warehouse.table(keyed(3).assign(run_id="x"))
    with pytest.raises(DataError, match="the output has columns of its own called run_id"):
        score_table(warehouse.connection, job(model, clash, warehouse.unused("out"), columns=("*",)))


@pytest.mark.parametrize("mode", MODES)
def test_an_output_with_other_columns_stays_as_it_is(mode: str, warehouse: Warehouse, model: str) -> None:
    output = warehouse.table(pd.DataFrame({"flight_id": [1], "prediction": ["text"]}))
    table = warehouse.table(keyed(3))
    with pytest.raises(DataError, match="the output table has no column model_name"):
        score_table(warehouse.connection, job(model, table, output, mode=mode))
    score_table(warehouse.connection, job(model, table, other := warehouse.unused("out")))
    textual = warehouse.delta(other).to_pandas().astype({"prediction": str})
    output = warehouse.table(textual.assign(model_version="0"))
    with pytest.raises(DataError, match="other types: prediction is string, not double"):
        score_table(warehouse.connection, job(model, table, output, mode=mode))
    assert warehouse.delta(output).version() == 0


def test_an_input_without_rows_empties_an_output_that_is_overwritten(warehouse: Warehouse, model: str) -> None:
    table, output = warehouse.table(keyed(3)), warehouse.unused("out")
    scoring = job(model, table, output, mode="overwrite")
    score_table(warehouse.connection, scoring)
    warehouse.delta(table).delete()
    assert again(score_table(warehouse.connection, scoring)) == (True, 0, 1)
    assert again(score_table(warehouse.connection, scoring)) == (False, 0, 1)
    assert ids(warehouse.delta(output)) == []


def test_a_version_is_scored_as_it_was_and_one_that_is_missing_is_named(warehouse: Warehouse, model: str) -> None:
    table, output = warehouse.table(keyed(3)), warehouse.unused("out")
    write_deltalake(warehouse.delta(table), keyed(9).iloc[3:], mode="append")
    assert score_table(warehouse.connection, job(model, table, output, version=0)).rows == 3
    with pytest.raises(DataError, match="there is no version 7; the newest is 1"):
        score_table(warehouse.connection, job(model, table, output, version=7))
    with pytest.raises(DataError, match="there is no range of versions 2 to 1"):
        score_table(warehouse.connection, job(model, table, output, since=2))


def test_a_range_is_the_rows_of_added_files_where_only_rows_were_added(warehouse: Warehouse, model: str) -> None:
    table, output = warehouse.table(keyed(3)), warehouse.unused("out")
    write_deltalake(warehouse.delta(table), keyed(9).iloc[3:], mode="append")
    scoring = job(model, table, output, mode="append", since=1)
    assert again(score_table(warehouse.connection, scoring)) == (True, 6, 0)
    assert again(score_table(warehouse.connection, scoring)) == (False, 0, 0)
    assert ids(warehouse.delta(output)) == [3, 4, 5, 6, 7, 8]
    warehouse.delta(table).delete("flight_id = 4")
    with pytest.raises(DataError, match="it is not known which rows version 2 changed: it is a DELETE"):
        score_table(warehouse.connection, job(model, table, output, mode="append", since=1))


def test_a_range_with_change_data_is_what_became_of_each_row(warehouse: Warehouse, model: str) -> None:
    on = {"delta.enableChangeDataFeed": "true"}
    table, output = warehouse.table(keyed(6), configuration=on), warehouse.unused("out")
    write_deltalake(warehouse.delta(table), keyed(10).iloc[6:], mode="append")
    warehouse.delta(table).update(predicate="flight_id in (1, 7)", updates={"n0": "100.0"})
    warehouse.delta(table).update(predicate="flight_id = 7", updates={"n0": "200.0"})
    warehouse.delta(table).delete("flight_id = 8")
    scoring = job(model, table, output, since=1, columns=("n0",))
    assert again(score_table(warehouse.connection, scoring)) == (True, 4, 0)
    got = warehouse.delta(output).to_pandas().set_index("flight_id")["n0"]
    assert sorted(got.index) == [1, 6, 7, 9] and (got[1], got[7]) == (100, 200)
    assert again(score_table(warehouse.connection, scoring)) == (False, 0, 0)
