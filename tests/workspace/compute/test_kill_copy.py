"""`kill -9` of the gateway during COPY INTO: each file is loaded once, whenever it is run again."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.errors import PySparkException

from tests.support import wait_for
from tests.workspace.compute.engine_support import Engine

GATEWAY = "brickyard.workspace.compute.gateway"
#: Where it is killed (the second commit is the table's, the first that of what is beside it), and whether that is late.
POINTS = [(f"{GATEWAY}.staging:_moved", "after", 1, False), (f"{GATEWAY}.commits:add_commit", "after", 2, True)]


@pytest.mark.parametrize(("point", "when", "nth", "loaded"), POINTS)
def test_a_killed_copy_loads_each_file_once(
    tmp_path: Path, engine: Engine, point: str, when: str, nth: int, loaded: bool
) -> None:
    table, spark = f"main.default.copied_{nth}", engine.client()
    files = engine.data / "dbfs" / table
    files.mkdir(parents=True)
    for number in range(3):
        (files / f"{number}.csv").write_text(f"id\n{number}\n")
    spark.sql(f"CREATE TABLE {table} (id STRING)")
    copy = f"COPY INTO {table} FROM 'dbfs:/{table}' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
    killed = Engine(tmp_path, engine.lab, kill=(point, when, nth))
    client = killed.client()
    client.client.set_retry_policies([])
    with pytest.raises(PySparkException):
        client.sql(copy)
    wait_for(lambda: killed.process.poll() is not None)
    for rows in (0, 0) if loaded else (3, 0):
        assert spark.sql(copy).collect()[0].num_affected_rows == rows
    assert sorted(row.id for row in spark.table(table).collect()) == ["0", "1", "2"]
    killed.close()
