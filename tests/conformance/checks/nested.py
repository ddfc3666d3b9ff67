"""Expressions inside of others, and where they stand: filters on files, groups, orders, windows, changes of rows."""

from __future__ import annotations

from typing import Any

from tests.conformance.model import At, Group

nested = Group("nested expressions")
TABLE = (
    "CREATE TABLE t AS SELECT id AS k, id * 1.5D AS x, array(id, id + 1) AS a, if(id = 3, null, concat('n ', id % 3)) "
    "AS s, CAST(id * 1.25 AS DECIMAL(38, 18)) AS d FROM range(10)"
)
TWICE, GROUPED = "round(round(x * 1.15D, 1) * 1.15D, 1)", "round(round(sum(x) * 1.15D, 1) * 1.15D, 1)"
SIX = "round(round(round(round(round(round(a * 1.1D, 2) * 1.19D, 2) * 0.95D, 2) + 0.005D, 2) / 3D, 2) * 7D, 2)"
PRODUCT = "FROM VALUES (CAST(1.10 AS DECIMAL(38, 18))), (CAST('-2.5' AS DECIMAL(38, 18))), (null) t(a)"

nested.values(
    f"{SIX} FROM VALUES (2.675D), (-1.005D), (1e15D), (null), (double('NaN')) t(a)",
    f"a * a * a * a * a * a, a / a / a / a, (a * a) / (a + a) - a * 3 {PRODUCT}",
    "a * a * a, a * a / a FROM VALUES (CAST(1.10 AS DECIMAL(38, 24))), (null) t(a)",
    "round(1e14D + 0.25D, 1), round(-0.5D), round(0.285D, 2), round(5e-324D, 3), round(1.5e300D, 2), round(25D, -1)",
    "round(12345678912.345D, 2), round(920322627845329.1D, 1), round(-1234.5D, -2), round(0.49999999999999994D, 1)",
    "initcap(initcap(concat_ws('-x ', initcap(a), 'q'))), CAST(round(CAST(a AS DOUBLE), 1) AS STRING) "
    "FROM VALUES ('1.25'), ('-7.05') t(a)",
    "conv(conv(conv('ff', 16, 2), 2, 10), 10, 36), split(concat(a, split(a, '')[0]), '') FROM VALUES ('ab') t(a)",
    "get_json_object(get_json_object(j, '$.a'), '$.b') FROM VALUES ('{\"a\": \"{\\\\\"b\\\\\": 1.5}\"}') t(j)",
    "count(*) FROM (SELECT round(rand() * 10, 1) AS r FROM range(500)) WHERE abs(r * 10 - round(r * 10)) > 1e-6",
)
for query in (
    "k FROM t WHERE array_contains(a, 3) AND NOT array_contains(a, CAST(k AS INT) + 2) ORDER BY k",
    "k, exists(a, v -> v > 8) FROM t WHERE exists(a, v -> v > 7) OR forall(a, v -> v < 2) ORDER BY k",
    "* FROM (SELECT k, filter(a, v -> v > 4) AS f FROM t) WHERE size(f) > 0 ORDER BY k",
    f"k FROM t WHERE initcap(s) = 'N 1' AND {TWICE} > 3 AND CAST(a AS STRING) <> '[4, 5]' ORDER BY 1",
    "l.k FROM t l LEFT JOIN t r ON l.k = r.k AND exists(r.a, v -> v > 8) AND array_contains(r.a, 8) ORDER BY 1",
    "size(filter(a, v -> v > 2)) AS n, count(*) FROM t GROUP BY size(filter(a, v -> v > 2)) ORDER BY n",
    f"{TWICE} AS z, count(*) FROM t WHERE {TWICE} > 3 GROUP BY {TWICE} HAVING {TWICE} < 9 ORDER BY {TWICE} DESC",
    f"k % 2, {GROUPED} FROM t GROUP BY k % 2 HAVING {GROUPED} > 9 ORDER BY {GROUPED} DESC",
    f"max({TWICE}), count(DISTINCT {TWICE}), sum({TWICE}) FILTER (WHERE {TWICE} > 2), {GROUPED} FROM t",
    f"k, rank() OVER (ORDER BY x DESC) AS r, sum({TWICE}) OVER (PARTITION BY k % 2) AS q FROM t ORDER BY r",
    "s, count(*) AS n FROM t GROUP BY s HAVING count(*) > 2 ORDER BY count(*) * 2 DESC, 1",
    "s, avg(x) FROM t GROUP BY s ORDER BY round(avg(x), 2) DESC, s LIMIT 2",
    "s, round(avg(x), 2) AS m FROM t GROUP BY s ORDER BY round(avg(x), 2) DESC, 1",
    "* FROM t ORDER BY d * d * d DESC, round(x, 1) LIMIT 2",
    "u.s FROM (SELECT s, sum(x) AS x FROM t GROUP BY s) u ORDER BY CAST(round(u.x, 1) AS STRING), u.s",
):
    nested.sql(query, TABLE, f"SELECT {query}", ordered=True)
