"""Conditions of rows: CHECK, REPLACE WHERE and their kin look at the row alone, and replace a part in one commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.errors import PySparkException

from brickyard.workspace.compute.gateway import log
from tests.workspace.compute.engine_support import Engine


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in frame.collect())


@pytest.fixture
def t(spark: Any, engine: Engine) -> Path:
    """A partitioned table `t`, and the place of one with secrets."""
    spark.sql("CREATE TABLE secret AS SELECT 7 AS pay")
    spark.sql("CREATE TABLE t (a INT, at TIMESTAMP, many ARRAY<INT>, p INT) PARTITIONED BY (p)")
    spark.sql("INSERT INTO t VALUES (1, TIMESTAMP'2024-01-01', array(1), 1), (2, null, null, 2)")
    return engine.data / "tables/main" / spark.catalog.currentDatabase()


CHECK = "DELTA_UNSUPPORTED_EXPRESSION_CHECK_CONSTRAINT"
REFUSED = {
    "ALTER TABLE t ADD CONSTRAINT c CHECK (a < {0})": CHECK,
    "ALTER TABLE t ADD CONSTRAINT c CHECK (rand() < 2)": CHECK,
    "CREATE TABLE u (a INT, CONSTRAINT c CHECK (a < {0}))": CHECK,
    "CREATE TABLE u (a INT) TBLPROPERTIES ('delta.constraints.c' = 'a < {0}')": CHECK,
    "CREATE TABLE u TBLPROPERTIES ('delta.constraints.c' = 'a < {0}') AS SELECT 1 AS a": CHECK,
    "ALTER TABLE t SET TBLPROPERTIES ('delta.constraints.c' = 'a > 0')": "DELTA_ADD_CONSTRAINTS",
    "INSERT INTO t REPLACE WHERE a < {0} SELECT 1, null, null, 1": "UNSUPPORTED_FEATURE.OVERWRITE_BY_SUBQUERY",
    "INSERT OVERWRITE t PARTITION (p = {0}) SELECT 1, null, null": "PATH_NOT_FOUND",
    "INSERT INTO t REPLACE WHERE rand() < 2 SELECT 1, null, null, 1": "INVALID_NON_DETERMINISTIC_EXPRESSIONS",
    "INSERT INTO t REPLACE WHERE none = 2 SELECT 1, null, null, 1": "UNRESOLVED_COLUMN.WITH_SUGGESTION",
    "INSERT INTO t REPLACE WHERE p = 1) OR (true SELECT 1, null, null, 1": "PARSE_SYNTAX_ERROR",
    "INSERT INTO t REPLACE ON t.a < {0} (SELECT 1, null, null, 1) s": "a subquery in REPLACE ON",
}


def test_no_condition_looks_into_a_table(spark: Any, t: Path) -> None:
    query = f"(SELECT max(pay) FROM delta.`{t / 'secret'}`)"
    for statement, condition in REFUSED.items():
        with pytest.raises(PySparkException) as caught:
            spark.sql(statement.format(query))
        assert condition in str(caught.value), statement
    for condition in (f"a < {query}", f"p = 1 OR EXISTS {query}"):
        with pytest.raises(PySparkException, match="DELTA_UNSUPPORTED_SUBQUERY"):
            spark.table("t").write.mode("overwrite").option("replaceWhere", condition).saveAsTable("t")
    assert DeltaTable(t / "t").version() == 1
    assert not spark.catalog.tableExists("u")


def test_queries_in_the_log_of_another_program_are_not_run(spark: Any, t: Path) -> None:
    def edit(metadata: log.Metadata) -> None:
        metadata.configuration["delta.constraints.c"] = f"a < (SELECT max(pay) FROM delta.`{t / 'secret'}`)"

    log.change(t / "t", "WRITE", {}, edit)
    for statement in ("INSERT INTO t VALUES (1, null, null, 1)", "UPDATE t SET a = 3", "INSERT OVERWRITE t TABLE t"):
        with pytest.raises(PySparkException, match=CHECK):
            spark.sql(statement)


REPLACED = {
    "INSERT INTO t REPLACE WHERE next(a) = 2 AND p = :one": "replaced",
    "INSERT INTO t REPLACE WHERE date_trunc('year', at) = TIMESTAMP'2024-01-01'": "replaced",
    "INSERT INTO t REPLACE WHERE many[0] = 1 AND coalesce(a, 0) = one": "replaced",
    "INSERT INTO t AS o REPLACE ON next(o.a) = next(n.a) AND o.p = :one": "named",
    "INSERT INTO t REPLACE ON t.a = n.a": "named",
}


def test_what_matches_makes_way(spark: Any, t: Path) -> None:
    spark.sql("CREATE FUNCTION next (x INT) RETURN x + 1")
    spark.sql("DECLARE OR REPLACE one INT DEFAULT 1")
    for number, statement in enumerate(REPLACED, 2):
        query = f"SELECT 1 AS a, TIMESTAMP'2024-01-01 00:00:00' AS at, array(1, {number}) AS many, 1 AS p"
        text = f"{statement} ({query}) AS n" if REPLACED[statement] == "named" else f"{statement} {query}"
        assert spark.sql(text, {"one": 1}).first().num_inserted_rows == 1
        assert rows(spark.sql("SELECT a, many[1] FROM t")) == [(1, number), (2, None)], statement
        assert DeltaTable(t / "t").version() == number


@pytest.mark.parametrize(
    ("feed", "where", "value"), [("true", "partitionOverwriteMode", "dynamic"), ("false", "replaceWhere", "p = 1")]
)
def test_columns_are_added_with_the_part_that_is_replaced(
    spark: Any, t: Path, feed: str, where: str, value: str
) -> None:
    spark.sql(f"ALTER TABLE t SET TBLPROPERTIES ('delta.enableChangeDataFeed' = '{feed}')")

    def write(columns: str) -> None:
        frame = spark.sql(f"SELECT TIMESTAMP'2024-01-01' AS at, 1 AS p, {columns}").write.option("mergeSchema", True)
        frame.mode("overwrite").option(where, value).saveAsTable("t")

    with pytest.raises(PySparkException, match="DIVIDE_BY_ZERO"):
        write("1 AS n, CAST(1 / 0 AS INT) AS a")
    assert DeltaTable(t / "t").version() == 2
    assert spark.table("t").columns == ["a", "at", "many", "p"]
    write("9 AS n")
    assert rows(spark.sql("SELECT p, n, a FROM t")) == [(1, 9, None), (2, None, 2)]
    assert DeltaTable(t / "t").version() == 3
    assert spark.sql("DESCRIBE HISTORY t LIMIT 1").first().operationParameters["mode"] == "Overwrite"
