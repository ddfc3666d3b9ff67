"""Delta tables."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import functions as F

from tests.conformance.model import Fails, Group, rows

tables = Group("Delta tables")
q = tables.sql
run = tables.run
T = "CREATE TABLE t (id INT, s STRING)"
FILL = "INSERT INTO t VALUES (1, 'a'), (2, 'b')"
ALL = "SELECT * FROM t"

q("create and insert", T, FILL, ALL)
q("insert columns", T, "INSERT INTO t (s) VALUES ('x')", ALL)
q("insert by name", T, "INSERT INTO t BY NAME SELECT 'x' AS s, 5 AS id", ALL)
q("insert overwrite", T, FILL, "INSERT OVERWRITE t VALUES (9, 'z')", ALL)
q("insert from a query", T, FILL, "INSERT INTO t SELECT id + 10, s FROM t", ALL)
q("replace where", T, FILL, "INSERT INTO t REPLACE WHERE id = 2 VALUES (2, 'new')", ALL)
q("update", T, FILL, "UPDATE t SET s = upper(s) WHERE id > 1", ALL)
q("update of all", T, FILL, "UPDATE t SET id = id + 1, s = 'x'", ALL)
q("delete", T, FILL, "DELETE FROM t WHERE s = 'a'", ALL)
q(
    "delete by the time",
    T,
    FILL,
    "DELETE FROM t WHERE date'2020-01-01' < current_date() - INTERVAL 9 DAYS AND id = 1",
    ALL,
)
q(
    "update by lambda functions",
    "CREATE TABLE t (id INT, xs ARRAY<INT>)",
    "INSERT INTO t VALUES (1, array(1, 2)), (2, array(-5)), (3, null)",
    "UPDATE t SET xs = transform(xs, x -> x + 1), id = id * 10 WHERE forall(xs, x -> x > 0)",
    "SELECT * FROM t ORDER BY id",
)
q("delete by functions", T, FILL, "DELETE FROM t x WHERE coalesce(x.id, 3) = 1 OR array(s)[0] = 'c'", ALL)
q("delete all", T, FILL, "DELETE FROM t", ALL)
q("delete where true", T, FILL, "DELETE FROM t WHERE true", "SELECT count(*) FROM t")
q(
    "merge",
    T,
    FILL,
    "MERGE INTO t USING (SELECT 2 AS id, 'n' AS s UNION ALL SELECT 3, 'k') u ON t.id = u.id "
    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
    ALL,
)
q(
    "merge with conditions",
    T,
    FILL,
    "MERGE INTO t USING VALUES (1, 'x'), (2, 'y'), (3, 'z') u(id, s) ON t.id = u.id WHEN MATCHED "
    "AND u.s = 'x' THEN DELETE WHEN MATCHED THEN UPDATE SET s = u.s || '!'"
    " WHEN NOT MATCHED AND u.id > 5 THEN INSERT (id) VALUES (u.id)",
    ALL,
)
q(
    "merge not matched by source",
    T,
    FILL,
    "MERGE INTO t USING (SELECT 1 AS id) u ON t.id = u.id WHEN NOT MATCHED BY SOURCE THEN UPDATE SET s = 'gone'",
    ALL,
)
q(
    "merge of two rows that match",
    T,
    FILL,
    "MERGE INTO t USING VALUES (1, 'x'), (1, 'y') u(id, s) ON t.id = u.id WHEN MATCHED THEN UPDATE SET s = u.s",
)
q("create as", "CREATE TABLE c AS SELECT 1 AS a, 'x' AS b", "SELECT * FROM c")
q("create or replace", T, FILL, "CREATE OR REPLACE TABLE t AS SELECT 1.5 AS other", ALL)
q("create if not exists", T, FILL, "CREATE TABLE IF NOT EXISTS t (x INT)", ALL)
q("a table that is there", T, T)
q("version as of", T, FILL, "DELETE FROM t", "SELECT count(*) FROM t VERSION AS OF 1")
q("a version that is not there", T, "SELECT * FROM t VERSION AS OF 99")
q(
    "partitioned",
    "CREATE TABLE p (a INT, k STRING) PARTITIONED BY (k)",
    "INSERT INTO p VALUES (1, 'x')",
    "SELECT * FROM p WHERE k = 'x'",
)
q("not null", "CREATE TABLE n (a INT NOT NULL)", "INSERT INTO n VALUES (null)")
q("check constraint", T, FILL, "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)", "INSERT INTO t VALUES (-1, 'x')")
q("check constraint on rows that break it", T, FILL, "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 1)")
q(
    "drop constraint",
    T,
    "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)",
    "ALTER TABLE t DROP CONSTRAINT c",
    "INSERT INTO t VALUES (-1, 'x')",
    ALL,
)
q("a value that does not fit", T, "INSERT INTO t VALUES (3000000000, 'x')")
q("a text that is no number", T, "INSERT INTO t VALUES ('abc', 'x')")
q("add columns", T, FILL, "ALTER TABLE t ADD COLUMNS (n BIGINT)", ALL)
q("comments of columns", "CREATE TABLE m (a INT COMMENT 'the a')", "SELECT * FROM m")
q("drop", T, "DROP TABLE t", "SELECT * FROM t")
q("drop what is not there", "DROP TABLE nothing_there")
q("drop if exists", "DROP TABLE IF EXISTS nothing_there", "SELECT 1")
q("operations of the history", T, FILL, "UPDATE t SET id = 0", "SELECT 1")
q("views of tables", T, FILL, "CREATE VIEW w AS SELECT id FROM t WHERE id > 1", "SELECT * FROM w")
q(
    "nested types",
    "CREATE TABLE x (s STRUCT<a: INT, b: ARRAY<STRING>>, m MAP<STRING, INT>)",
    "INSERT INTO x VALUES (named_struct('a', 1, 'b', array('q')), map('k', 2))",
    "SELECT s.a, s.b[0], m['k'] FROM x",
)
q(
    "every type",
    "CREATE TABLE e AS SELECT true a, 1Y b, 2S c, 3 d, 4L e, 1.5F f, 2.5D g, 1.20 h, 's' i, X'41' j, "
    "date'2024-01-02' k, timestamp'2024-01-02 03:04:05' l",
    "SELECT * FROM e",
)
q(
    "generated columns",
    "CREATE TABLE g (a INT, b INT GENERATED ALWAYS AS (a * 2))",
    "INSERT INTO g (a) VALUES (4)",
    "SELECT * FROM g",
)
q(
    "default columns",
    "CREATE TABLE d (a INT, b INT DEFAULT 7) TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')",
    "INSERT INTO d (a) VALUES (1)",
    "SELECT * FROM d",
)
q(
    "identity columns",
    "CREATE TABLE i (k BIGINT GENERATED ALWAYS AS IDENTITY, a INT)",
    "INSERT INTO i (a) VALUES (5)",
    "SELECT count(DISTINCT k), max(a) FROM i",
)
q(
    "dropped columns",
    "CREATE TABLE r (a INT, b INT) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
    "INSERT INTO r VALUES (1, 2)",
    "ALTER TABLE r DROP COLUMN b",
    "SELECT * FROM r",
)
q(
    "renamed columns",
    "CREATE TABLE r (a INT) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
    "INSERT INTO r VALUES (1)",
    "ALTER TABLE r RENAME COLUMN a TO z",
    "SELECT * FROM r",
)
q("renamed tables", T, FILL, "ALTER TABLE t RENAME TO t2", "SELECT * FROM t2")
q("shallow clone", T, FILL, "CREATE TABLE c SHALLOW CLONE t", "SELECT * FROM c")
q(
    "changes of a table",
    "CREATE TABLE f (a INT) TBLPROPERTIES (delta.enableChangeDataFeed = true)",
    "INSERT INTO f VALUES (1)",
    "UPDATE f SET a = 2",
    "SELECT a, _change_type, _commit_version FROM table_changes('f', 1)",
)
q("properties", "CREATE TABLE y (a INT) TBLPROPERTIES ('k' = 'v')", "SHOW TBLPROPERTIES y ('k')")

DOCS = "https://docs.databricks.com/aws/en/"
tables.sql("create table like", T, FILL, "CREATE TABLE l LIKE t", "SELECT count(*) FROM l")
tables.sql("truncate", T, FILL, "TRUNCATE TABLE t", "SELECT count(*) FROM t")
tables.vendor(
    "a version in the name",
    T,
    FILL,
    "DELETE FROM t",
    "SELECT count(*) FROM t@v1",
    expected=[(2,)],
    source=DOCS + "delta/history",
)
tables.vendor(
    "deep clone",
    T,
    FILL,
    "CREATE TABLE c CLONE t",
    "SELECT count(*) FROM c",
    expected=[(2,)],
    source=DOCS + "delta/clone",
)
tables.sql("counts of an update", T, FILL, "UPDATE t SET id = 0 WHERE id = 1")


@run
def append_and_overwrite(spark, at):
    spark.range(2).write.saveAsTable("a")
    spark.range(2).write.mode("append").saveAsTable("a")
    first = spark.table("a").count()
    spark.range(1).write.mode("overwrite").saveAsTable("a")
    return first, spark.table("a").count()


@run
def a_table_is_there(spark, at):
    spark.range(1).write.saveAsTable("b")
    return spark.range(1).write.saveAsTable("b")


@run
def ignore_mode(spark, at):
    spark.range(1).write.saveAsTable("b")
    spark.range(5).write.mode("ignore").saveAsTable("b")
    return spark.table("b").count()


@run
def another_schema_is_refused(spark, at):
    spark.range(1).write.saveAsTable("b")
    spark.range(1).withColumn("x", F.lit(1)).write.mode("append").saveAsTable("b")


@run
def merged_schemas(spark, at):
    spark.range(1).write.saveAsTable("b")
    spark.range(1).withColumn("x", F.lit(1)).write.mode("append").option("mergeSchema", "true").saveAsTable("b")
    return spark.table("b")


@run
def overwritten_schema(spark, at):
    spark.range(1).write.saveAsTable("b")
    spark.sql("SELECT 'x' AS y").write.mode("overwrite").option("overwriteSchema", "true").saveAsTable("b")
    return spark.table("b")


@run
def replace_where_of_a_data_frame(spark, at):
    spark.range(4).write.saveAsTable("b")
    spark.range(3, 4).write.mode("overwrite").option("replaceWhere", "id >= 2").saveAsTable("b")
    return spark.table("b")


@run
def dynamic_partition_overwrite(spark, at):
    spark.createDataFrame([(1, "x"), (2, "y")], "a INT, k STRING").write.partitionBy("k").saveAsTable("b")
    new = spark.createDataFrame([(9, "y")], "a INT, k STRING")
    new.write.mode("overwrite").option("partitionOverwriteMode", "dynamic").saveAsTable("b")
    return spark.table("b")


@run
def by_path(spark, at):
    spark.range(3).write.format("delta").save(at.path)
    spark.range(3).write.format("delta").mode("append").save(at.path)
    first = spark.read.format("delta").option("versionAsOf", 0).load(at.path).count()
    return first, spark.read.load(at.path).count(), spark.sql(f"SELECT count(*) FROM delta.`{at.path}`").first()[0]


@run
def written_to(spark, at):
    spark.range(2).writeTo("v").create()
    spark.range(2).writeTo("v").append()
    return spark.table("v").count()


@run
def create_or_replace_with_written_to(spark, at):
    spark.range(2).writeTo("v").create()
    spark.sql("SELECT 'x' AS s").writeTo("v").createOrReplace()
    return spark.table("v")


@run
def inserted_into(spark, at):
    spark.sql("CREATE TABLE v (a BIGINT, b STRING)")
    spark.sql("SELECT 1L AS x, 'y' AS z").write.insertInto("v")
    return spark.table("v")


@run
def history(spark, at):
    spark.sql(T)
    spark.sql(FILL)
    spark.sql("DELETE FROM t WHERE id = 1")
    return [(row.version, row.operation) for row in spark.sql("DESCRIBE HISTORY t").collect()]


@run
def restored(spark, at):
    spark.sql(T)
    spark.sql(FILL)
    spark.sql("DELETE FROM t")
    spark.sql("RESTORE TABLE t TO VERSION AS OF 1")
    return spark.table("t")


@run
def optimized_and_vacuumed(spark, at):
    spark.sql(T)
    spark.sql(FILL)
    spark.sql(FILL)
    spark.sql("OPTIMIZE t ZORDER BY (id)").collect()
    spark.sql("VACUUM t RETAIN 168 HOURS").collect()
    return spark.table("t")


@run
def vacuum_too_early(spark, at):
    spark.sql(T)
    return spark.sql("VACUUM t RETAIN 0 HOURS").collect()


@run
def time_travel_by_time(spark, at):
    spark.sql(T)
    spark.sql(FILL)
    later = dt.datetime(2100, 1, 1)
    return spark.sql(f"SELECT * FROM t TIMESTAMP AS OF '{later}'").collect()


@tables.says([(2,)], DOCS + "sql/language-manual/delta-copy-into")
def copy_into(spark, at):
    spark.range(2).write.mode("overwrite").parquet(f"{at.path}/in")
    spark.sql("CREATE TABLE v (id BIGINT)")
    for _ in range(2):  # files are loaded once
        spark.sql(f"COPY INTO v FROM '{at.path}/in' FILEFORMAT = PARQUET")
    return rows(spark.sql("SELECT count(*) FROM v"))


@run
def detail(spark, at):
    spark.sql("CREATE TABLE p (a INT, k STRING) PARTITIONED BY (k)")
    row = spark.sql("DESCRIBE DETAIL p").first()
    return [row.format, row.partitionColumns]


tables.vendor(
    "a wrong number of columns",
    T,
    "INSERT INTO t VALUES (1, 'a', 2)",
    expected=Fails("INSERT_COLUMN_ARITY_MISMATCH"),
    source=DOCS + "error-messages/insert-column-arity-mismatch-error-class",
)
tables.sql("a schema that is not there", "SELECT * FROM nowhere.t")


@run
def long_decimals(spark, at):
    spark.sql("CREATE TABLE e (d DECIMAL(38, 10))")
    spark.sql("INSERT INTO e VALUES (-123456789.123456789)")
    spark.sql("INSERT INTO e VALUES (1.5), (12345678901234567890.123456789)")
    return spark.sql("SELECT d, d = -123456789.123456789 FROM e")
