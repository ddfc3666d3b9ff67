"""What Spark code sees through the gateway: an unmodified client, and what Databricks documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.workspace.compute.engine_support import Engine

Check = Callable[[Any], Any]


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.collect()]


def run(spark: Any, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements; the rows of the last."""
    for statement in statements[:-1]:
        spark.sql(statement)
    return rows(spark.sql(statements[-1]))


T = "CREATE TABLE t (id BIGINT, s STRING)"
FILL = "INSERT INTO t VALUES (1, 'a'), (2, 'b')"

RESULTS: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = {
    "create, insert, select": ([T, FILL, "SELECT * FROM t ORDER BY id"], [(1, "a"), (2, "b")]),
    "insert tells how many rows": ([T, FILL], [(2, 2)]),
    "insert by column list fills with null": ([T, "INSERT INTO t (s) VALUES ('x')", "SELECT * FROM t"], [(None, "x")]),
    "insert by name": ([T, "INSERT INTO t BY NAME SELECT 'x' s, 5 id", "SELECT * FROM t"], [(5, "x")]),
    "insert by name into a partition": (
        [
            "CREATE TABLE t (a INT, b INT, p INT) PARTITIONED BY (p)",
            "INSERT INTO t PARTITION (p = 1) BY NAME SELECT 1 b, 2 a",
            "SELECT * FROM t",
        ],
        [(2, 1, 1)],
    ),
    "insert overwrite": ([T, FILL, "INSERT OVERWRITE t SELECT 9, 'z'", "SELECT * FROM t"], [(9, "z")]),
    "with before insert": (
        [T, "WITH c AS (SELECT 7 a, 'w' b) INSERT INTO t SELECT * FROM c", "SELECT id FROM t"],
        [(7,)],
    ),
    "update counts": ([T, FILL, "UPDATE t SET s = 'q' WHERE id > 1"], [(1,)]),
    "delete counts": ([T, FILL, "DELETE FROM t WHERE id = 1"], [(1,)]),
    "changes that hit nothing": ([T, FILL, "DELETE FROM t WHERE id = 99"], [(0,)]),
    "merge counts": (
        [
            T,
            FILL,
            "MERGE INTO t USING (SELECT 2 id, 'n' s UNION ALL SELECT 3, 'k') u ON t.id = u.id "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        ],
        [(2, 1, 0, 1)],
    ),
    "create table as": ([T, FILL, "CREATE TABLE u AS SELECT id + 1 AS j FROM t", "SELECT sum(j) FROM u"], [(5,)]),
    "create or replace keeps history": (
        [T, FILL, "CREATE OR REPLACE TABLE t AS SELECT 1 AS other", "SELECT count(*) FROM t VERSION AS OF 1"],
        [(2,)],
    ),
    "version in the name": ([T, FILL, "INSERT INTO t VALUES (3, 'c')", "SELECT count(*) FROM t@v1"], [(2,)]),
    "columns of a new table take nulls": (
        ["CREATE TABLE n AS SELECT 1 AS a", "INSERT INTO n VALUES (null)", "SELECT a FROM n ORDER BY a"],
        [(None,), (1,)],
    ),
    "fully qualified columns": ([T, FILL, "SELECT max(main.{schema}.t.id) FROM main.{schema}.t"], [(2,)]),
    "two-part names": ([T, FILL, "SELECT count(*) FROM {schema}.t"], [(2,)]),
    "a common table expression hides a table": (
        [T, FILL, "WITH t AS (SELECT count(*) n FROM t) SELECT n FROM t"],
        [(2,)],
    ),
    "a temporary view hides a table": ([T, "CREATE TEMP VIEW t AS SELECT 42 AS x", "SELECT * FROM t"], [(42,)]),
    "views are kept as queries": ([T, "CREATE VIEW v AS SELECT id FROM t", FILL, "SELECT count(*) FROM v"], [(2,)]),
    "current names": (["SELECT current_catalog(), current_schema() = '{schema}'"], [("main", True)]),
    "show tables": ([T, "SHOW TABLES"], [("{schema}", "t", False)]),
    "show schemas": (["SHOW SCHEMAS LIKE 'defau*'"], [("default",)]),
    "show catalogs": (["SHOW CATALOGS"], [("dev",), ("hive_metastore",), ("main",)]),
    "describe": ([T, "DESCRIBE t"], [("id", "bigint", None), ("s", "string", None)]),
    "truncate": ([T, FILL, "TRUNCATE TABLE t", "SELECT count(*) FROM t"], [(0,)]),
    "restore": ([T, FILL, "DELETE FROM t", "RESTORE TABLE t TO VERSION AS OF 1", "SELECT count(*) FROM t"], [(2,)]),
    "add columns": ([T, FILL, "ALTER TABLE t ADD COLUMNS (c INT)", "SELECT c FROM t WHERE id = 1"], [(None,)]),
    "properties": (
        [T, "ALTER TABLE t SET TBLPROPERTIES ('my.key' = 'v')", "SHOW TBLPROPERTIES t ('my.key')"],
        [("my.key", "v")],
    ),
    "drop": ([T, "DROP TABLE t", "SHOW TABLES"], []),
    "drop if exists": (["DROP TABLE IF EXISTS nothing"], []),
    "create if not exists": ([T, FILL, "CREATE TABLE IF NOT EXISTS t (x INT)", "SELECT count(*) FROM t"], [(2,)]),
}


