"""Values of several types beside each other, and values that a type or a function does not take."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F
from pyspark.sql import types
from pyspark.sql.window import Window

from tests.conformance.model import At, Group

mixed = Group("mixed types")
NAN = "double('NaN'), double('inf')"
mixed.values(
    "d = s, d < s, s <> d, d IN (s), d BETWEEN s AND s, f = s, x = s, d <=> s FROM VALUES (CAST(1.5 AS DECIMAL(3, 1)), "
    "'1.51', CAST(0.1 AS FLOAT), 0.1D), (1.5, '0.1', 0.1, 0.1D) t(d, s, f, x)",
    "a = b, a < b FROM VALUES (double('NaN'), CAST(1.5 AS DECIMAL(3, 1))), (1.5D, 1.5) t(a, b)",
    "count(*) FROM VALUES (CAST(1.5 AS DECIMAL(3, 1))) t(d) JOIN VALUES ('1.51') u(s) ON d = s",
    "count(*) FROM VALUES (CAST(1.5 AS DECIMAL(3, 1))) t(d) WHERE d IN (SELECT s FROM VALUES ('1.51') u(s))",
    "count(*) FROM VALUES (CAST(1.5 AS DECIMAL(3, 1))) t(d) WHERE d NOT IN (SELECT DISTINCT s AS x FROM VALUES "
    "('1.51') u(s))",
    "CASE d WHEN s THEN 1 ELSE 2 END FROM VALUES (CAST(1.5 AS DECIMAL(3, 1)), '1.51') t(d, s)",
    "CASE m WHEN m THEN 1 END FROM VALUES (map('a', 1)) t(m)",
    "m = map('a', 1) FROM VALUES (map('a', 1)) t(m)",
    "v = v FROM VALUES (parse_json('1')) t(v)",
    "INTERVAL 1 MONTH > INTERVAL 20 DAYS",
    "INTERVAL 30 HOURS > INTERVAL 1 DAYS, INTERVAL 1 YEAR > INTERVAL 11 MONTHS, i > j FROM VALUES (INTERVAL '3' HOUR, "
    "INTERVAL '1' DAY) t(i, j)",
    "CAST(v AS DOUBLE) FROM VALUES (parse_json('\"x\"')) t(v)",
    "CAST(v AS TIMESTAMP) FROM VALUES (parse_json('\"x\"')) t(v)",
    "CAST(v AS FLOAT), v::double, double(v), int(v), bigint(v) FROM VALUES (parse_json('1')) t(v)",
    "int(a), bigint(a), smallint(b), tinyint(c), float(c), double(a) FROM VALUES (timestamp'1969-12-31 23:59:59.5', "
    "2.7D, '12') t(a, b, c)",
    "CAST(a AS DOUBLE) FROM VALUES (date'2020-01-01') t(a)",
    "nth_value(x, 0) OVER (ORDER BY x) FROM VALUES (1), (2) t(x)",
    "mode(DISTINCT a) FROM VALUES (1), (1) t(a)",
    f"power(1, x), power(1, y), power(-1, y), pow(1, x), power(x, 0), pow(y, 2) FROM VALUES ({NAN}) t(x, y)",
    f"width_bucket(y, 1, 10, 10), width_bucket(-y, 1, 10, 10), width_bucket(x, 1, 10, 10), width_bucket(5, 1, 10, "
    f"9223372036854775807), width_bucket(y, 10, 1, 10), width_bucket(5.5D, 0, 10, 5) FROM VALUES ({NAN}) t(x, y)",
    "rand(null), randn(null), uniform(-20L, -10L, 0), uniform(10, 20, 0), uniform(0D, 1D, 0), uniform(-5S, 5S, 0)",
    "uniform(0, 100, 0), randstr(5, 0) FROM range(3)",
)
mixed.values(
    "interval 2 weeks 3 microseconds * 1.5, i * 1.5, i / 2, -i / 2, i / 1.5, i * 0.5D, i / 2D, 1.5 * i, i * 3, i / "
    "7 FROM "
    "VALUES (interval '1 00:00:00.000003' day to second) t(i)",
    "sum(i), avg(i) FROM VALUES (interval '1 00:00:00.000003' day to second), (interval '2' day), (null) t(i)",
    "sum(i) FROM VALUES (interval '106751991' day), (interval '106751991' day) t(i)",
    "make_dt_interval(d) FROM VALUES (2147483647), (1) t(d)",
    "make_dt_interval(1, 2, 3, 4.5), make_dt_interval(null), make_dt_interval(), make_dt_interval(d, null), "
    "make_dt_interval(1, 0, 0, 123456789012.123456) FROM VALUES (1) t(d)",
    "CAST(a AS interval day), CAST(5 AS interval hour) = interval '5' hour, CAST(7L AS interval second) = interval "
    "'7' second, CAST(CAST(5 AS interval year) AS "
    "STRING), CAST(CAST(a AS interval month) AS STRING) FROM VALUES (5) t(a)",
    "date '2011-11-11' + null, date '2011-11-11' - null, null + date '2011-11-11', timestamp '2011-11-11 00:00:00' "
    "+ null",
    "date 'today' = current_date(), timestamp 'today' = date_trunc('DAY', now()), date 'epoch', timestamp 'epoch', "
    "date'tomorrow' - date'yesterday', timestamp ' Now ' <= now(), timestamp_ntz 'epoch', timestamp_ntz 'today' = "
    "current_date(), timestamp '2019-01-01\\t', date '  2019-01-01 '",
    "CAST('\\t\\t true \\n\\r ' AS BOOLEAN), CAST(s AS BOOLEAN) FROM VALUES ('\\tfalse\\n') t(s)",
    "from_json('{\"t\": \"09:00:00\"}', 't TIME')",
    "from_json('{\"time\": \"09:00:00\", \"a\": 1}', 'a int, time STRING'), to_csv(named_struct('t', time'09:00:00'))",
    "from_json('{\"a\": 1}', 'a int', map('mode', 1))",
    "to_json(named_struct('a', 1), map('x', 1))",
    "schema_of_csv(null)",
)
mixed.values(
    "s RLIKE 'foo$', s RLIKE '^foo$', s RLIKE 'o$|x', regexp_like(s, 'fo+$'), regexp_count(s, 'o$'), regexp_instr(s, "
    "'o$'), regexp_extract(s, '(o+)$'), s RLIKE '[$]', s RLIKE '\\\\$' FROM VALUES ('foo'), ('foo\\n'), "
    "('foo\\r\\n'), ('foo\\n\\n'), ('foo$') t(s)",
    "format_number(x, 2) FROM VALUES (1e14D), (double('NaN')), (1234.567D), (null), (double('-inf')), (-0.001D) t(x)",
    "median(x), percentile(x, 0.25), percentile(x, 0.5, 1), median(y) FROM VALUES (1D, '1'), (2D, '2'), (4D, '3') "
    "t(x, y)",
    "from_csv('1,a b', 'x INT, y STRING')",
    "trunc(d, 'YEAR'), trunc(d, 'WEEK'), trunc(d, 'QUARTER'), trunc(d, 'MM'), trunc(d, 'DD'), date_trunc('MONTH', d), "
    "date_trunc('DAY', timestamp(d)) FROM VALUES (date'1500-05-05'), (date'9999-12-31'), (date'2024-12-29'), (null) "
    "t(d)",
    "from_json('[1, \"2\", 3]', 'array<int>'), from_json('[1, null]', 'ARRAY<INT>'), from_json('[1, 2.5]', "
    "'array<int>'), "
    'from_json(\'{"a": {"x": 1, "y": "z"}, "c": "q"}\', \'a map<string, int>, c string\'), from_json(\'{"x": 1, '
    "\"y\": null}', 'map<string, int>')",
    'from_json(s, \'a array<bigint>, `B c` STRING, d STRUCT<E: INT>\') FROM VALUES (\'{"a": [1, null], "B c": "t", '
    "\"d\": {\"E\": 1}}'), ('{\"a\": [1, true], \"d\": null}'), (''), (null), ('bad'), ('{}') t(s)",
)
MAPS = "CREATE TABLE maps (m MAP<STRING, INT>, i INT) USING delta", "INSERT INTO maps VALUES (map('a', 1), 1)"
mixed.sql("distinct rows of a table with maps", *MAPS, "SELECT DISTINCT * FROM maps")
mixed.sql(
    "a DOUBLE assigned to a DECIMAL",
    "CREATE TABLE amounts (id BIGINT, a DECIMAL(10, 2), x DOUBLE) USING delta",
    "INSERT INTO amounts VALUES (1, 10.5, 10.5), (2, 20, 2.5)",
    "UPDATE amounts SET a = x WHERE a <> x",
    "MERGE INTO amounts USING (SELECT '1' AS id, 30D AS most) AS s ON amounts.id = s.id WHEN MATCHED AND a < s.most "
    "THEN UPDATE SET a = s.most",
    "SELECT * FROM amounts",
)
mixed.sql("maps in a join", *MAPS, "SELECT a.i FROM maps AS a JOIN maps AS b ON a.m = b.m")
mixed.values(
    "greatest(m, m) FROM VALUES (map('a', 1)) t(m)",
    "array_distinct(array(m, m)) FROM VALUES (map('a', 1)) t(m)",
)


@mixed.run
def a_column_of_a_frame_beside_text(spark: Any, at: At) -> Any:
    frame = spark.sql("SELECT CAST(1.5 AS DECIMAL(3, 1)) AS d, '1.51' AS s")
    return frame.filter(frame.d == frame.s).count()


@mixed.run
def a_variant_of_a_frame_as_a_number(spark: Any, at: At) -> Any:
    return spark.sql("SELECT parse_json('\"x\"') AS v").select(F.col("v").cast("double")).collect()


@mixed.run
def an_array_in_json_of_a_frame(spark: Any, at: At) -> Any:
    fields = [types.StructField("a", types.ArrayType(types.IntegerType())), types.StructField("b", types.StringType())]
    frame = spark.sql("""SELECT '{"a": [1, "x"], "b": "y"}' AS s""")
    return frame.select(F.from_json("s", types.StructType(fields)).alias("z")).select("z.*")


@mixed.run
def maps_of_a_frame_beside_each_other(spark: Any, at: At) -> Any:
    return spark.sql("SELECT map('a', 1) AS m").filter(F.col("m") == F.col("m")).count()


@mixed.run
def distinct_maps_of_a_frame(spark: Any, at: At) -> Any:
    return spark.sql("SELECT map('a', 1) AS m").distinct().collect()


@mixed.run
def rows_with_maps_by_another_column(spark: Any, at: At) -> Any:
    return spark.sql("SELECT map('a', 1) AS m, 1 AS i").dropDuplicates(["i"])


@mixed.run
def maps_in_two_frames(spark: Any, at: At) -> Any:
    frame = spark.sql("SELECT map('a', 1) AS m")
    return frame.intersect(frame).collect()


@mixed.run
def a_row_before_the_first_of_a_window(spark: Any, at: At) -> Any:
    return spark.range(2).select(F.nth_value("id", 0).over(Window.orderBy("id"))).collect()