nested.values(
    "x + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 FROM VALUES (1L), (null) t(x)",
    "x + 1 - 1 + 0 + 0 + 0 + 0 + 0 + 0 + 0 FROM VALUES (2147483647) t(x)",
)
nested.sql(
    "views of views",
    TABLE,
    "CREATE VIEW one AS SELECT k, round(x * 1.15D, 1) AS x FROM t",
    "CREATE VIEW two AS SELECT k, round(x * 1.15D, 1) AS x FROM one",
    "CREATE VIEW three AS SELECT k, round(x * 1.15D, 1) AS x FROM two",
    "CREATE VIEW four AS SELECT k, round(x * 1.15D, 1) AS x FROM three",
    "SELECT k, round(f.x * 1.15D, 1) AS x FROM four f JOIN one USING (k)",
)
nested.sql(
    "changes of rows",
    TABLE,
    f"UPDATE t SET x = {TWICE} WHERE {TWICE} > 3",
    f"DELETE FROM t WHERE {TWICE} > 20 OR array_contains(a, 2)",
    f"MERGE INTO t USING (SELECT k, {TWICE} AS y FROM t) u ON t.k = u.k AND {TWICE} > 1 "
    "WHEN MATCHED THEN UPDATE SET x = round(round(y, 1) * 1.1D, 1)",
    "SELECT k, x FROM t",
)


@nested.run
def functions_of_data_frames(spark: Any, at: At) -> Any:
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    spark.sql(TABLE)
    table, twice = spark.table("t"), f.round(f.round(f.col("x") * 1.15, 1) * 1.15, 1)
    marked = table.withColumn("f", f.filter("a", lambda v: v > 4)).filter(f.size("f") > 0)
    ranked = marked.withColumn("r", f.sum(twice).over(Window.orderBy("k"))).filter(twice > 9)
    return ranked.filter(f.array_contains("a", 8) | f.expr("exists(a, v -> v = 9)")).select("k", "f", "r", twice)


@nested.run
def orders_of_data_frames(spark: Any, at: At) -> Any:
    from pyspark.sql import functions as f

    spark.sql(TABLE)
    sums = spark.table("t").groupBy("s").agg(f.round(f.round(f.sum("x"), 1) * 1.15, 1).alias("z"))
    first = sums.orderBy(f.round(f.round("z", 1) * 1.1, 1).desc(), "s").limit(2)
    return first.union(spark.table("t").orderBy(f.exists("a", lambda v: v > 8).desc(), "k").select("s", "x").limit(1))


@nested.run
def a_column_that_is_changed_thirty_times(spark: Any, at: At) -> Any:
    from pyspark.sql import functions as f

    table = spark.range(3).withColumn("n", f.lit(0))
    for _ in range(30):
        table = table.withColumn("n", f.col("n") + f.col("id").isNull().cast("int") + 1)
    return table
