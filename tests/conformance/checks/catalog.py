"""Names, schemas, views, functions and what describes them."""

from __future__ import annotations

from tests.conformance.model import Fails, Group, rows

catalog = Group("catalog")
q = catalog.sql
run = catalog.run
T = "CREATE TABLE t (id INT, s STRING COMMENT 'words')"
FILL = "INSERT INTO t VALUES (1, 'a'), (2, 'b')"

q("a name of one part", T, FILL, "SELECT count(*) FROM t")
q("names in any case", T, FILL, "SELECT ID, T.S FROM T")
q("a name in back quotes", "CREATE TABLE t (`a-b` INT, `select` INT)", "SELECT `a-b`, `select` FROM `t`")
q("a name that a file cannot have", "CREATE TABLE spaced (`a b` INT)")
q("a table is qualified by its name", T, FILL, "SELECT t.id FROM t WHERE t.s = 'a'")
q("view over a table", T, FILL, "CREATE VIEW w AS SELECT id FROM t", "SELECT * FROM w")
q("view with names for columns", "CREATE VIEW w (x, y COMMENT 'why') AS SELECT 1, 'a'", "SELECT x, y FROM w")
q("view replaced", "CREATE VIEW w AS SELECT 1 AS a", "CREATE OR REPLACE VIEW w AS SELECT 'x' AS b", "SELECT * FROM w")
q(
    "view if not exists",
    "CREATE VIEW w AS SELECT 1 AS a",
    "CREATE VIEW IF NOT EXISTS w AS SELECT 2 AS a",
    "SELECT * FROM w",
)
q(
    "view over a view",
    "CREATE VIEW v1 AS SELECT 1 AS a",
    "CREATE VIEW v2 AS SELECT a + 1 AS b FROM v1",
    "SELECT b FROM v2",
)
q("alter view", "CREATE VIEW w AS SELECT 1 AS a", "ALTER VIEW w AS SELECT 'new' AS a", "SELECT a FROM w")
q("drop view", "CREATE VIEW w AS SELECT 1 AS a", "DROP VIEW w", "SELECT * FROM w")
q("a dropped table under a view", T, "CREATE VIEW w AS SELECT id FROM t", "DROP TABLE t", "SELECT * FROM w")
q("drop of a table as a view", T, "DROP VIEW t")
q(
    "temporary view hides a table",
    "CREATE TABLE hidden (a INT)",
    "CREATE OR REPLACE TEMP VIEW hidden AS SELECT 'temporary' AS x",
    "SELECT * FROM hidden",
)
q("drop of a temporary view", "CREATE TEMP VIEW gone AS SELECT 1 AS a", "DROP VIEW gone", "SELECT * FROM gone")
q("show columns", T, "SHOW COLUMNS IN t")
q("describe", T, "DESCRIBE t")
q("describe a column", T, "DESCRIBE t s")
q("describe a query", "DESCRIBE QUERY SELECT 1 AS a, 'x' AS b")
q("show schemas like", "SHOW SCHEMAS LIKE 'no_such_*'")
q("show functions like", "SHOW SYSTEM FUNCTIONS LIKE 'uppe*'")
q("describe function", "DESCRIBE FUNCTION upper")
q("schema if not exists", "CREATE SCHEMA IF NOT EXISTS default", "SELECT 1")
q("drop schema if exists", "DROP SCHEMA IF EXISTS no_such_schema", "SELECT 1")
q("comment on a table", T, "COMMENT ON TABLE t IS 'about t'", "SELECT * FROM t")
q("temporary function", "CREATE TEMPORARY FUNCTION half(x DOUBLE) RETURNS DOUBLE RETURN x / 2", "SELECT half(5)")
q("table properties", "CREATE TABLE p (a INT) TBLPROPERTIES ('k' = 'v')", "SHOW TBLPROPERTIES p ('k')")
q("set of a variable", "SET my.key = 5", "SET my.key")
q("catalog after a cte", "WITH t AS (SELECT 'cte' AS x) SELECT * FROM t")
q("cte hides a table", T, FILL, "WITH t AS (SELECT 'cte' AS x) SELECT * FROM t")
q("identifier clause", T, FILL, "SELECT count(*) FROM IDENTIFIER('t') WHERE IDENTIFIER('id') = 1")


