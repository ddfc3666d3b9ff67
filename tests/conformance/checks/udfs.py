"""Functions of users, of every kind."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
from pyspark.sql import Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

from tests.conformance.model import Group

udfs = Group("user-defined functions")
run = udfs.run


@run
def a_python_function(spark, at):
    plus = F.udf(lambda x: x + 1, "long")
    return spark.range(3).select(plus("id"))


@run
def the_default_type_is_string(spark, at):
    return spark.range(1).select(F.udf(lambda x: f"v{x}")("id"))


@run
def decorated_with_a_type(spark, at):
    @F.udf(returnType=T.ArrayType(T.IntegerType()))
    def digits(text):
        return [int(c) for c in text] if text else None

    return spark.createDataFrame([("12",), (None,)], "s STRING").select(digits("s"))


@run
def struct_results(spark, at):
    both = F.udf(lambda x: (x, str(x)), "n LONG, s STRING")
    return spark.range(2).select(both("id").alias("r")).select("r.n", "r.s")


@run
def row_and_map_results(spark, at):
    row = F.udf(lambda x: Row(a=x, b=[x]), "a LONG, b ARRAY<LONG>")
    return spark.range(1).select(row("id"), F.udf(lambda x: {"k": x}, "map<string, long>")("id"))


@run
def several_arguments_and_nulls(spark, at):
    frame = spark.createDataFrame([(1, "a"), (None, None)], "i INT, s STRING")
    return frame.select(F.udf(lambda i, s: f"{i}{s}", "string")("i", "s"))


@run
def keyword_arguments(spark, at):
    return spark.range(2).select(F.udf(lambda x, y: x * 10 + y, "long")(y=F.lit(1), x="id"))


@run
def structs_arrays_and_maps_come_in(spark, at):
    frame = spark.sql("SELECT struct(1 AS a) AS s, array(1, 2) AS l, map('k', 3) AS m")
    return frame.select(F.udf(lambda s, array, m: s.a + sum(array) + m["k"], "int")("s", "l", "m"))


@run
def dates_and_decimals_come_in(spark, at):
    frame = spark.sql("SELECT date'2024-05-17' AS d, 1.25 AS x, timestamp'2024-05-17 01:02:03' AS t")
    return frame.select(F.udf(lambda d, x, t: f"{d:%d.%m.} {x} {t.hour}", "string")("d", "x", "t"))


@run
def optimised_by_arrow(spark, at):
    return spark.range(3).select(F.udf(lambda x: x * 2, "long", useArrow=True)("id"))


@run
def a_closure_and_an_import(spark, at):
    import math

    factor = {"n": 3}

    def scaled(x):
        import json

        return json.dumps({"v": math.floor(x * factor["n"])})

    return spark.range(2).select(F.udf(scaled, "string")("id"))


@run
def in_a_filter_and_an_aggregate(spark, at):
    odd = F.udf(lambda x: x % 2 == 1, "boolean")
    return spark.range(6).filter(odd("id")).agg(F.sum(F.udf(lambda x: x + 1, "long")("id")))


@run
def registered_for_SQL(spark, at):
    spark.udf.register("conf_plus", lambda x: x + 1, "long")
    return spark.sql("SELECT conf_plus(41)")


@run
def a_registered_function_in_a_view(spark, at):
    spark.udf.register("conf_twice", lambda x: x * 2, T.LongType())
    spark.range(3).createOrReplaceTempView("conf_udf_view")
    return spark.sql("SELECT sum(conf_twice(id)) FROM conf_udf_view WHERE conf_twice(id) > 0")


@run
def nondeterministic(spark, at):
    import random

    draw = F.udf(lambda: random.random(), "double").asNondeterministic()
    values = [row[0] for row in spark.range(5).select(draw()).collect()]
    return all(0 <= value < 1 for value in values)


@run
def results_of_another_type_are_null(spark, at):
    return spark.range(1).select(F.udf(lambda x: "text", "int", useArrow=False)("id"))


@run
def pandas_scalar(spark, at):
    @F.pandas_udf("double")
    def half(x: pd.Series) -> pd.Series:
        return x / 2

    return spark.range(3).select(half("id"))


@run
def pandas_scalar_of_two_columns(spark, at):
    @F.pandas_udf("string")
    def joined(x: pd.Series, y: pd.Series) -> pd.Series:
        return x.astype(str) + y

    return spark.range(2).select(joined("id", F.lit("!")))


@run
def pandas_iterator(spark, at):
    @F.pandas_udf("long")
    def plus(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        offset = 100
        for batch in batches:
            yield batch + offset

    return spark.range(3).select(plus("id"))


@run
def pandas_iterator_of_several(spark, at):
    @F.pandas_udf("long")
    def times(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:
        for left, right in batches:
            yield left * right

    return spark.range(3).select(times("id", "id"))


@run
def pandas_struct_result(spark, at):
    @F.pandas_udf("a LONG, b STRING")
    def both(x: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({"a": x, "b": x.astype(str)})

    return spark.range(2).select(both("id").alias("s")).select("s.*")


@run
def pandas_aggregate(spark, at):
    @F.pandas_udf("double")
    def mean(x: pd.Series) -> float:
        return float(x.mean())

    return spark.range(6).groupBy((F.col("id") % 2).alias("k")).agg(mean("id"))


@run
def pandas_aggregate_over_a_window(spark, at):
    from pyspark.sql.window import Window

    @F.pandas_udf("double")
    def mean(x: pd.Series) -> float:
        return float(x.mean())

    return spark.range(4).select("id", mean("id").over(Window.partitionBy(F.col("id") % 2)))


@run
def arrow_scalar(spark, at):
    import pyarrow.compute as pc

    @F.arrow_udf("long")
    def plus(x: pa.Array) -> pa.Array:
        return pc.add(x, 1)

    return spark.range(2).select(plus("id"))


@run
def map_in_pandas(spark, at):
    def even(batches):
        for batch in batches:
            yield batch[batch.id % 2 == 0].assign(s="x")

    return spark.range(5).mapInPandas(even, "id LONG, s STRING")


@run
def map_in_arrow(spark, at):
    def same(batches):
        for batch in batches:
            yield pa.RecordBatch.from_arrays([batch.column(0)], ["renamed"])

    return spark.range(3).mapInArrow(same, "renamed LONG")


@run
def apply_in_pandas(spark, at):
    def normed(group):
        return group.assign(v=group.v - group.v.mean())

    frame = spark.createDataFrame([("a", 1.0), ("a", 3.0), ("b", 5.0)], "k STRING, v DOUBLE")
    return frame.groupBy("k").applyInPandas(normed, "k STRING, v DOUBLE")


@run
def apply_in_pandas_with_the_key(spark, at):
    def counted(key, group):
        return pd.DataFrame([(key[0], len(group))], columns=["k", "n"])

    frame = spark.range(5).withColumn("k", F.col("id") % 2)
    return frame.groupBy("k").applyInPandas(counted, "k LONG, n LONG")


@run
def apply_in_arrow(spark, at):
    def counted(table):
        return pa.table({"n": [table.num_rows]})

    return spark.range(5).groupBy(F.col("id") % 2).applyInArrow(counted, "n LONG")


@run
def cogrouped(spark, at):
    def joined(left, right):
        return pd.DataFrame({"l": [len(left)], "r": [len(right)]})

    left, right = spark.range(4).withColumn("k", F.col("id") % 2), spark.range(3).withColumn("k", F.lit(0).cast("long"))
    return left.groupBy("k").cogroup(right.groupBy("k")).applyInPandas(joined, "l LONG, r LONG")


@run
def table_function(spark, at):
    @F.udtf(returnType="n INT, square INT")
    class Squares:
        def eval(self, start: int, end: int):
            for n in range(start, end):
                yield n, n * n

    return Squares(F.lit(1), F.lit(4))


@run
def table_function_in_SQL(spark, at):
    class Words:
        def eval(self, text: str):
            for word in text.split():
                yield (word,)

    spark.udtf.register("conf_words", F.udtf(Words, returnType="word STRING"))
    return spark.sql("SELECT i, word FROM VALUES (1, 'a b') t(i, s), LATERAL conf_words(s)")


@run
def an_error_keeps_its_message(spark, at):
    def failing(x):
        raise ValueError(f"no {x}")

    try:
        spark.range(1).select(F.udf(failing, "int")("id")).collect()
    except Exception as error:
        return type(error).__name__, "ValueError: no 0" in str(error)


@run
def an_error_in_map_in_pandas(spark, at):
    def failing(batches):
        raise KeyError("gone")

    try:
        spark.range(1).mapInPandas(failing, "id LONG").collect()
    except Exception as error:
        return type(error).__name__, "gone" in str(error)


@run
def a_function_that_is_not_registered(spark, at):
    return spark.sql("SELECT no_such_function(1)").collect()


udfs.sql(
    "a function in SQL with a default",
    "CREATE TEMPORARY FUNCTION conf_area(x DOUBLE, y DOUBLE DEFAULT 2) RETURNS DOUBLE RETURN x * y",
    "SELECT conf_area(3), conf_area(3, 4)",
)
udfs.sql(
    "a permanent function in SQL",
    "CREATE FUNCTION celsius(f DOUBLE) RETURNS DOUBLE RETURN (f - 32) / 1.8",
    "SELECT celsius(212)",
)
udfs.sql(
    "a table function in SQL",
    "CREATE FUNCTION numbers(n INT) RETURNS TABLE (i BIGINT) RETURN SELECT id FROM range(10) WHERE id < n",
    "SELECT count(*) FROM numbers(3)",
)
udfs.vendor(
    "a function in Python in the catalog",
    "CREATE FUNCTION greet(s STRING) RETURNS STRING LANGUAGE PYTHON AS $$\nreturn 'Hello ' + s\n$$",
    "SELECT greet('you')",
    expected=[("Hello you",)],
    source="https://docs.databricks.com/aws/en/udf/unity-catalog",
)
