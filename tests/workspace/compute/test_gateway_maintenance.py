"""OPTIMIZE of partitions, VACUUM, FSCK and CONVERT: what they do to the files, and that the rows stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.errors import AnalysisException, PySparkException

from tests.workspace.compute.engine_support import Engine


@pytest.fixture
def parts(spark: Any, engine: Engine) -> Path:
    spark.sql("CREATE TABLE parts (id INT) PARTITIONED BY (p STRING, q DATE COMMENT 'day')")
    for value, p, q in [(1, "'x'", "DATE'2024-01-01'"), (2, "'x'", "DATE'2024-01-01'"), (3, "'y'", "NULL")]:
        spark.sql(f"INSERT INTO parts VALUES ({value}, {p}, {q})")
    return engine.data / "tables/main" / spark.catalog.currentDatabase() / "parts"


def files(place: Path) -> set[str]:
    return set(DeltaTable(place).file_uris())


def test_optimize_where_joins_the_files_of_those_partitions(spark: Any, parts: Path) -> None:
    spark.sql("INSERT INTO parts VALUES (4, 'y', NULL)")
    before = files(parts)
    assert spark.sql("OPTIMIZE parts WHERE q = '2024-01-01'").first().metrics.numFilesRemoved == 2
    assert len(before & files(parts)) == 2
    metrics = spark.sql("OPTIMIZE parts WHERE p = 'x' OR q IS NULL ZORDER BY (id)").first().metrics
    assert (metrics.numFilesAdded, metrics.filesRemoved.totalFiles, len(files(parts))) == (2, 3, 2)
    assert spark.sql("OPTIMIZE parts WHERE p = 'none'").first().metrics.numFilesAdded == 0
    assert sorted(row.id for row in spark.table("parts").collect()) == [1, 2, 3, 4]
    with pytest.raises(AnalysisException, match="DELTA_NON_PARTITION_COLUMN_REFERENCE"):
        spark.sql("OPTIMIZE parts WHERE id = 1")


def test_vacuum_deletes_strangers_unless_it_is_lite(spark: Any, parts: Path) -> None:
    stranger = parts / "p=x" / "q=2024-01-01" / "stranger.parquet"
    stranger.write_bytes(next(parts.rglob("*.parquet")).read_bytes())
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    spark.sql("VACUUM parts LITE RETAIN 0 HOURS")
    assert stranger.exists()
    spark.sql("VACUUM parts RETAIN 0 HOURS")
    assert not stranger.exists()
    assert spark.table("parts").count() == 3


def test_fsck_forgets_files_that_are_gone(spark: Any, parts: Path) -> None:
    lost = next((parts / "p=x").rglob("*.parquet"))
    lost.unlink()
    found = spark.sql("FSCK REPAIR TABLE parts DRY RUN").collect()
    assert [(row.dataFilePath.endswith(lost.name), row.dataFileMissing) for row in found] == [(True, True)]
    assert len(files(parts)) == 3
    spark.sql("FSCK REPAIR TABLE parts")
    assert (len(files(parts)), spark.table("parts").count()) == (2, 2)


def test_parquet_becomes_delta(spark: Any) -> None:
    spark.range(4).selectExpr("id", "id % 2 AS k").write.partitionBy("k").parquet("dbfs:/convert/a")
    with pytest.raises(PySparkException, match="DELTA_CONVERSION_UNSUPPORTED"):
        spark.sql("CONVERT TO DELTA parquet.`dbfs:/convert/a`")
    spark.sql("CONVERT TO DELTA parquet.`dbfs:/convert/a` PARTITIONED BY (k BIGINT)")
    spark.sql("CREATE TABLE converted LOCATION 'dbfs:/convert/a'")
    assert [tuple(row) for row in spark.table("converted").orderBy("id").collect()] == [(0, 0), (1, 1), (2, 0), (3, 1)]


def test_a_view_keeps_what_is_said_of_it(spark: Any) -> None:
    spark.sql("CREATE VIEW v (x COMMENT 'key', y) COMMENT 'all' TBLPROPERTIES (a = 'b') AS SELECT 1, 'z'")
    assert [tuple(row) for row in spark.sql("DESCRIBE v").collect()] == [("x", "int", "key"), ("y", "string", None)]
    spark.sql("ALTER VIEW v SET TBLPROPERTIES (c = 'd')")
    spark.sql("ALTER VIEW v UNSET TBLPROPERTIES (a)")
    spark.sql("ALTER VIEW v AS SELECT 2 AS x")
    shown = {row.key: row.value for row in spark.sql("SHOW TBLPROPERTIES v").collect()}
    assert (shown.get("a"), shown["c"], spark.table("v").first().x) == (None, "d", 2)
    with pytest.raises(AnalysisException, match=r"CREATE_VIEW_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS"):
        spark.sql("CREATE OR REPLACE VIEW v (x) AS SELECT 1, 2")


def test_a_view_is_shown_as_it_can_be_made_again(spark: Any) -> None:
    columns = "(\n  x COMMENT 'it\\'s',\n  `y z`)\nCOMMENT 'all'\nTBLPROPERTIES (\n  'a' = 'b')"
    said = f"{columns}\nWITH SCHEMA BINDING\nAS SELECT 1, 'z'\n"
    made = f"CREATE VIEW main.{spark.catalog.currentDatabase()}.v {said}"
    for _ in range(2):
        spark.sql(made)
        assert spark.sql("SHOW CREATE TABLE v").first()[0] == made
        assert spark.table("v").collect() == [(1, "z")]
        spark.sql("DROP VIEW v")


def test_everybody_is_an_account_user(spark: Any) -> None:
    asked = "SELECT is_account_group_member('account users'), is_account_group_member('none'), version()"
    assert tuple(spark.sql(asked).first()) == (True, False, spark.version)


MERGE = "MERGE INTO t USING (SELECT 1 AS k) s ON t.a = s.k WHEN MATCHED THEN DELETE"
REMOVE = [
    "DELETE FROM t WHERE false",
    "UPDATE t SET a = 2 WHERE false",
    MERGE,
    "TRUNCATE TABLE t",
    "INSERT OVERWRITE t VALUES (1, 1)",
    "INSERT INTO t REPLACE WHERE p = 7 VALUES (1, 7)",
    "INSERT INTO t REPLACE USING (a) VALUES (1, 7)",
    "CREATE OR REPLACE TABLE t (b INT)",
    "CREATE OR REPLACE TABLE t AS SELECT 1 AS b",
    "CREATE OR REPLACE TABLE t CLONE other",
]


def test_a_table_that_only_grows_loses_no_rows(spark: Any) -> None:
    spark.sql("CREATE TABLE other AS SELECT 1 AS a, 1 AS p")
    spark.sql("CREATE TABLE t (a INT, p INT) PARTITIONED BY (p) TBLPROPERTIES ('delta.appendOnly' = 'true')")
    spark.sql("INSERT INTO t VALUES (1, 1)")
    for feed, statements in {"false": REMOVE, "true": [MERGE]}.items():
        spark.sql(f"ALTER TABLE t SET TBLPROPERTIES ('delta.enableChangeDataFeed' = '{feed}')")
        for statement in statements:
            with pytest.raises(PySparkException, match="DELTA_CANNOT_MODIFY_APPEND_ONLY"):
                spark.sql(statement)
    for option in ("overwriteSchema", "mergeSchema"):
        with pytest.raises(PySparkException, match="DELTA_CANNOT_MODIFY_APPEND_ONLY"):
            spark.sql("SELECT 1 AS a, 1 AS p, 2 AS n").write.mode("overwrite").option(option, True).saveAsTable("t")
    spark.sql("MERGE INTO t USING (SELECT 5 AS k) s ON t.a = s.k WHEN NOT MATCHED THEN INSERT (a, p) VALUES (k, 1)")
    spark.sql("OPTIMIZE t")
    assert sorted(row.a for row in spark.table("t").collect()) == [1, 5]
    spark.sql("ALTER TABLE t SET TBLPROPERTIES ('delta.appendOnly' = 'false')")
    assert spark.sql("DELETE FROM t").first().num_affected_rows == 2