@pytest.mark.parametrize("case", RESULTS)
def test_sql_gives_what_databricks_gives(spark: Any, case: str) -> None:
    statements, expected = RESULTS[case]
    schema = spark.catalog.currentDatabase()
    found = run(spark, *[statement.replace("{schema}", schema) for statement in statements])
    assert found == [tuple(schema if value == "{schema}" else value for value in row) for row in expected]


def test_what_a_table_was_made_of_is_shown(spark: Any) -> None:
    made = (
        "CREATE TABLE t (id BIGINT NOT NULL COMMENT 'it''s', s STRUCT<Name: STRING, n: INT>, `a-b` STRING) "
        "PARTITIONED BY (id) COMMENT 'trips' TBLPROPERTIES ('k' = 'v')"
    ).replace("''", "\\'")
    described = run(spark, made, "DESCRIBE t")
    assert described[0] == ("id", "bigint", "it's")
    assert described[-2:] == [("# col_name", "data_type", "comment"), ("id", "bigint", "it's")]
    text = run(spark, "SHOW CREATE TABLE t")[0][0]
    assert "s STRUCT<Name: STRING, n: INT>" in text and "COMMENT 'trips'" in text and "'k' = 'v'" in text
    assert run(spark, "DROP TABLE t", text, "SHOW CREATE TABLE t")[0][0] == text


