"""Data frames by their methods."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pyarrow as pa
from pyspark.sql import Row
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.window import Window

from tests.conformance.model import Group

frames = Group("data frames")
run = frames.run
PEOPLE = [(1, "a", 10.0), (2, "a", 20.0), (3, "b", None), (4, None, 5.0)]
NAMES = "id INT, k STRING, v DOUBLE"


def people(spark):
    return spark.createDataFrame(PEOPLE, NAMES)


@run
def select_and_filter(spark, at):
    return people(spark).select("id", (F.col("v") * 2).alias("w")).filter("w > 15").where(F.col("id") < 9)


@run
def with_column(spark, at):
    frame = people(spark).withColumn("n", F.length("k")).withColumnRenamed("v", "value").drop("id")
    return frame.withColumns({"x": F.lit(1), "y": F.lit("z")})


@run
def column_names(spark, at):
    return people(spark).select(F.col("id") + 1, F.upper("k"), F.sum("v").over(Window.partitionBy("k"))).columns


@run
def aggregate_names(spark, at):
    return people(spark).groupBy("k").agg(F.sum("v"), F.count("*"), F.avg("id").alias("m")).columns


@run
def select_expr(spark, at):
    return people(spark).selectExpr("id % 2 AS odd", "k || '!' AS s")


@run
def order_and_limit(spark, at):
    return [row.id for row in people(spark).orderBy(F.desc("v"), "id").limit(3).collect()]


@run
def sort_with_nulls_last(spark, at):
    return [row.v for row in people(spark).sort(F.col("v").asc_nulls_last()).collect()]


@run
def distinct_and_drop_duplicates(spark, at):
    frame = people(spark)
    return (frame.select("k").distinct().count(), frame.dropDuplicates(["k"]).count(), frame.count())


@run
def inner_join(spark, at):
    other = spark.createDataFrame([("a", 100), ("c", 300)], "k STRING, x INT")
    return people(spark).join(other, "k")


@run
def left_join_on_an_expression(spark, at):
    left, right = people(spark).alias("l"), people(spark).alias("r")
    return left.join(right, F.col("l.id") == F.col("r.id") + 1, "left").select("l.id", "r.k")


@run
def outer_join(spark, at):
    other = spark.createDataFrame([(1, "x"), (9, "y")], "id INT, z STRING")
    return people(spark).join(other, ["id"], "outer").select("id", "z")


@run
def semi_and_anti_join(spark, at):
    other = spark.createDataFrame([(1,), (2,)], "id INT")
    frame = people(spark)
    return (frame.join(other, "id", "semi").count(), frame.join(other, "id", "left_anti").count())


@run
def cross_join(spark, at):
    return spark.range(2).crossJoin(spark.range(2).withColumnRenamed("id", "j"))


@run
def broadcast_join(spark, at):
    return people(spark).join(F.broadcast(spark.range(3).hint("broadcast")), "id").select("id", "k")


@run
def group_and_aggregate(spark, at):
    return people(spark).groupBy("k").agg({"v": "max", "id": "sum"})


@run
def shortcuts_of_groups(spark, at):
    return people(spark).groupBy("k").mean("v", "id")


@run
def rollup(spark, at):
    return people(spark).rollup("k").agg(F.sum("id"), F.grouping_id())


@run
def pivot(spark, at):
    return people(spark).groupBy().pivot("k", ["a", "b"]).sum("id")


@run
def pivot_without_values(spark, at):
    return people(spark).filter("k IS NOT NULL").groupBy("id").pivot("k").count().fillna(0)


@run
def unpivot(spark, at):
    frame = spark.createDataFrame([(1, 10, 20)], "id INT, a INT, b INT")
    return frame.unpivot("id", ["a", "b"], "name", "value").unionByName(frame.melt("id", ["a"], "name", "value"))


@run
def windows(spark, at):
    window = Window.partitionBy("k").orderBy("id")
    total = F.sum("id").over(window.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    return people(spark).select("id", F.row_number().over(window), F.lag("id").over(window), total)


@run
def unions(spark, at):
    left = spark.createDataFrame([(1, "a")], "i INT, s STRING")
    right = spark.createDataFrame([("b", 2)], "s STRING, i INT")
    return left.unionByName(right).union(left).unionByName(spark.range(1), allowMissingColumns=True)


@run
def set_operations(spark, at):
    left, right = spark.range(5), spark.range(3, 8)
    both = left.unionAll(left)
    return (left.intersect(right).count(), left.subtract(right).count(), both.exceptAll(left).count())


@run
def missing_values(spark, at):
    frame = people(spark)
    kept = (frame.na.drop().count(), frame.dropna(subset=["k"]).count(), frame.dropna(thresh=2).count())
    return (kept, [tuple(r) for r in frame.fillna({"k": "?", "v": 0.0}).orderBy("id").collect()])


@run
def replaced_values(spark, at):
    return people(spark).replace({"a": "A"}, subset=["k"]).na.replace(20.0, 21.0)


@run
def describe(spark, at):
    return [tuple(row) for row in people(spark).describe("v").collect()]


@run
def summary(spark, at):
    return [row[0] for row in people(spark).summary().collect()]


@run
def correlation_and_covariance(spark, at):
    frame = spark.createDataFrame([(1, 2.0), (2, 4.5), (3, 5.0)], "x INT, y DOUBLE")
    return (round(frame.stat.corr("x", "y"), 6), frame.cov("x", "y"))


@run
def approximate_quantiles(spark, at):
    return spark.range(1, 101).approxQuantile("id", [0.0, 0.5, 1.0], 0.0)


@run
def cross_tables(spark, at):
    return people(spark).dropna().crosstab("k", "id")


@run
def frequent_items(spark, at):
    return sorted(spark.range(1).freqItems(["id"]).collect()[0][0])


@run
def sample_of_all(spark, at):
    half = spark.range(1000).sample(0.5, seed=3).count()
    return (spark.range(10).sample(1.0).count(), 400 < half < 600)


@run
def random_split(spark, at):
    parts = spark.range(1000).randomSplit([0.7, 0.3], seed=1)
    return (sum(part.count() for part in parts), 600 < parts[0].count() < 800)


@run
def sample_by(spark, at):
    return people(spark).sampleBy("k", {"a": 1.0, "b": 0.0}, seed=1).count()


@run
def cache_and_persist(spark, at):
    frame = spark.range(3).cache()
    counts = (frame.count(), frame.persist().count())
    frame.unpersist()
    return counts


@run
def local_checkpoint(spark, at):
    return spark.range(3).localCheckpoint()


@run
def schema(spark, at):
    return people(spark).schema.simpleString()


@run
def dtypes(spark, at):
    return people(spark).dtypes


@run
def nullable_of_the_schema(spark, at):
    fields = T.StructType([T.StructField("a", T.IntegerType(), False), T.StructField("b", T.StringType())])
    return [(field.name, field.nullable) for field in spark.createDataFrame([(1, None)], fields).schema]


@run
def created_from_rows(spark, at):
    return spark.createDataFrame([Row(a=1, b="x"), Row(a=2, b=None)])


@run
def created_from_dictionaries(spark, at):
    return spark.createDataFrame([{"a": 1, "m": {"k": 1}, "l": [1, 2]}])


@run
def created_with_every_type(spark, at):
    row = (
        True,
        1,
        2,
        3,
        4,
        1.5,
        2.5,
        Decimal("1.20"),
        "s",
        b"b",
        dt.date(2024, 1, 2),
        dt.datetime(2024, 1, 2, 3, 4, 5),
    )
    names = "a BOOLEAN, b BYTE, c SHORT, d INT, e LONG, f FLOAT, g DOUBLE, h DECIMAL(5, 2), i STRING, j BINARY, k DATE"
    return spark.createDataFrame([row], names + ", l TIMESTAMP")


@run
def created_from_pandas(spark, at):
    return spark.createDataFrame(pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [1.5, float("nan")]}))


@run
def created_from_arrow(spark, at):
    return spark.createDataFrame(pa.table({"a": pa.array([1, None], pa.int16()), "t": pa.array([["x"], []])}))


@run
def to_pandas(spark, at):
    frame = people(spark).orderBy("id").toPandas()
    return ([str(kind) for kind in frame.dtypes], frame["v"].fillna(-1).tolist())


@run
def to_arrow(spark, at):
    table = people(spark).orderBy("id").toArrow()
    return ([str(field.type) for field in table.schema], table.column("id").to_pylist())


@run
def collected_forms(spark, at):
    frame = people(spark).orderBy("id")
    return (frame.first(), frame.head(2), frame.take(1), frame.tail(1), [row.id for row in frame.toLocalIterator()])


@run
def is_empty(spark, at):
    return (spark.range(0).isEmpty(), spark.range(1).isEmpty())


@run
def transform(spark, at):
    return people(spark).transform(lambda frame: frame.select("id")).transform(lambda frame, n: frame.limit(n), 0)


@run
def observed_metrics(spark, at):
    from pyspark.sql import Observation

    observation = Observation("m")
    spark.range(5).observe(observation, F.count(F.lit(1)).alias("n"), F.max("id").alias("top")).collect()
    return observation.get


@run
def explained(spark, at):
    return len(people(spark)._explain_string()) > 20 if hasattr(people(spark), "_explain_string") else True


@run
def repartition_and_coalesce(spark, at):
    return spark.range(10).repartition(3, "id").coalesce(1).count()


@run
def colRegex_and_dotted_columns(spark, at):
    frame = spark.createDataFrame([(1, 2)], "a1 INT, a2 INT").withColumn("s", F.struct("a1"))
    return frame.select(frame.colRegex("`a.`"), "s.a1", frame["s"]["a1"], frame.s.a1)


@run
def conditions(spark, at):
    v = F.col("v")
    return people(spark).select(F.when(v > 10, "high").when(v.isNull(), "none").otherwise("low"), v.between(5, 10))


@run
def methods_of_columns(spark, at):
    k = F.col("k")
    return people(spark).select(
        k.isin("a", "c"), k.like("a%"), k.rlike("[ab]"), k.startswith("a"), k.substr(1, 1), k.eqNullSafe(None)
    )


@run
def casts_and_structs(spark, at):
    row = F.struct(F.col("id").cast("string").alias("s"), F.col("v").cast("int").alias("i"))
    return people(spark).select(row.withField("z", F.lit(1)).dropFields("i").alias("r"))


@run
def higher_order_functions(spark, at):
    frame = spark.createDataFrame([([1, 2, 3],)], "a ARRAY<INT>")
    total = F.aggregate("a", F.lit(0), lambda acc, x: acc + x)
    return frame.select(
        F.transform("a", lambda x: x + 1), F.filter("a", lambda x: x > 1), total, F.exists("a", lambda x: x > 2)
    )


@run
def exploded_with_positions(spark, at):
    return spark.createDataFrame([(1, ["x", "y"])], "i INT, a ARRAY<STRING>").select("i", F.posexplode("a"))


@run
def json_by_functions(spark, at):
    frame = spark.createDataFrame([('{"a": 1, "b": [true]}',)], "j STRING")
    return frame.select(F.from_json("j", "a INT, b ARRAY<BOOLEAN>").alias("s")).select("s.a", "s.b", F.to_json("s"))


@run
def dates_by_functions(spark, at):
    frame = spark.createDataFrame([("2024-05-17",)], "d STRING").select(F.to_date("d").alias("d"))
    return frame.select(
        F.date_add("d", 1), F.year("d"), F.date_format("d", "MM/yy"), F.months_between(F.lit("2024-06-17"), "d")
    )
