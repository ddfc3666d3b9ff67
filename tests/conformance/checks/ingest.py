"""Files that are loaded into tables, as Databricks does it."""

from __future__ import annotations

from tests.conformance.model import Fails, Group, rows

DOCS = "https://docs.databricks.com/aws/en/"
COPY = f"{DOCS}sql/language-manual/delta-copy-into"
loading = Group("loading files", COPY)
says = loading.says
CSV = "FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true')"


def counts(spark, sql):
    return rows(spark.sql(sql))[0]


@says([(2, 2, 0), (0, 0, 0), (2, 2, 0)])
def copied_once_unless_forced(spark, at):
    spark.range(2).write.parquet(f"{at.path}/in")
    spark.sql("CREATE TABLE t (id BIGINT)")
    copy = f"COPY INTO t FROM '{at.path}/in' FILEFORMAT = PARQUET"
    return [counts(spark, copy), counts(spark, copy), counts(spark, f"{copy} COPY_OPTIONS ('force' = 'true')")]


@says([("id", "int"), ("name", "string")])
def a_table_without_columns_gets_them(spark, at):
    spark.createDataFrame([("id,name",), ("1,a",)], "value STRING").coalesce(1).write.text(f"{at.path}/in")
    spark.sql("CREATE TABLE IF NOT EXISTS t")
    spark.sql(f"COPY INTO t FROM '{at.path}/in' {CSV} COPY_OPTIONS ('mergeSchema' = 'true')")
    return spark.table("t").dtypes


@says(Fails("COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE"))
def copied_columns_that_the_table_does_not_have(spark, at):
    spark.range(2).selectExpr("id", "id AS more").write.parquet(f"{at.path}/in")
    spark.sql("CREATE TABLE t (id BIGINT)")
    spark.sql(f"COPY INTO t FROM '{at.path}/in' FILEFORMAT = PARQUET")


@says([(1, "A")])
def copied_through_a_query(spark, at):
    spark.createDataFrame([("1,a",)], "value STRING").coalesce(1).write.text(f"{at.path}/in")
    spark.sql("CREATE TABLE t (k BIGINT, v STRING)")
    spark.sql(
        f"COPY INTO t FROM (SELECT _c0::BIGINT AS k, upper(_c1) AS v FROM '{at.path}/in') FILEFORMAT = CSV "
        "FORMAT_OPTIONS ('header' = 'false')"
    )
    return rows(spark.table("t"))


@says([("a", 1)])
def copied_by_position(spark, at):
    spark.createDataFrame([("a,1",)], "value STRING").coalesce(1).write.text(f"{at.path}/in")
    spark.sql("CREATE TABLE t (k STRING, v BIGINT)")
    spark.sql(f"COPY INTO t BY POSITION FROM '{at.path}/in' FILEFORMAT = CSV")
    return rows(spark.table("t"))


@says((1, 0))
def validated_and_not_copied(spark, at):
    spark.range(3).coalesce(1).write.parquet(f"{at.path}/in")
    spark.sql("CREATE TABLE t (id BIGINT)")
    shown = spark.sql(f"COPY INTO t FROM '{at.path}/in' FILEFORMAT = PARQUET VALIDATE 1 ROWS").count()
    return shown, spark.table("t").count()


@says(Fails("COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED"), f"{DOCS}error-messages/error-classes")
def copied_from_a_format_that_there_is_not(spark, at):
    spark.sql("CREATE TABLE t (id BIGINT)")
    spark.sql(f"COPY INTO t FROM '{at.path}' FILEFORMAT = EXCEL")


@says(("COPY INTO", "2"))
def copied_in_the_history(spark, at):
    spark.range(2).write.parquet(f"{at.path}/in")
    spark.sql("CREATE TABLE t (id BIGINT)")
    spark.sql(f"COPY INTO t FROM '{at.path}/in' FILEFORMAT = PARQUET")
    last = spark.sql("DESCRIBE HISTORY t LIMIT 1").first()
    return last.operation, last.operationMetrics["numOutputRows"]


@says([(0, 0, 0), (0, 0, 0)])
def restored_and_cloned_tables_know_what_was_copied(spark, at):
    spark.range(2).write.parquet(f"{at.path}/in")
    spark.sql("CREATE TABLE t (id BIGINT)")
    spark.sql(f"COPY INTO t FROM '{at.path}/in' FILEFORMAT = PARQUET")
    spark.sql("CREATE TABLE u DEEP CLONE t")
    spark.sql("RESTORE TABLE t TO VERSION AS OF 0")
    return [counts(spark, f"COPY INTO {name} FROM '{at.path}/in' FILEFORMAT = PARQUET") for name in ("t", "u")]


READ_FILES = f"{DOCS}sql/language-manual/functions/read_files"


def lines(spark, at, *texts):
    """A directory with one file of these lines."""
    spark.createDataFrame([(text,) for text in texts], "value STRING").coalesce(1).write.text(f"{at.path}/in")
    return f"{at.path}/in"


@says([("id", "int"), ("name", "string"), ("_rescued_data", "string")], READ_FILES)
def read_files_infers_columns(spark, at):
    path = lines(spark, at, "id,name", "1,a")
    return spark.sql(f"SELECT * FROM read_files('{path}', format => 'csv', header => true)").dtypes


@says([(1, None), (None, "x")], READ_FILES)
def read_files_keeps_what_does_not_fit(spark, at):
    path = lines(spark, at, "id,name", "1,a", "x,b")
    query = f"read_files('{path}', format => 'csv', header => true, schemaHints => 'id INT')"
    return rows(spark.sql(f"SELECT id, _rescued_data:id FROM {query} ORDER BY name"))


@says([("id", "bigint")], READ_FILES)
def read_files_with_a_schema(spark, at):
    path = lines(spark, at, '{"id": 1, "more": 2}')
    return spark.sql(f"SELECT * FROM read_files('{path}', format => 'json', schema => 'id BIGINT')").dtypes


@says([(1, True)], f"{DOCS}ingestion/file-metadata-column")
def files_have_metadata_in_SQL(spark, at):
    path = lines(spark, at, "1")
    return rows(spark.sql(f"SELECT _c0::INT, _metadata.file_size = 2 FROM csv.`{path}`"))