ERRORS: dict[str, tuple[list[str], str, str]] = {
    "missing table": (["SELECT * FROM nope"], "AnalysisException", "TABLE_OR_VIEW_NOT_FOUND"),
    "missing schema": (["CREATE TABLE nope.t (a INT)"], "AnalysisException", "SCHEMA_NOT_FOUND"),
    "missing catalog": (["USE CATALOG nope"], "AnalysisException", "NO_SUCH_CATALOG"),
    "missing file": (["SELECT * FROM parquet.`/nope`"], "AnalysisException", "PATH_NOT_FOUND"),
    "table exists": ([T, T], "AnalysisException", "TABLE_OR_VIEW_ALREADY_EXISTS"),
    "missing column": (
        [T, "SELECT nope FROM t"],
        "AnalysisException",
        "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column, variable, or function parameter with name `nope`",
    ),
    "syntax": (["SELECT frm x y"], "ParseException", "PARSE_SYNTAX_ERROR"),
    "no statement": (["SELEC 1"], "ParseException", "at or near 'SELEC'"),
    "two statements": (["SELECT 1; SELECT 2"], "ParseException", "PARSE_SYNTAX_ERROR"),
    "too few columns": ([T, "INSERT INTO t VALUES (1)"], "AnalysisException", "DELTA_INSERT_COLUMN_ARITY_MISMATCH"),
    "text into a number": ([T, "INSERT INTO t VALUES ('x', 'y')"], "NumberFormatException", "CAST_INVALID_INPUT"),
    "no number": (
        ["SELECT CAST('a' AS INT)"],
        "NumberFormatException",
        'The value \'a\' of the type "STRING" cannot be cast to "INT" because it is malformed.',
    ),
    "no decimal": (["SELECT CAST('a' AS DECIMAL(5, 2))"], "NumberFormatException", 'cast to "DECIMAL(5,2)" because'),
    "no decimal of a table": (
        ["CREATE TABLE n (a INT, b DECIMAL(7, 1))", "INSERT INTO n SELECT 1, 'x'"],
        "NumberFormatException",
        """The value 'x' of the type "STRING" cannot be cast to "DECIMAL(7,1)" because""",
    ),
    "null into not null": (
        ["CREATE TABLE n (a INT NOT NULL)", "INSERT INTO n VALUES (null)"],
        "UnknownException",
        "NOT_NULL",
    ),
    "too large a number": (
        ["CREATE TABLE n (a INT)", "INSERT INTO n VALUES (5000000000)"],
        "ArithmeticException",
        "CAST_OVERFLOW_IN_TABLE_INSERT",
    ),
    "check constraint": (
        [T, "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)", "INSERT INTO t VALUES (-1, 'x')"],
        "UnknownException",
        "DELTA_VIOLATE_CONSTRAINT",
    ),
    "random values and a subquery": (
        [T, FILL, "UPDATE t SET s = uuid() WHERE id IN (SELECT 1)"],
        "UnsupportedOperationException",
        "Use MERGE INTO with a key",
    ),
    "check constraint of what is null": (
        [T, "INSERT INTO t VALUES (NULL, 'x')", "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)"],
        "AnalysisException",
        "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION",
    ),
    "vacuum too soon": ([T, "VACUUM t RETAIN 0 HOURS"], "IllegalArgumentException", "RETENTION_PERIOD_TOO_SHORT"),
    "restore too far": ([T, "RESTORE t TO VERSION AS OF 9"], "AnalysisException", "DELTA_ERROR"),
    "managed tables of files": (
        ["CREATE TABLE p (a INT) USING csv"],
        "AnalysisException",
        "UNSUPPORTED_MANAGED_TABLE_CREATION",
    ),
    "numbers of another type": (
        ["CREATE TABLE g (a INT GENERATED ALWAYS AS IDENTITY)"],
        "UnsupportedOperationException",
        "DELTA_IDENTITY_COLUMNS_UNSUPPORTED_DATA_TYPE",
    ),
    "drop a view as a table": (["CREATE VIEW v AS SELECT 1 a", "DROP TABLE v"], "AnalysisException", "WRONG_COMMAND"),
    "bad table name": (["CREATE TABLE `../x` (a INT)"], "AnalysisException", "INVALID_IDENTIFIER"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_cannot_be_done_is_an_error_by_name(spark: Any, case: str) -> None:
    from pyspark.errors import PySparkException

    statements, kind, text = ERRORS[case]
    with pytest.raises(PySparkException) as caught:
        run(spark, *statements)
    assert type(caught.value).__name__ == kind
    assert text in str(caught.value)


def test_saved_tables_are_plain_delta_that_another_session_and_other_libraries_read(spark: Any, engine: Engine) -> None:
    from deltalake import DeltaTable

    schema = spark.catalog.currentDatabase()
    spark.range(3).write.saveAsTable("t")
    spark.range(3).write.mode("append").saveAsTable("t")
    other = engine.client()
    assert other.table(f"main.{schema}.t").count() == 6
    other.stop()
    table = DeltaTable(engine.data / "tables/main" / schema / "t")
    assert table.to_pyarrow_table().num_rows == 6
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)
    assert engine.catalog.table(f"main.{schema}.t").table_type == "MANAGED"


def test_overwriting_a_table_keeps_its_history_and_its_schema(spark: Any) -> None:
    from pyspark.errors import AnalysisException

    spark.range(5).write.saveAsTable("t")
    spark.range(2).write.mode("overwrite").saveAsTable("t")
    assert spark.read.option("versionAsOf", 0).table("t").count() == 5
    with pytest.raises(AnalysisException, match="DELTA_METADATA_MISMATCH"):
        spark.sql("SELECT 1 AS other").write.mode("overwrite").saveAsTable("t")
    spark.sql("SELECT 1 AS other").write.mode("overwrite").option("overwriteSchema", "true").saveAsTable("t")
    assert spark.table("t").columns == ["other"]
    assert len(rows(spark.sql("DESCRIBE HISTORY t"))) >= 3


def test_appended_rows_must_fit_the_table(spark: Any) -> None:
    from pyspark.errors import AnalysisException

    spark.sql("CREATE TABLE t (a INT NOT NULL, b STRING)")
    spark.sql("SELECT 'x' AS B, 1 AS A").write.mode("append").saveAsTable("t")
    with pytest.raises(AnalysisException, match="DELTA_METADATA_MISMATCH"):
        spark.sql("SELECT 1 AS a, 2.5D AS c").write.mode("append").saveAsTable("t")
    spark.sql("SELECT 2 AS a, 2.5D AS c").write.mode("append").option("mergeSchema", "true").saveAsTable("t")
    assert rows(spark.sql("SELECT * FROM t ORDER BY a")) == [(1, "x", None), (2, None, 2.5)]


def test_an_existing_table_is_not_overwritten_by_accident(spark: Any) -> None:
    from pyspark.errors import AnalysisException

    spark.range(1).write.saveAsTable("t")
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        spark.range(2).write.saveAsTable("t")
    spark.range(2).write.mode("ignore").saveAsTable("t")
    assert spark.table("t").count() == 1


def test_write_to_and_insert_into(spark: Any) -> None:
    from pyspark.sql.functions import expr

    spark.range(3).writeTo("t").createOrReplace()
    spark.range(2).writeTo("t").createOrReplace()
    spark.range(1).writeTo("t").append()
    spark.range(1).write.insertInto("t")
    spark.range(5).alias("u").mergeInto("t", expr("t.id = u.id")).whenNotMatched().insertAll().merge()
    assert spark.table("t").count() == 7


def test_partitions_can_be_replaced(spark: Any) -> None:
    frame = spark.range(6).selectExpr("id", "id % 3 AS p")
    frame.write.partitionBy("p").saveAsTable("t")
    spark.sql("SELECT 100L AS id, 1L AS p").write.mode("overwrite").option("replaceWhere", "p = 1").saveAsTable("t")
    assert rows(spark.sql("SELECT p, count(*) FROM t GROUP BY p ORDER BY p")) == [(0, 2), (1, 1), (2, 2)]


def test_files_are_written_and_read_where_databricks_has_them(spark: Any, engine: Engine) -> None:
    schema = spark.catalog.currentDatabase()
    spark.sql("CREATE VOLUME v")
    volume = f"/Volumes/main/{schema}/v"
    spark.range(3).write.parquet(f"{volume}/p")
    assert (engine.data / "volumes/main" / schema / "v/p").is_dir()
    assert spark.read.parquet(f"dbfs:{volume}/p").count() == 3
    spark.range(4).write.option("header", True).csv(f"dbfs:/{schema} with space/c")
    assert spark.read.option("header", True).csv(f"/dbfs/{schema} with space/c").count() == 4
    assert spark.read.csv(f"/{schema}*/c").count() == 5  # with the header
    spark.range(2).write.save(f"/{schema}/d")
    assert rows(spark.sql(f"SELECT count(*) FROM delta.`/{schema}/d`")) == [(2,)]


def test_creating_a_table_never_deletes_files_that_are_there(spark: Any) -> None:
    from pyspark.errors import AnalysisException

    place = f"/{spark.catalog.currentDatabase()}/files"
    spark.range(3).write.parquet(place)
    with pytest.raises(AnalysisException, match="NON_EMPTY_LOCATION"):
        spark.sql(f"CREATE TABLE e USING delta LOCATION '{place}' AS SELECT 1 AS a")
    assert spark.read.parquet(place).count() == 3


def test_external_tables_outlive_their_name(spark: Any) -> None:
    place = f"/{spark.catalog.currentDatabase()}/ext"
    spark.sql(f"CREATE TABLE e USING delta LOCATION '{place}' AS SELECT 1 AS a")
    spark.sql("DROP TABLE e")
    spark.sql(f"CREATE TABLE again USING delta LOCATION '{place}'")
    assert rows(spark.table("again")) == [(1,)]


@pytest.mark.parametrize(
    ("read", "condition"),
    [
        (lambda spark: spark.read.parquet("/nope").count(), "PATH_NOT_FOUND"),
        (lambda spark: spark.read.csv("dbfs:/nope/*.csv").count(), "PATH_NOT_FOUND"),
        (lambda spark: spark.read.json("file:/nope").schema, "PATH_NOT_FOUND"),
        (lambda spark: spark.read.parquet("../../../etc").count(), "PATH_NOT_FOUND"),
        (lambda spark: spark.read.load("/Volumes/main/default/nope/x").count(), "UC_VOLUME_NOT_FOUND"),
        (lambda spark: spark.read.format("delta").load("/").count(), "DELTA_TABLE_NOT_FOUND|PATH_NOT_FOUND"),
        (lambda spark: spark.table("a.b.c").count(), "TABLE_OR_VIEW_NOT_FOUND"),
    ],
)
def test_reading_what_is_not_there_is_an_error(spark: Any, read: Check, condition: str) -> None:
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException, match=condition):
        read(spark)


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (lambda spark: spark.readStream.format("rate").load().schema, "Structured Streaming"),
        (lambda spark: spark.read.parquet("s3://bucket/x").schema, "s3"),
        (lambda spark: spark.range(1).write.format("orc2").save("/o"), "orc2"),
    ],
)
def test_what_the_engine_lacks_is_refused_by_name(spark: Any, use: Check, text: str) -> None:
    from pyspark.errors import UnsupportedOperationException

    with pytest.raises(UnsupportedOperationException, match=f"(?s)sail.*{text}"):
        use(spark)