@run
def two_parts(spark, at):
    spark.sql(T)
    spark.sql(FILL)
    schema = at.schema.split(".")[-1]
    return spark.sql(f"SELECT {schema}.t.id FROM {schema}.t ORDER BY id")


@run
def use_and_come_back(spark, at):
    spark.sql(T)
    spark.sql(f"CREATE SCHEMA {at.schema}_b")
    spark.sql(f"USE {at.schema}_b")
    try:
        there = spark.catalog.tableExists("t")
    finally:
        spark.sql(f"USE {at.schema}")
    spark.sql(f"DROP SCHEMA {at.schema}_b")
    return there, spark.catalog.tableExists("t")


@run
def the_current_schema(spark, at):
    return spark.sql("SELECT current_schema() = current_database()").first()[
        0
    ], spark.catalog.currentDatabase() in at.schema


@run
def a_schema_with_tables_is_not_dropped(spark, at):
    spark.sql(f"CREATE SCHEMA {at.schema}_full")
    spark.sql(f"CREATE TABLE {at.schema}_full.t (a INT)")
    try:
        spark.sql(f"DROP SCHEMA {at.schema}_full")
    finally:
        spark.sql(f"DROP SCHEMA {at.schema}_full CASCADE")


@run
def tables_shown(spark, at):
    spark.sql(T)
    spark.sql("CREATE VIEW w AS SELECT 1 AS a")
    return sorted((row.tableName, row.isTemporary) for row in spark.sql(f"SHOW TABLES IN {at.schema}").collect())


@run
def tables_shown_like(spark, at):
    for name in ("sales_1", "sales_2", "other"):
        spark.sql(f"CREATE TABLE {name} (a INT)")
    return sorted(row.tableName for row in spark.sql("SHOW TABLES LIKE 'sales*'").collect())


@run
def views_shown(spark, at):
    spark.sql(T)
    spark.sql("CREATE VIEW w AS SELECT 1 AS a")
    return [row.viewName for row in spark.sql(f"SHOW VIEWS IN {at.schema}").collect() if not row.isTemporary]


@run
def functions_of_the_catalog_object(spark, at):
    spark.sql(T)
    there = (
        spark.catalog.tableExists("t"),
        spark.catalog.tableExists("nothing"),
        spark.catalog.databaseExists("nothing"),
    )
    columns = [(column.name, column.dataType, column.nullable) for column in spark.catalog.listColumns("t")]
    return there, columns, spark.catalog.functionExists("upper"), spark.catalog.functionExists("no_such_function")


@run
def tables_listed(spark, at):
    spark.sql(T)
    spark.range(1).createOrReplaceTempView("listed_for_a_while")
    found = {(table.name, table.isTemporary) for table in spark.catalog.listTables()}
    spark.catalog.dropTempView("listed_for_a_while")
    return ("t", False) in found, ("listed_for_a_while", True) in found


@run
def a_temporary_view_dropped(spark, at):
    spark.range(1).createOrReplaceTempView("short")
    return spark.catalog.dropTempView("short"), spark.catalog.dropTempView("short")


@run
def a_temporary_view_twice(spark, at):
    spark.range(1).createTempView("twice")
    try:
        spark.range(1).createTempView("twice")
    finally:
        spark.catalog.dropTempView("twice")


@run
def a_table_made_by_the_catalog_object(spark, at):
    spark.catalog.createTable("made", schema=spark.range(1).schema)
    return spark.table("made")


