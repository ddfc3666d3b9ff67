"""Statements that are wrong: the error class and the Python exception that they get."""

from __future__ import annotations

from pyspark.sql import functions as F

from tests.conformance.model import Group

errors = Group("errors")
q = errors.sql
run = errors.run
T = "VALUES (1, 'a'), (2, 'b') AS t(i, s)"

q("no statement", "SELEC 1")
q("an open parenthesis", "SELECT (1 + 2")
q("a trailing comma", "SELECT 1, FROM range(1)")
q("an open quotation mark", "SELECT 'abc")
q("two statements", "SELECT 1; SELECT 2")
q("a type that there is not", "SELECT CAST(1 AS WHOLE)")
q("a column that there is not", f"SELECT ii FROM {T}")
q("a column of nothing", "SELECT a")
q("a field that there is not", "SELECT s.b FROM VALUES (named_struct('a', 1)) AS t(s)")
q("a table that there is not", "SELECT * FROM no_such_table")
q("a schema that there is not", "SELECT * FROM no_such_schema.t")
q("a function that there is not", "SELECT no_such_function(1)")
q("a table function that there is not", "SELECT * FROM no_such_function(1)")
q("an ambiguous column", f"SELECT i FROM {T} JOIN VALUES (1) AS u(i)")
q("a column beside an aggregate", f"SELECT s, count(*) FROM {T}")
q("a column that is not grouped", f"SELECT i, count(*) FROM {T} GROUP BY s")
q("an aggregate of an aggregate", f"SELECT sum(count(*)) FROM {T}")
q("an aggregate in where", f"SELECT i FROM {T} WHERE count(*) > 1")
q("an aggregate in group by", f"SELECT count(*) FROM {T} GROUP BY count(*)")
q("a window function in where", f"SELECT i FROM {T} WHERE row_number() OVER (ORDER BY i) = 1")
q("a window function without an order", f"SELECT row_number() OVER () FROM {T}")
q("a position in group by that there is not", f"SELECT i FROM {T} GROUP BY 5")
q("a position in order by that there is not", f"SELECT i FROM {T} ORDER BY 5")
q("too few arguments", "SELECT substring_index('a')")
q("too many arguments", "SELECT upper('a', 'b')")
q("an argument of a wrong type", "SELECT explode(1)")
q("a sum of dates", "SELECT sum(date'2024-01-01')")
q("a condition that is no condition", f"SELECT i FROM {T} WHERE i")
q("a comparison of types that differ", "SELECT array(1) = 1")
q("a cast between types", "SELECT CAST(array(1) AS INT)")
q("a struct as a number", "SELECT named_struct('a', 1) + 1")
q("a set of maps", "SELECT map(1, 2) EXCEPT SELECT map(1, 2)")
q("a union of a different width", "SELECT 1, 2 UNION SELECT 1")
q("a union of types", "SELECT array(1) UNION SELECT 1")
q("a subquery of two columns", "SELECT (SELECT 1, 2)")
q("a subquery of two rows", f"SELECT (SELECT i FROM {T})")
q("a negative limit", "SELECT 1 LIMIT -1")
q("an insert into a view", "CREATE VIEW w AS SELECT 1 AS a", "INSERT INTO w VALUES (1)")
q("a schema twice", "CREATE SCHEMA default")
q("a view twice", "CREATE VIEW w AS SELECT 1 AS a", "CREATE VIEW w AS SELECT 2 AS a")
q("drop of a schema that there is not", "DROP SCHEMA no_such_schema")
q("drop of a view that there is not", "DROP VIEW no_such_view")
q("use of a schema that there is not", "USE no_such_schema")
q("describe a table that there is not", "DESCRIBE no_such_table")
q("a column twice", "CREATE TABLE t (a INT, A STRING)")
q("a column twice in a query", "CREATE TABLE t AS SELECT 1 AS a, 2 AS a")
q("an insert of a column that there is not", "CREATE TABLE t (a INT)", "INSERT INTO t (b) VALUES (1)")
q("an update of a column that there is not", "CREATE TABLE t (a INT)", "UPDATE t SET b = 1")
q("division by zero", "SELECT i / (i - i) FROM VALUES (1) AS t(i)")
q("remainder by zero", "SELECT i % 0 FROM VALUES (1) AS t(i)")
q("overflow of integers", "SELECT i + 1 FROM VALUES (2147483647) AS t(i)")
q("overflow of long integers", "SELECT i * 2 FROM VALUES (9223372036854775807) AS t(i)")
q("overflow of a sum", "SELECT sum(i) FROM VALUES (9223372036854775807), (1) AS t(i)")
q("overflow of a decimal", "SELECT CAST(12345.6 AS DECIMAL(4, 1))")
q("a text that is no number", "SELECT CAST(s AS INT) FROM VALUES ('1x') AS t(s)")
q("a text that is no date", "SELECT CAST(s AS DATE) FROM VALUES ('2024-13-01') AS t(s)")
q("a text that is no timestamp", "SELECT to_timestamp('soon')")
q("a text that does not fit the pattern", "SELECT to_date('2024/01/02', 'yyyy-MM-dd')")
q("a text that is no boolean", "SELECT CAST('maybe' AS BOOLEAN)")
q("a number too big for a cast", "SELECT CAST(i AS TINYINT) FROM VALUES (300) AS t(i)")
q("an element past the end", "SELECT a[5] FROM VALUES (array(1, 2)) AS t(a)")
q("element_at past the end", "SELECT element_at(array(1, 2), 5)")
q("element 0", "SELECT element_at(array(1, 2), 0)")
q("a date that there is not", "SELECT make_date(2023, 2, 30)")
q("a map with a key twice", "SELECT map('a', 1, 'a', 2)")
q("an error of the user's", "SELECT raise_error('mine')")
q("an assertion", "SELECT assert_true(1 > 2)")
q("a JSON path that is wrong", "SELECT from_json('{}', 'a WHOLE')")
q("json of a wrong text", "SELECT parse_json('{a')")
q("a regular expression that is wrong", "SELECT regexp_replace(s, '(', 'x') FROM VALUES ('a') AS t(s)")
q("a pattern of a date that is wrong", "SELECT date_format(date'2024-01-01', 'bbbb')")
q("a named argument that there is not", "SELECT mask(text => 'a')")
q("a lambda with too many arguments", "SELECT transform(array(1), (a, b, c) -> a)")
q("a parameter without a value", "SELECT :missing")
q("a variable that there is not", "SET VAR no_such_variable = 1")
q("a merge without a clause", "CREATE TABLE t (a INT)", "MERGE INTO t USING range(1) u ON t.a = u.id")