def test_the_catalog_api_answers_from_unity_catalog(spark: Any) -> None:
    schema = spark.catalog.currentDatabase()
    spark.sql("CREATE TABLE t (a INT, b STRING) PARTITIONED BY (b)")
    spark.range(1).createOrReplaceTempView("temporary")
    assert spark.catalog.currentCatalog() == "main"
    assert spark.catalog.tableExists("t") and spark.catalog.tableExists(f"main.{schema}.t")
    assert not spark.catalog.tableExists("nope")
    assert {table.name: table.isTemporary for table in spark.catalog.listTables()} == {"t": False, "temporary": True}
    assert [(c.name, c.dataType, c.isPartition) for c in spark.catalog.listColumns("t")] == [
        ("a", "int", False),
        ("b", "string", True),
    ]
    assert spark.catalog.databaseExists("default")
    spark.catalog.setCurrentCatalog("dev")
    assert (spark.catalog.currentCatalog(), spark.catalog.currentDatabase()) == ("dev", "default")


def test_arguments_and_data_frames_in_sql(spark: Any) -> None:
    spark.sql("CREATE TABLE t (a BIGINT)")
    spark.sql("INSERT INTO t SELECT :x", args={"x": 7})
    spark.sql("INSERT INTO t SELECT id FROM {frame}", frame=spark.range(2))
    assert rows(spark.sql("SELECT a FROM t WHERE a > ? ORDER BY a", args=[0])) == [(1,), (7,)]


