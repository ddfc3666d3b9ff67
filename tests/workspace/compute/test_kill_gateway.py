"""`kill -9` of the gateway: COPY INTO loads each file once, CREATE OR REPLACE is done or not begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.errors import PySparkException

from tests.support import wait_for
from tests.workspace.compute.engine_support import Engine

GATEWAY = "brickyard.workspace.compute.gateway"
#: Where it is killed (the second commit is the table's, the first that of what is beside it), and whether that is late.
POINTS = [(f"{GATEWAY}.staging:moved", "after", 1, False), (f"{GATEWAY}.commits:add_commit", "after", 2, True)]


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


def test_a_killed_replacement_leaves_the_old_table(tmp_path: Path, engine: Engine) -> None:
    table, spark = "main.default.replaced_by_query", engine.client()
    spark.sql(
        f"CREATE TABLE {table} (id INT NOT NULL, CONSTRAINT positive CHECK (id > 0)) TBLPROPERTIES ('own.a' = 'b')"
    )
    spark.sql(f"INSERT INTO {table} VALUES (1)")
    query = f"CREATE OR REPLACE TABLE {table} TBLPROPERTIES ('own.c' = 'd') AS SELECT -id AS id, 'x' AS s FROM {table}"
    killed = Engine(tmp_path, engine.lab, kill=(f"{GATEWAY}.staging:moved", "after", 1))
    client = killed.client()
    client.client.set_retry_policies([])
    with pytest.raises(PySparkException):
        client.sql(query)
    killed.close()
    assert [tuple(row) for row in spark.table(table).collect()] == [(1,)]
    spark.sql(query)
    assert [tuple(row) for row in spark.table(table).collect()] == [(-1, "x")]
    last = spark.sql(f"DESCRIBE HISTORY {table}").collect()[0]
    assert (last.version, last.operation) == (2, "CREATE OR REPLACE TABLE AS SELECT")
    own = {row.key: row.value for row in spark.sql(f"SHOW TBLPROPERTIES {table}").collect()}
    assert own["own.c"] == "d" and not own.keys() & {"own.a", "delta.constraints.positive"}
