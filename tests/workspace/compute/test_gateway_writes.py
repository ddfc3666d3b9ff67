"""Which rows are in a table after a write: as on Databricks, or the write is refused and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.errors import AnalysisException, PySparkException, UnsupportedOperationException
from pyspark.sql.functions import col

from tests.workspace.compute.engine_support import Engine

Write = Callable[[Any], Any]


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in frame.collect())


@pytest.fixture
def parts(spark: Any) -> list[tuple[int, int]]:
    """The table `t` (id, p), partitioned by p, and its rows."""
    frame = spark.range(6).selectExpr("id", "id % 3 AS p")
    frame.write.partitionBy("p").saveAsTable("t")
    found: list[tuple[int, int]] = rows(frame)
    return found


def test_engines_that_make_the_same_table_at_once_lose_no_rows(engine: Engine, spark: Any, tmp_path: Path) -> None:
    name = f"main.{spark.catalog.currentDatabase()}.t"
    second = Engine(tmp_path, engine.lab)
    try:
        sessions = [one.client() for one in (engine, second) for _ in range(4)]
        with ThreadPoolExecutor(len(sessions)) as pool:
            list(pool.map(lambda session: session.range(10).write.mode("append").saveAsTable(name), sessions))
        assert spark.table(name).count() == 10 * len(sessions)
    finally:
        second.close()


def test_of_two_engines_that_create_a_table_one_wins_with_its_own_rows(
    engine: Engine, spark: Any, tmp_path: Path
) -> None:
    name = f"main.{spark.catalog.currentDatabase()}.t"
    second = Engine(tmp_path, engine.lab)

    def create(number: int) -> int | None:
        try:
            sessions[number].sql(f"CREATE TABLE {name} AS SELECT {number} AS winner")
        except AnalysisException as error:
            assert error.getCondition() == "TABLE_OR_VIEW_ALREADY_EXISTS"
            return None
        return number

    try:
        sessions = [one.client() for one in (engine, second) for _ in range(4)]
        with ThreadPoolExecutor(len(sessions)) as pool:
            winners = [number for number in pool.map(create, range(len(sessions))) if number is not None]
    finally:
        second.close()
    assert len(winners) == 1
    assert rows(spark.table(name)) == [(winners[0],)]
    assert {place.name for place in (engine.data / ".staged").iterdir()} <= {".turns"}


@pytest.mark.parametrize(
    "write",
    [
        lambda spark: spark.range(6).selectExpr("id", "id % 3 AS p").write.option("replaceWhere", "p = 1"),
        lambda spark: spark.sql("SELECT 1L AS id, CAST(NULL AS BIGINT) AS p").write.option("replaceWhere", "p = 1"),
        lambda spark: spark.sql("SELECT 1L AS id, 1L AS p").write.option("replaceWhere", "p = 1 AND 'it''s' = ''"),
    ],
)
def test_rows_outside_of_the_replaced_part_are_refused(spark: Any, parts: Any, write: Write) -> None:
    with pytest.raises(AnalysisException, match="DELTA_REPLACE_WHERE_MISMATCH"):
        write(spark).mode("overwrite").saveAsTable("t")
    assert rows(spark.table("t")) == parts


DYNAMIC: dict[str, Write] = {
    "option": lambda frame: frame.write.mode("overwrite").option("partitionOverwriteMode", "dynamic").saveAsTable("t"),
    "setting": lambda frame: frame.write.mode("overwrite").saveAsTable("t"),
    "insertInto": lambda frame: frame.write.mode("overwrite").insertInto("t"),
    "SQL": lambda frame: frame.sparkSession.sql("INSERT OVERWRITE t SELECT 100L, 1L"),
    "writeTo": lambda frame: frame.writeTo("t").overwritePartitions(),
}


@pytest.mark.parametrize("way", DYNAMIC)
def test_overwriting_partitions_dynamically_overwrites_those_with_rows(spark: Any, parts: Any, way: str) -> None:
    frame = spark.sql("SELECT 100L AS id, 1L AS p")
    if way != "option":
        spark.sql("SET spark.sql.sources.partitionOverwriteMode = dynamic")
    try:
        DYNAMIC[way](frame)
    finally:
        spark.conf.unset("spark.sql.sources.partitionOverwriteMode")
    assert rows(spark.table("t")) == [*(row for row in parts if row[1] != 1), (100, 1)]


def test_a_partition_that_is_named_is_overwritten_without_rows(spark: Any, parts: Any) -> None:
    spark.sql("SET spark.sql.sources.partitionOverwriteMode = dynamic")
    try:
        spark.sql("INSERT OVERWRITE t PARTITION (p = 1) SELECT 100L WHERE false")
    finally:
        spark.conf.unset("spark.sql.sources.partitionOverwriteMode")
    assert rows(spark.table("t")) == [row for row in parts if row[1] != 1]


INSERTS = {
    "INSERT INTO t PARTITION (p = 1) VALUES (100), (101)": lambda p: [*p, (100, 1), (101, 1)],
    "INSERT INTO t PARTITION (p) VALUES (100, 7)": lambda p: [*p, (100, 7)],
    "INSERT INTO t PARTITION (p = 1) (id) SELECT 100L": lambda p: [*p, (100, 1)],
    "INSERT OVERWRITE t PARTITION (p = 1) SELECT 100L": lambda p: [*(r for r in p if r[1] != 1), (100, 1)],
    "INSERT INTO t REPLACE WHERE p = 1 AND id > 0 SELECT 100L, 1L": lambda p: [*(r for r in p if r[1] != 1), (100, 1)],
}


@pytest.mark.parametrize("statement", INSERTS)
def test_parts_are_inserted_and_replaced(spark: Any, parts: Any, statement: str) -> None:
    spark.sql(statement)
    assert rows(spark.table("t")) == sorted(INSERTS[statement](parts))


def test_rows_outside_of_the_condition_are_not_inserted(spark: Any, parts: Any) -> None:
    with pytest.raises(PySparkException, match="DELTA_REPLACE_WHERE_MISMATCH"):
        spark.sql("INSERT INTO t REPLACE WHERE p = 1 SELECT 100L, 2L")
    assert rows(spark.table("t")) == parts


def test_of_transactions_that_change_the_same_rows_one_wins_and_others_get_the_vendors_class(
    engine: Engine, spark: Any, tmp_path: Path
) -> None:
    name = f"main.{spark.catalog.currentDatabase()}.t"
    second = Engine(tmp_path, engine.lab)
    spark.range(2000).selectExpr("id", "0 AS v").write.saveAsTable("t")
    source = "(SELECT id FROM range(2000))"
    merge = f"MERGE INTO {name} t USING {source} s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = v + 1"

    def run(session: Any) -> str | None:
        try:
            session.sql(merge)
        except PySparkException as error:
            return error.getCondition()
        return None

    try:
        sessions = [engine.client(), engine.client(), second.client()]
        with ThreadPoolExecutor(len(sessions)) as pool:
            outcomes = [one for _ in range(3) for one in pool.map(run, sessions)]
    finally:
        second.close()
    assert set(outcomes) == {None, "DELTA_CONCURRENT_APPEND.WITHOUT_HINT"}
    assert rows(spark.sql("SELECT DISTINCT v FROM t")) == [(outcomes.count(None),)]


REFUSED: dict[str, tuple[Write, str]] = {
    "other partitions, appended": (
        lambda spark: spark.sql("SELECT 1L AS id, 1L AS p").write.mode("append").partitionBy("id").saveAsTable("t"),
        "DELTA_METADATA_MISMATCH",
    ),
    "other partitions, overwritten": (
        lambda spark: spark.sql("SELECT 1L AS id, 1L AS p").write.mode("overwrite").partitionBy("id").saveAsTable("t"),
        "DELTA_METADATA_MISMATCH",
    ),
    "a time after the last commit": (
        lambda spark: spark.sql("SELECT * FROM t TIMESTAMP AS OF '2999-01-01'"),
        "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
    ),
    "a time after the last commit, as an option": (
        lambda spark: spark.read.option("timestampAsOf", "2999-01-01").table("t").count(),
        "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
    ),
    "column without a type": (lambda spark: spark.sql("CREATE TABLE n AS SELECT null AS n"), "CAST"),
    "column without a type, nested": (
        lambda spark: spark.sql("SELECT array(struct(null AS n)) AS a").write.saveAsTable("n"),
        "VOID",
    ),
    "column without a type, by path": (
        lambda spark: spark.sql("SELECT null AS n").write.save(f"/{spark.catalog.currentDatabase()}/n"),
        "VOID",
    ),
    "column without a type, added": (
        lambda spark: (
            spark.sql("SELECT 1L AS id, 1L AS p, null AS n")
            .write.option("mergeSchema", True)
            .mode("append")
            .saveAsTable("t")
        ),
        "VOID",
    ),
    "column without a type, instead": (
        lambda spark: (
            spark.sql("SELECT null AS n").write.option("overwriteSchema", True).mode("overwrite").saveAsTable("t")
        ),
        "VOID",
    ),
    "two columns of one name": (
        lambda spark: spark.sql("SELECT 1 AS a, 2 AS A").write.saveAsTable("n"),
        "COLUMN_ALREADY_EXISTS",
    ),
    "two columns of one name, instead": (
        lambda spark: spark.sql("CREATE OR REPLACE TABLE t AS SELECT 1 AS a, 2 AS A"),
        "COLUMN_ALREADY_EXISTS",
    ),
    "two columns of one name, defined": (
        lambda spark: spark.sql("CREATE TABLE n (a INT, A INT)"),
        "COLUMN_ALREADY_EXISTS",
    ),
    "a column that is there": (lambda spark: spark.sql("ALTER TABLE t ADD COLUMN P INT"), "FIELD_ALREADY_EXISTS"),
    "writes that are to happen once, without a version": (
        lambda spark: spark.range(1).write.option("txnAppId", "a").mode("append").save("/once"),
        "DELTA_INVALID_IDEMPOTENT_WRITES_OPTIONS",
    ),
    "another place of a table": (
        lambda spark: spark.table("t").write.option("path", "/elsewhere").mode("append").saveAsTable("t"),
        "DELTA_TABLE_LOCATION_MISMATCH",
    ),
    "a file of the workspace's tree": (
        lambda spark: spark.range(1).write.mode("overwrite").csv("file:/Workspace/Users/x/f"),
        "volume",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_written_otherwise_is_refused(spark: Any, parts: Any, case: str) -> None:
    write, text = REFUSED[case]
    with pytest.raises(PySparkException, match=text):
        write(spark)
    assert rows(spark.table("t")) == parts
    assert not spark.catalog.tableExists("n")


def test_a_table_that_is_replaced_is_described_anew(spark: Any, engine: Engine) -> None:
    full = f"main.{spark.catalog.currentDatabase()}.t"
    spark.sql("CREATE TABLE t (a INT) COMMENT 'old' TBLPROPERTIES ('team' = 'x')")
    spark.sql("INSERT INTO t VALUES (1)")
    spark.sql("CREATE OR REPLACE TABLE t (b STRING) COMMENT 'new'")
    assert (spark.table("t").columns, spark.table("t").count()) == (["b"], 0)
    assert (engine.catalog.table(full).comment, engine.catalog.table(full).properties) == ("new", {})
    spark.sql("CREATE OR REPLACE TABLE t COMMENT 'newer' TBLPROPERTIES ('delta.appendOnly' = 'true') AS SELECT 1 AS c")
    assert engine.catalog.table(full).comment == "newer"


def test_properties_of_delta_hold_for_tables_made_of_a_query(spark: Any, engine: Engine) -> None:
    spark.sql(
        "CREATE TABLE t TBLPROPERTIES ('delta.logRetentionDuration' = 'interval 9 days', 'mine' = '1') AS SELECT 1 a"
    )
    place = engine.data / "tables/main" / spark.catalog.currentDatabase() / "t"
    kept = {"delta.logRetentionDuration": "interval 9 days", "mine": "1"}
    assert DeltaTable(place).metadata().configuration == kept
    assert ("mine", "1") in rows(spark.sql("SHOW TBLPROPERTIES t"))


def test_a_setting_of_sql_holds_for_what_the_gateway_does(spark: Any, engine: Engine) -> None:
    place = engine.data / "tables/main" / spark.catalog.currentDatabase() / "t"
    spark.range(3).write.saveAsTable("t")
    spark.sql("DELETE FROM t")
    assert list(place.glob("*.parquet"))
    spark.sql("SET spark.databricks.delta.retentionDurationCheck.enabled = false")
    try:
        spark.sql("VACUUM t RETAIN 0 HOURS")
    finally:
        spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")
    assert not list(place.glob("*.parquet"))
    with pytest.raises(PySparkException, match="RETENTION_PERIOD_TOO_SHORT"):
        spark.sql("VACUUM t RETAIN 0 HOURS")


def test_partition_columns_of_files_are_typed_in_sql(spark: Any) -> None:
    place = f"dbfs:/{spark.catalog.currentDatabase()}/files"
    spark.range(4).selectExpr("id", "id % 2 AS p", "'x' AS s").write.partitionBy("p", "s").parquet(place)
    found = spark.sql(f"SELECT * FROM parquet.`{place}` f WHERE f.p = 1 ORDER BY id")
    assert found.schema.simpleString() == "struct<id:bigint,p:int,s:string>"
    assert rows(found) == [(1, 1, "x"), (3, 1, "x")]


LONG = "CAST(-123456789.123456789 AS DECIMAL(38,10))"


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE t (d DECIMAL(38,10))", f"INSERT INTO t VALUES ({LONG})"],
        [
            f"CREATE TABLE t AS SELECT {LONG} AS d",
            "ALTER TABLE t UNSET TBLPROPERTIES ('delta.dataSkippingNumIndexedCols')",
        ],
        ["CREATE TABLE t AS SELECT 1 AS x", f"CREATE OR REPLACE TABLE t AS SELECT {LONG} AS d"],
        ["CREATE TABLE t AS SELECT 1 AS x", "ALTER TABLE t ADD COLUMN d DECIMAL(38,10)", f"UPDATE t SET d = {LONG}"],
    ],
)
def test_long_decimals_of_one_value_keep_their_digits(spark: Any, statements: list[str]) -> None:
    for statement in statements:
        spark.sql(statement)
    assert [str(row[0]) for row in spark.sql("SELECT d FROM t").collect()] == ["-123456789.1234567890"]


def test_long_decimals_of_a_merged_schema_keep_their_digits(spark: Any) -> None:
    spark.sql("SELECT 1 AS x").write.saveAsTable("t")
    spark.sql(f"SELECT 2 AS x, {LONG} AS d").write.mode("append").option("mergeSchema", "true").saveAsTable("t")
    assert str(spark.sql("SELECT d FROM t WHERE x = 2").first()[0]) == "-123456789.1234567890"


def test_metrics_of_a_write_are_those_of_the_rows_that_it_wrote(spark: Any) -> None:
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    spark.range(10).write.saveAsTable("t")
    seen = Observation("seen")
    observed = spark.table("t").observe(seen, F.count(F.lit(1)).alias("n"))
    observed.write.mode("append").saveAsTable("t")
    assert seen.get == {"n": 10} and spark.table("t").count() == 20
    varying = spark.range(3).selectExpr("rand() AS r").observe(Observation(), F.sum("r"))
    with pytest.raises(PySparkException, match="random"):
        varying.collect()


def test_a_clone_of_a_time_means_it_in_the_session_s_zone(spark: Any) -> None:
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    spark.sql("CREATE TABLE t AS SELECT 1 AS a")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        now = datetime.now(ZoneInfo("America/New_York"))
        with pytest.raises(AnalysisException, match="DELTA_TIMESTAMP_GREATER_THAN_COMMIT"):
            spark.sql(f"CREATE TABLE u CLONE t TIMESTAMP AS OF '{now + timedelta(minutes=5):%Y-%m-%d %H:%M:%S}'")
        with pytest.raises(AnalysisException, match="EARLIER_THAN_COMMIT"):
            spark.sql(f"CREATE TABLE u CLONE t TIMESTAMP AS OF '{now - timedelta(minutes=5):%Y-%m-%d %H:%M:%S}'")
    finally:
        spark.conf.unset("spark.sql.session.timeZone")
    for statement in ("CREATE TABLE u CLONE t TIMESTAMP AS OF 'soon'", "RESTORE t TO TIMESTAMP AS OF 'soon'"):
        with pytest.raises(AnalysisException, match="DELTA_INVALID_TIMESTAMP_FORMAT"):
            spark.sql(statement)


def test_a_subquery_chooses_what_is_deleted_and_changed(spark: Any) -> None:
    spark.sql("CREATE TABLE t (id INT, s STRING, x STRUCT<a: DOUBLE>)")
    spark.sql("CREATE TABLE gone (k INT, w INT)")
    spark.sql("INSERT INTO gone VALUES (1, 7), (2, 8), (2, 9)")
    spark.sql("INSERT INTO t VALUES (1, 'a', NULL), (1, 'a', NULL), (2, NULL, named_struct('a', double('NaN')))")
    spark.sql("INSERT INTO t VALUES (3, 'c', NULL), (NULL, 'd', NULL)")
    changed = spark.sql(
        "UPDATE t AS o SET o.s = (SELECT max(w) FROM gone WHERE k = o.id) WHERE o.id IN (SELECT k FROM gone)"
    )
    assert changed.first().num_affected_rows == 3
    assert rows(spark.sql("SELECT id, s FROM t WHERE id < 3")) == [(1, "7"), (1, "7"), (2, "9")]
    deleted = spark.sql("DELETE FROM t WHERE NOT EXISTS (SELECT 1 FROM gone WHERE k = t.id) AND id NOT IN (SELECT 4)")
    assert deleted.first().num_affected_rows == 1
    assert spark.sql("DELETE FROM t WHERE id IN (SELECT k FROM gone)").first().num_affected_rows == 3
    assert spark.table("t").first().asDict() == {"id": None, "s": "d", "x": None}
    with pytest.raises(UnsupportedOperationException, match="field of a struct"):
        spark.sql("UPDATE t SET x.a = 1 WHERE id IN (SELECT k FROM gone)")


def test_new_rows_replace_those_that_match(spark: Any) -> None:
    spark.sql("CREATE TABLE t (id INT, k STRING)")
    spark.sql("INSERT INTO t VALUES (1, 'a'), (2, 'a'), (3, 'b'), (4, NULL)")
    done = spark.sql("INSERT INTO t REPLACE USING (k) VALUES (8, NULL), (9, 'a')").first()
    assert (done.num_inserted_rows, sorted(row.id for row in spark.table("t").collect())) == (2, [3, 4, 8, 9])
    spark.sql("INSERT INTO t AS o REPLACE ON o.k <=> n.name AND (o.id < 9) (SELECT 5 AS i, NULL AS name) AS n")
    assert sorted(row.id for row in spark.table("t").collect()) == [3, 5, 9]


def test_a_write_of_a_version_happens_once(spark: Any) -> None:
    def write(version: int, mode: str = "append") -> None:
        once = spark.range(2).write.option("txnAppId", "job").option("txnVersion", version)
        once.mode(mode).saveAsTable("once")

    for version in (1, 1, 2, 1):
        write(version)
    assert spark.table("once").count() == 4
    for version in (3, 3):
        write(version, "overwrite")
    assert spark.table("once").count() == 2
    assert [row.operation for row in spark.sql("DESCRIBE HISTORY once").collect()] == ["WRITE"] * 3


def test_what_a_condition_names_is_overwritten(spark: Any) -> None:
    spark.range(4).selectExpr("id", "id % 2 AS p").write.saveAsTable("o")
    spark.sql("SELECT 9L AS id, 1L AS p").writeTo("o").overwrite(col("p") == 1)
    assert sorted(tuple(row) for row in spark.table("o").collect()) == [(0, 0), (2, 0), (9, 1)]