@run
def a_column_of_a_data_frame(spark, at):
    return spark.range(1).select("nothing")


@run
def a_column_of_another_data_frame(spark, at):
    return spark.range(1).select(spark.range(2).withColumn("x", F.lit(1))["x"]).collect()


@run
def a_table_of_a_session(spark, at):
    return spark.table("no_such_table").collect()


@run
def an_ambiguous_column_of_a_join(spark, at):
    return spark.range(1).join(spark.range(1), how="cross").select("id").collect()


@run
def a_union_of_data_frames(spark, at):
    return spark.range(1).union(spark.range(1).withColumn("x", F.lit(1))).collect()


@run
def a_filter_that_is_no_condition(spark, at):
    return spark.range(1).filter(F.col("id") + 1).collect()


@run
def a_schema_that_rows_do_not_fit(spark, at):
    return spark.createDataFrame([("a",)], "x INT").collect()


@run
def a_source_that_there_is_not(spark, at):
    return spark.read.format("no_such_format").load("/tmp").collect()


@run
def an_unknown_mode_of_saving(spark, at):
    return spark.range(1).write.mode("sometimes").saveAsTable("t")


@run
def a_join_without_common_columns(spark, at):
    return spark.range(1).join(spark.range(1).toDF("x"), on="id").collect()
