"""More of data frames by their methods."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import functions as F
from pyspark.sql import types as T

from tests.conformance.checks import frames

run = frames.run
people = frames.people


@run
def ids_grow(spark, at):
    ids = [row[0] for row in spark.range(5).select(F.monotonically_increasing_id()).collect()]
    return (ids == sorted(ids), len(set(ids)))


@run
def time_windows(spark, at):
    frame = spark.createDataFrame([(dt.datetime(2024, 1, 1, 0, 7),)], "t TIMESTAMP")
    return frame.groupBy(F.window("t", "5 minutes")).count().select("window.start", "window.end", "count")


@run
def temporary_views(spark, at):
    people(spark).createOrReplaceTempView("frames_people")
    return spark.table("frames_people").filter("id = 1").union(spark.sql("SELECT * FROM frames_people WHERE id = 2"))


@run
def is_the_same(spark, at):
    return (
        spark.range(3).sameSemantics(spark.range(3)),
        spark.range(3).semanticHash() == spark.range(3).semanticHash(),
    )


@run
def to_another_schema(spark, at):
    return people(spark).to(T.StructType([T.StructField("v", T.DoubleType()), T.StructField("id", T.LongType())]))


@run
def with_a_function_of_SQL(spark, at):
    return people(spark).select(F.expr("coalesce(v, 0) + 1"), F.call_function("upper", "k"))


@run
def grouped_map_of_columns(spark, at):
    return people(spark).groupBy("k").agg(F.collect_list("id"), F.first("id"), F.countDistinct("v"), F.stddev("v"))


@run
def intervals_and_ranges(spark, at):
    return (spark.range(3, 10, 3).collect()[-1].id, spark.range(4).selectExpr("sum(id)").first()[0])


@run
def offset(spark, at):
    return [row.id for row in spark.range(5).orderBy("id").offset(2).limit(2).collect()]


@run
def shown(spark, at):
    return spark.createDataFrame([(1, "abc")], "i INT, s STRING")._show_string(20, 2)


@run
def grouping_sets_of_columns(spark, at):
    rows = spark.createDataFrame([(1, "a", 2), (1, "b", 3)], "x INT, y STRING, v INT")
    return rows.groupingSets([[rows.y, rows.x], [rows.x]], rows.x, rows.y).agg(F.sum("v"), F.grouping_id())


@run
def table_functions_in_a_frame(spark, at):
    pairs = spark.tvf.posexplode(F.array(F.lit("a"), F.lit("b")))
    return pairs.crossJoin(spark.tvf.range(5, 9, 2)).crossJoin(spark.tvf.inline(F.array(F.struct(F.lit(1).alias("s")))))


@run
def a_clone_of_the_session(spark, at):
    spark.range(3).createOrReplaceTempView("frames_cloned")
    clone = spark.cloneSession()
    clone.range(2).createOrReplaceTempView("frames_cloned")
    return (spark.table("frames_cloned").count(), clone.table("frames_cloned").count())


@run
def constants_beside_totals(spark, at):
    totals = spark.range(3).agg(F.count("id").alias("n"))
    return totals.withColumn("s", F.lit("x")).union(totals.withColumn("s", F.lit("y"))).filter("s = 'y'")


@run
def views_in_other_letters(spark, at):
    people(spark).createOrReplaceTempView("Frames_Others")
    return spark.table("frames_OTHERS").filter("id = 1").union(spark.sql("SELECT * FROM FRAMES_others WHERE id = 2"))


@run
def outer_joins_without_a_condition(spark, at):
    nothing = spark.range(0).withColumnRenamed("id", "k")
    return (
        spark.range(2)
        .join(nothing, how="left")
        .unionByName(spark.range(2).join(nothing, how="left_anti"), allowMissingColumns=True)
    )
