"""Statements around queries: names in other letters, commands, settings, what is refused."""

from __future__ import annotations

from typing import Any

from tests.conformance.model import At, Fails, Group, rows

PAGE = "https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-execute-immediate"
ONE = "DECLARE OR REPLACE VARIABLE one INT DEFAULT 5"
commands = Group("SQL commands", PAGE)
q = commands.sql
q(
    "a temporary view in other letters",
    "CREATE OR REPLACE TEMP VIEW Letters AS SELECT 1 AS a",
    "SELECT LETTERS.a, l.A FROM LETTERS JOIN letters AS l ON LETTERS.a = l.a",
)
q("a CTE in other letters", "WITH T AS (SELECT 1 AS a), U AS (SELECT t.a FROM t) SELECT u.a FROM u")
q(
    "variables that change places",
    "DECLARE OR REPLACE VARIABLE one INT DEFAULT 5",
    "DECLARE OR REPLACE VARIABLE two INT DEFAULT 2",
    "SET VARIABLE one = two, two = one",
    "SELECT one, two",
)
for _text in (
    "SET VARIABLE one = 1, two = 0, ONE = 2",
    "SET VARIABLE (one, one) = (SELECT 1, 2)",
    "SET one = 5",
    "SET session.one = 5",
    "DECLARE twice, twice INT",
    "DECLARE untyped",
    "DROP TEMPORARY VARIABLE nosuch",
    "WITH c AS (SELECT one - one + 3 AS a) SELECT a FROM c",
    "SET PATH = DEFAULT_PATH",
):
    q(_text, ONE, "DECLARE OR REPLACE VARIABLE two INT DEFAULT 2", _text)

for _text in (
    "'SELECT :first' USING 10 AS first, 20 AS first",
    "'SELECT ?' USING (SELECT 1)",
    "'SELECT 1, 2' INTO one, one",
    "'CREATE TABLE never (a INT)' INTO one",
    "CAST(NULL AS STRING)",
    "length('x')",
):
    q(f"EXECUTE IMMEDIATE {_text}", ONE, f"EXECUTE IMMEDIATE {_text}")
# Spark 4.2 itself binds these without Spark Connect only.
for _text, _expected in {
    "'SELECT typeof(:p), :p' USING 5L AS p": [("bigint", 5)],
    "'SELECT typeof(:p), :p' USING 3.5F AS p": [("float", 3.5)],
    "'SELECT typeof(:p), :p' USING CAST(NULL AS DATE) AS p": [("date", None)],
    "'SELECT typeof(:p), :p' USING array(1Y) AS p": [("array<tinyint>", [1])],
    "'SELECT ?, ?' USING 1 AS first, 'x'": [(1, "x")],
    "'SELECT :one' USING one": [(5,)],
    "'SELECT 1 WHERE :first = 2' USING 1, 2 AS first": Fails("ALL_PARAMETERS_MUST_BE_NAMED"),
    "'SELECT 1 WHERE ? = :first' USING 1, 2 AS first": Fails("INVALID_QUERY_MIXED_QUERY_PARAMETERS"),
}.items():
    commands.vendor(f"EXECUTE IMMEDIATE {_text}", ONE, f"EXECUTE IMMEDIATE {_text}", expected=_expected)

for _text in ("a[i]", "a[i + 1]", "a[-1]", "a[2]", "c[i][i].x", "m[k]", "m[concat(k, '')]"):
    q(
        f"item {_text}",
        f"SELECT {_text} FROM VALUES (array(1, 2), 0, map('k', 1), 'k', array(array(named_struct('x', 7)))) "
        "AS t(a, i, m, k, c)",
    )
q("items of an array that is NULL", "SELECT a[i] FROM VALUES (CAST(NULL AS ARRAY<INT>), 0) AS t(a, i)")

for _text in ("ROLLUP (i)", "i WITH CUBE", "GROUPING SETS ((i), ())", "GROUPING SETS ((), ())", "GROUPING SETS (())"):
    q(f"groups of nothing: {_text}", f"SELECT count(*) FROM VALUES (1) AS t(i) WHERE i > 1 GROUP BY {_text}")


@commands.run
def rollup_of_nothing(spark: Any, at: At) -> Any:
    frame = spark.range(2).filter("id > 5")
    return rows(frame.rollup("id").count()), rows(frame.cube("id").count().filter("count >= 0")), frame.count()


for _text in (
    "CAST('of' AS BOOLEAN)",
    "boolean(concat('o', 'n')), 1",
    "try_cast('on' AS BOOLEAN), boolean(' tRUE '), CAST('n' AS BOOLEAN)",
    "CAST('1999 08 01' AS DATE)",
    "try_cast('1999-08 01' AS DATE), CAST('1999-8-1 x' AS DATE), CAST('1999' AS DATE)",
    "DATE '1999 08 01'",
    "x = '1004.3', x < '1004.3', x IN ('1004.3') FROM VALUES (CAST(1004.3 AS FLOAT)) AS t(x)",
    "'maca' LIKE 'm%aca' ESCAPE '%'",
    "'maca' NOT LIKE 'maca#' ESCAPE '#'",
    "'a_c' LIKE 'a#_c' ESCAPE '#', 'a%c' LIKE 'a%%c' ESCAPE '%', 'abc' LIKE 'a#_c' ESCAPE '#'",
):
    q(_text, f"SELECT {_text}")

for _name, _view in {
    "a view": "v AS SELECT * FROM t",
    "a view with names": "v (b) AS SELECT * FROM t",
    "a view of a count": "v AS SELECT count(*) AS n FROM t",
}.items():
    q(
        f"{_name} of a table that is given a column",
        "CREATE TABLE t (a INT)",
        "INSERT INTO t VALUES (1)",
        f"CREATE VIEW {_view}",
        "ALTER TABLE t ADD COLUMN z INT",
        "SELECT * FROM v",
    )
q(
    "a field of what a function returns",
    "CREATE TEMP FUNCTION returned(a INT) RETURNS STRUCT<id: INT, name: STRING> "
    "RETURN named_struct('id', a, 'name', 'x')",
    "SELECT returned(1).name AS n, returned(2).id + 1 AS i",
)

for _text in (
    "SHOW TBLPROPERTIES v",
    "SELECT * FROM IDENTIFIER((SELECT 't'))",
):
    q(_text, "CREATE TABLE t (a INT)", "CREATE VIEW v TBLPROPERTIES ('p' = '1') AS SELECT a FROM t", _text)


@commands.run
def columns_of_a_table_in_a_schema(spark: Any, at: At) -> Any:
    spark.sql("CREATE TABLE shown (a INT, b INT)")
    return rows(spark.sql(f"SHOW COLUMNS IN shown FROM {at.schema}"))


for _text in ("SELECT *", "SELECT t.*, count(*)", "SELECT t.a, *"):
    q(f"{_text} with keys", f"{_text} FROM VALUES (1, 2), (1, 2) AS t(a, b) GROUP BY a, b")
q("SELECT * with one key of two", "SELECT * FROM VALUES (1, 2) AS t(a, b) GROUP BY a")
