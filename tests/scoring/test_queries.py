"""Scoring the rows of a query, which a SQL warehouse of the workspace executes."""

from __future__ import annotations

from typing import Any

import pytest
from deltalake import write_deltalake

from brickyard.errors import DataError, UsageError
from brickyard.scoring import batch
from brickyard.scoring.batch import score_table
from tests.scoring.conftest import ModelPath
from tests.scoring.warehouse import SCHEMA, Warehouse, job, keyed


def test_a_query_is_scored_once_for_the_same_rows_and_makes_its_output(
    warehouse: Warehouse, model_path: ModelPath
) -> None:
    rows = keyed(40)
    table, output = warehouse.table(rows), warehouse.unused("out")
    model = warehouse.register(model_path("pipeline"))
    query = f"-- those of today\nSELECT *, month + 1 AS next FROM {table} WHERE flight_id < 30 ORDER BY n0;"
    scoring = job(model, None, output, query=query, columns=("next",))
    first = score_table(warehouse.connection, scoring)
    assert (first.rows, first.changed, first.what) == (30, True, "the query (30 rows)")
    again = score_table(warehouse.connection, scoring)
    assert (again.changed, again.output_version) == (False, first.output_version)
    of_table = job(model, table, warehouse.unused("out"))
    score_table(warehouse.connection, of_table)
    names = ["flight_id", "prediction"]
    got = warehouse.delta(output).to_pandas().sort_values("flight_id")
    expected = warehouse.delta(of_table.output).to_pandas().sort_values("flight_id").iloc[:30]
    assert got[names].map(str).values.tolist() == expected[names].map(str).values.tolist()
    assert (got["next"].to_numpy() == rows["month"].to_numpy()[:30] + 1).all()
    write_deltalake(warehouse.delta(table), keyed(1).assign(flight_id=-1), mode="append")
    assert score_table(warehouse.connection, scoring).rows == 31

    for text, said in (
        (f"DELETE FROM {table}", "the query does not read rows"),
        (f"WITH a AS (SELECT 1) INSERT INTO {table} SELECT * FROM a", "the query failed: "),
        (f"SELECT * FROM {table}) AS a; DROP TABLE {table} --", "the query failed: "),
        ("SELECT 1 AS a, 2 AS a", "the query has several columns a"),
        ("SELECT * FROM main.scoring.nothing", "the query failed: .*nothing"),
        ("SELECT map('a', 1) AS m", "the query's column 'm' is MAP"),
        ("SELECT 1 AS flight_id", "the table has no column n0"),
    ):
        with pytest.raises(DataError, match=said):
            score_table(warehouse.connection, job(model, None, warehouse.unused("out"), query=text))
    assert warehouse.delta(table).count() == 41

    with pytest.raises(UsageError, match="there is no SQL warehouse 'large'"):
        score_table(warehouse.connection, job(model, None, output, query=query, warehouse="large"))
    with pytest.raises(UsageError, match="rows come from a table or from a query"):
        score_table(warehouse.connection, job(model, f"{SCHEMA}.t", output, query=query))


@pytest.mark.parametrize("mode", ["append", "incremental"])
def test_an_output_that_another_run_makes_meanwhile_is_not_added_to(
    mode: str, warehouse: Warehouse, model_path: ModelPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, create = warehouse.unused("out"), batch.create_table
    query = f"SELECT * FROM {warehouse.table(keyed(5))}"
    scoring = job(warehouse.register(model_path("booster")), None, output, query=query, mode=mode)

    def overtaken(*args: Any) -> None:
        monkeypatch.setattr(batch, "create_table", create)
        score_table(warehouse.connection, scoring)
        create(*args)

    monkeypatch.setattr(batch, "create_table", overtaken)
    with pytest.raises(DataError, match="another run has written to the table meanwhile"):
        score_table(warehouse.connection, scoring)
    assert warehouse.delta(output).count() == 5
