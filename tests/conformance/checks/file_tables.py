"""Tables of other formats than Delta, external ones as Unity Catalog has them."""

from __future__ import annotations

from tests.conformance.model import Group, rows

file_tables = Group("tables of files")
PARQUET = "CREATE TABLE p (id INT, s STRING) USING parquet LOCATION '{0}/p'"
CSV = (
    "CREATE TABLE c (id INT, d DATE, s STRING, k STRING) USING csv OPTIONS (header 'true', sep ';') PARTITIONED BY (k) "
    "LOCATION '{0}/c'"
)
FILL = "INSERT INTO c VALUES (1, DATE'2020-01-01', 'a;b', 'x'), (2, null, '', null)"
TYPES = (
    "CREATE TABLE t (i INT, b BOOLEAN, t TIMESTAMP, bi BINARY, s STRING, d DATE, n TIMESTAMP_NTZ) USING parquet "
    "LOCATION '{0}/t'"
)


def asks(name: str, *statements: str) -> None:
    """Statements in which `{0}` is a directory."""

    def check(spark, at):
        for statement in statements[:-1]:
            spark.sql(statement.format(at.path)).collect()
        return spark.sql(statements[-1].format(at.path))

    check.__name__ = name.replace(" ", "_")
    file_tables.run(check)


asks("insert and read parquet", PARQUET, "INSERT INTO p VALUES (1, 'a'), (2, null)", "SELECT * FROM p")
asks("insert columns into parquet", PARQUET, "INSERT INTO p (s) VALUES ('x')", "SELECT * FROM p")
asks("insert by name into parquet", PARQUET, "INSERT INTO p BY NAME SELECT 'x' AS s, 5 AS id", "SELECT * FROM p")
asks("insert extra columns", PARQUET, "INSERT INTO p BY NAME SELECT 1 AS id, 2 AS other")
asks("insert too few columns", PARQUET, "INSERT INTO p SELECT 1")
asks(
    "insert overwrite parquet",
    PARQUET,
    "INSERT INTO p VALUES (1, 'a')",
    "INSERT OVERWRITE p SELECT 9, 'z'",
    "SELECT * FROM p",
)
asks("partitioned csv with options", CSV, FILL, "SELECT * FROM c")
asks("insert into a partition", CSV, "INSERT INTO c PARTITION (k = 'z') VALUES (3, null, 'q')", "SELECT * FROM c")
asks(
    "insert overwrite of a partition",
    CSV,
    FILL,
    "INSERT OVERWRITE c PARTITION (k = 'x') VALUES (7, null, 'new')",
    "SELECT * FROM c",
)
asks("show partitions of files", CSV, FILL, "SHOW PARTITIONS c")
asks(
    "comments of columns",
    CSV,
    "ALTER TABLE c CHANGE COLUMN ID COMMENT 'number'",
    "ALTER TABLE c ALTER COLUMN s COMMENT 'text'",
    "ALTER TABLE c CHANGE s TYPE STRING",
    "DESCRIBE c",
)
asks("another type of a column", CSV, "ALTER TABLE c CHANGE s TYPE INT")
asks("add a partition", CSV, FILL, "ALTER TABLE c ADD PARTITION (k = 'q r')", "SHOW PARTITIONS c")
asks("show partitions of none", PARQUET, "SHOW PARTITIONS p")
asks(
    "add a column to parquet",
    PARQUET,
    "INSERT INTO p VALUES (1, 'a')",
    "ALTER TABLE p ADD COLUMN z INT",
    "SELECT * FROM p",
)
asks("describe csv", CSV, "DESCRIBE c")
asks("update parquet", PARQUET, "UPDATE p SET id = 1")
asks("delete from parquet", PARQUET, "DELETE FROM p WHERE id = 1")
asks("merge into parquet", PARQUET, "MERGE INTO p USING (SELECT 1 AS id) u ON p.id = u.id WHEN MATCHED THEN DELETE")
asks("time travel of parquet", PARQUET, "SELECT * FROM p VERSION AS OF 1")
asks("history of parquet", PARQUET, "DESCRIBE HISTORY p")
asks("optimize parquet", PARQUET, "OPTIMIZE p")
asks("truncate external files", PARQUET, "TRUNCATE TABLE p")
asks("replace parquet", PARQUET, "CREATE OR REPLACE TABLE p (id INT) USING parquet LOCATION '{0}/p'")
asks("a check of parquet", "CREATE TABLE p (id INT, CONSTRAINT c CHECK (id > 0)) USING parquet LOCATION '{0}/p'")
asks("text for a number", TYPES, "INSERT INTO t (i) SELECT 'abc'")
asks("a boolean for a number", TYPES, "INSERT INTO t (i) SELECT true")
asks("a number for a time", TYPES, "INSERT INTO t (t) SELECT 1")
asks("a number that is too large", TYPES, "INSERT INTO t (i) SELECT 2147483648L")
asks(
    "casts of an insert",
    TYPES,
    "INSERT INTO t SELECT 1.7D, null, DATE'2020-01-01', null, true, TIMESTAMP'2020-01-01 10:00:00', DATE'2020-01-01'",
    "SELECT * FROM t",
)
asks("create json as", "CREATE TABLE j USING json LOCATION '{0}/j' AS SELECT 1 AS b, 'x' AS a", "SELECT b, a FROM j")
asks(
    "text lines",
    "CREATE TABLE x (a STRING) USING text LOCATION '{0}/x'",
    "INSERT INTO x VALUES ('l1'), ('l2')",
    "SELECT * FROM x",
)


@file_tables.run
def save_append_overwrite(spark, at):
    def save(frame, mode):
        frame.write.format("parquet").option("path", f"{at.path}/s").mode(mode).saveAsTable("s")

    save(spark.range(3), "error")
    save(spark.range(2), "append")
    before = rows(spark.table("s"))
    save(spark.range(1).selectExpr("id", "'x' AS more"), "overwrite")
    return before, rows(spark.table("s"))


@file_tables.run
def save_in_another_format(spark, at):
    spark.sql(PARQUET.format(at.path))
    spark.range(3).write.format("delta").mode("append").saveAsTable("p")


@file_tables.run
def a_view_of_files_sees_new_rows(spark, at):
    spark.sql(CSV.format(at.path))
    spark.sql("CREATE OR REPLACE TEMP VIEW seen_files AS SELECT * FROM c")
    kept = spark.table("c").cache()
    before = kept.count()
    spark.sql(FILL)
    return before, kept.count(), spark.table("seen_files").count()