@run
def properties_unset(spark, at):
    spark.sql("CREATE TABLE p (a INT) TBLPROPERTIES ('k' = 'v', 'l' = 'w')")
    spark.sql("ALTER TABLE p UNSET TBLPROPERTIES ('k')")
    found = {row.key for row in spark.sql("SHOW TBLPROPERTIES p").collect()}
    return "k" in found, "l" in found


@run
def settings(spark, at):
    spark.conf.set("my.own", "1")
    before = spark.conf.get("my.own"), spark.conf.get("my.other", "none")
    spark.conf.unset("my.own")
    return before, spark.conf.get("my.own", "gone")


@run
def a_setting_that_there_is_not(spark, at):
    return spark.conf.get("no.such.setting")


DOCS = "https://docs.databricks.com/aws/en/"
LANGUAGE = DOCS + "sql/language-manual/"


LANGUAGE = "https://docs.databricks.com/sql/language-manual/"
TABLES = LANGUAGE + "information-schema/tables"


@catalog.says([("t", "MANAGED", "YES", "about t"), ("w", "VIEW", "NO", None)], TABLES)
def information_schema_tables(spark, at):
    spark.sql("CREATE TABLE t (a INT) COMMENT 'about t'")
    spark.sql("CREATE VIEW w AS SELECT 1 AS a")
    schema = at.schema.split(".")[-1]
    return rows(
        spark.sql(
            "SELECT table_name, table_type, is_insertable_into, comment "
            f"FROM main.information_schema.tables WHERE table_schema = '{schema}' ORDER BY table_name"
        )
    )


@catalog.says(
    [("id", 0, "INT", "NO", None), ("s", 1, "STRING", "YES", "words")], LANGUAGE + "information-schema/columns"
)
def information_schema_columns(spark, at):
    spark.sql("CREATE TABLE t (id INT NOT NULL, s STRING COMMENT 'words')")
    schema = at.schema.split(".")[-1]
    return rows(
        spark.sql(
            "SELECT column_name, ordinal_position, data_type, is_nullable, comment "
            f"FROM main.information_schema.columns WHERE table_schema = '{schema}' ORDER BY ordinal_position"
        )
    )


@catalog.says([(7,)], LANGUAGE + "sql-ref-names")
def three_parts(spark, at):
    schema = at.schema.split(".")[-1]
    spark.sql(f"CREATE TABLE main.{schema}.t AS SELECT 7 AS a")
    return rows(spark.sql(f"SELECT main.{schema}.t.a FROM main.{schema}.t"))


@catalog.says(("dev", "default", "main"), LANGUAGE + "sql-ref-syntax-ddl-use-catalog")
def use_catalog(spark, at):
    spark.sql("USE CATALOG dev")
    found = spark.sql("SELECT current_catalog(), current_schema()").first()
    spark.sql(f"USE {at.schema}")
    return *found, spark.sql("SELECT current_catalog()").first()[0]


@catalog.says(Fails("NO_SUCH_CATALOG_EXCEPTION"), "https://docs.databricks.com/aws/en/error-messages/error-classes")
def a_catalog_that_there_is_not(spark, at):
    return spark.sql("USE CATALOG no_such_catalog").collect()


catalog.sql(
    "a function is replaced",
    "CREATE FUNCTION area(x DOUBLE, y DOUBLE) RETURNS DOUBLE RETURN x * y",
    "CREATE OR REPLACE FUNCTION area(x DOUBLE, y DOUBLE) RETURNS DOUBLE RETURN 2 * x * y",
    "SELECT area(2, 3)",
)
catalog.sql(
    "a function that is dropped", "CREATE FUNCTION one() RETURNS INT RETURN 1", "DROP FUNCTION one", "SELECT one()"
)
catalog.vendor(
    "a table is undropped",
    "CREATE TABLE t AS SELECT 1 AS a",
    "DROP TABLE t",
    "UNDROP TABLE t",
    "SELECT a FROM t",
    expected=[(1,)],
    source=LANGUAGE + "sql-ref-syntax-ddl-undrop-table",
)