def test_settings_are_read_as_they_are_at_that_moment(spark: Any) -> None:
    key, seen = "spark.sql.session.timeZone", []
    before = spark.conf.get(key)
    try:
        for change in (lambda: spark.conf.set(key, "Asia/Tokyo"), lambda: spark.sql(f"SET {key} = Europe/Rome")):
            change()
            seen += [spark.conf.get(key), spark.sql("SELECT hour(TIMESTAMP '2024-01-01 00:00:00Z') AS h").first().h]
    finally:
        spark.conf.unset(key)
    assert seen == ["Asia/Tokyo", 9, "Europe/Rome", 1]
    assert spark.conf.get(key) == before and spark.conf.get("my.own", "none") == "none"


def test_python_functions_run_in_the_engine(spark: Any, tmp_path: Any) -> None:
    from pyspark.sql.functions import pandas_udf, udf

    (tmp_path / "shipped_module.py").write_text("def seven(x):\n    return x * 7\n")
    spark.addArtifact(str(tmp_path / "shipped_module.py"), pyfile=True)

    def shipped(x: int) -> int:
        import shipped_module

        return int(shipped_module.seven(x))

    frame = spark.range(3)
    assert rows(frame.select(pandas_udf(lambda values: values * 1.5, "double")("id"))) == [(0.0,), (1.5,), (3.0,)]
    assert rows(frame.select(udf(shipped, "long")("id"))) == [(0,), (7,), (14,)]
    assert frame.mapInPandas(lambda parts: (part + 1 for part in parts), "id long").toPandas()["id"].tolist() == [
        1,
        2,
        3,
    ]
    spark.udf.register("plus1", lambda x: x + 1, "long")
    assert rows(spark.sql("SELECT plus1(2)")) == [(3,)]


def test_pandas_and_arrow_go_both_ways(spark: Any) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert spark.createDataFrame(frame).toPandas().equals(frame)
    assert spark.range(5).toArrow().num_rows == 5
    frame = spark.range(2)
    assert frame.semanticHash() == frame.semanticHash()
