"""The changes of tables."""

from __future__ import annotations

from tests.conformance.model import Group, rows

changes = Group("changes of tables")
q = changes.sql
run = changes.run
T = "CREATE TABLE t (a INT, b STRING) TBLPROPERTIES (delta.enableChangeDataFeed = true)"
FILL = "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')"
READ = "SELECT a, b, _change_type, _commit_version FROM table_changes('t', 1)"
LATER = "SELECT a, b, _change_type, _commit_version FROM table_changes('t', 2)"

q("all columns of them", T, FILL, "DESCRIBE SELECT * FROM table_changes('t', 0)")
q("an update", T, FILL, "UPDATE t SET b = upper(b), a = a + 10 WHERE a > 1", READ)
q("an update that changes nothing", T, FILL, "UPDATE t SET b = b WHERE a = 1", LATER)
q("a delete", T, FILL, "DELETE FROM t WHERE a = 2", READ)
q("a delete of all", T, FILL, "DELETE FROM t", LATER)
q(
    "a merge",
    T,
    FILL,
    "MERGE INTO t USING VALUES (1, 'new'), (2, NULL), (9, 'n') AS s(a, b) ON t.a = s.a "
    "WHEN MATCHED AND CASE WHEN s.b IS NULL THEN true ELSE false END THEN DELETE WHEN MATCHED THEN UPDATE SET * "
    "WHEN NOT MATCHED THEN INSERT * WHEN NOT MATCHED BY SOURCE THEN UPDATE SET b = concat(t.b, '!')",
    LATER,
)
q(
    "a merge that inserts",
    T,
    FILL,
    "MERGE INTO t USING (SELECT 9 AS a, 'n' AS b) s ON t.a = s.a WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)",
    LATER,
)
q("an overwrite", T, FILL, "INSERT OVERWRITE t VALUES (5, 'o')", LATER)
q("a part that is replaced", T, FILL, "INSERT INTO t REPLACE WHERE a > 1 VALUES (3, 'p')", LATER)
q("a table that is emptied and restored", T, FILL, "TRUNCATE TABLE t", "RESTORE TABLE t TO VERSION AS OF 1", LATER)
q("files that are made larger", T, FILL, "INSERT INTO t VALUES (4, 'w')", "OPTIMIZE t", LATER)
q("a range", T, FILL, "DELETE FROM t WHERE a = 1", "SELECT count(*) FROM table_changes('t', 1, 1)")
q("to after the last version", T, FILL, "SELECT count(*) FROM table_changes('t', 0, 9)")
q("from after the last version", T, "SELECT * FROM table_changes('t', 9)")
q("a range that ends before it begins", T, FILL, "SELECT * FROM table_changes('t', 1, 0)")
q("from a time", T, FILL, "SELECT count(*) FROM table_changes('t', '2001-01-01')")
q("from a time to come", T, FILL, "SELECT count(*) FROM table_changes('t', '2101-01-01')")
q("without a beginning", T, "SELECT * FROM table_changes('t')")
q("of no table", "SELECT * FROM table_changes('nowhere', 1)")
q("that were not recorded", "CREATE TABLE t (a INT)", "SELECT * FROM table_changes('t', 0)")
q(
    "from before they were recorded",
    "CREATE TABLE t (a INT)",
    "ALTER TABLE t SET TBLPROPERTIES (delta.enableChangeDataFeed = true)",
    "INSERT INTO t VALUES (1)",
    "SELECT * FROM table_changes('t', 0)",
)
q(
    "since they are recorded",
    "CREATE TABLE t (a INT)",
    "INSERT INTO t VALUES (1)",
    "ALTER TABLE t SET TBLPROPERTIES (delta.enableChangeDataFeed = true)",
    "UPDATE t SET a = 2",
    "SELECT a, _change_type FROM table_changes('t', 2)",
)
q("columns of their names", "CREATE TABLE t (_change_type STRING) TBLPROPERTIES (delta.enableChangeDataFeed = true)")
q("columns that are added", T, FILL, "ALTER TABLE t ADD COLUMNS (c INT)", "UPDATE t SET c = 1 WHERE a = 1", READ)
q(
    "parts, and values of all kinds",
    "CREATE TABLE t (m MAP<STRING, INT>, l ARRAY<STRUCT<x: INT>>, d DECIMAL(20, 3), p STRING) PARTITIONED BY (p) "
    "TBLPROPERTIES (delta.enableChangeDataFeed = true)",
    "INSERT INTO t VALUES (map('k', 1), array(named_struct('x', 1)), 1.5, 'one two'), (NULL, NULL, NULL, NULL)",
    "UPDATE t SET d = d + 1, p = 'moved' WHERE p IS NOT NULL",
    "SELECT d, p, l, _change_type, _commit_version FROM table_changes('t', 1)",
)


@run
def read_with_options(spark, at):
    spark.sql(T)
    spark.sql(FILL)
    read = spark.read.option("readChangeFeed", "true").option("startingVersion", 1).option("endingVersion", 1)
    return sorted(rows(read.table("t").select("a", "_change_type", "_commit_version")))


@run
def read_with_options_from_a_path(spark, at):
    spark.conf.set("spark.databricks.delta.properties.defaults.enableChangeDataFeed", "true")
    try:
        spark.range(2).write.format("delta").save(f"{at.path}/t")
    finally:
        spark.conf.unset("spark.databricks.delta.properties.defaults.enableChangeDataFeed")
    read = spark.read.format("delta").option("readChangeFeed", "true").option("startingTimestamp", "2001-01-01")
    return sorted(rows(read.load(f"{at.path}/t").select("id", "_change_type", "_commit_version")))


@run
def two_beginnings(spark, at):
    spark.sql(T)
    read = spark.read.option("readChangeFeed", "true").option("startingVersion", 1)
    return rows(read.option("startingTimestamp", "2001-01-01").table("t"))


@run
def an_overwrite_of_the_columns(spark, at):
    spark.sql(T)
    spark.sql(FILL)
    spark.range(1).write.mode("overwrite").option("overwriteSchema", "true").saveAsTable("t")
    return sorted(map(str, rows(spark.sql("SELECT id, _change_type FROM table_changes('t', 2)"))))


@run
def rows_that_bring_columns(spark, at):
    spark.sql(T)
    spark.createDataFrame([(1, True)], "a INT, c BOOLEAN").write.mode("append").option(
        "mergeSchema", "true"
    ).saveAsTable("t")
    return rows(spark.sql("SELECT a, c, _change_type FROM table_changes('t', 1)"))


@run
def a_merge_of_a_data_frame(spark, at):
    from pyspark.sql import functions as F

    spark.sql(T)
    spark.sql(FILL)
    source = spark.createDataFrame([(1, "n"), (7, "n")], "a INT, b STRING").alias("s")
    merge = source.mergeInto("t", F.expr("t.a = s.a")).whenMatched().update({"b": F.col("s.b")})
    merge.whenNotMatched().insertAll().whenNotMatchedBySource(F.expr("t.a = 2")).delete().merge()
    return sorted(rows(spark.sql(LATER)))
