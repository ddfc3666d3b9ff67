"""Values that an engine gives silently otherwise: of windows, groups, sets of rows and casts."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F
from pyspark.sql.window import Window

from tests.conformance.model import At, Group

exact = Group("exact values")
q, run = exact.sql, exact.run
NUMBERS = (
    "VALUES (1, 'a', 0.1D, 1.005D, CAST(1.11 AS DECIMAL(5, 2))), (2, 'a', 1e17D, double('inf'), -2.35), "
    "(3, 'b', 0.2D, double('nan'), 9.99), (4, 'b', 0.3D, -1.005D, 0.01), (5, null, null, double('-inf'), null) "
    "AS t(id, g, a, x, d)"
)
SLIDING = "OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
STRUCTS = "VALUES ('a', named_struct('x', 1, 'y', 'p')), ('a', named_struct('x', null, 'y', 'q')) AS t(g, s)"

q("sums over a sliding frame", f"SELECT id, sum(a) {SLIDING}, avg(x) {SLIDING}, sum(id) {SLIDING} FROM {NUMBERS}")
q(
    "spreads over a sliding frame",
    f"SELECT id, round(stddev(a), 6), round(var_pop(id), 6) FROM (SELECT id, stddev(a) "
    f"{SLIDING} AS a, var_pop(id) {SLIDING} AS b FROM {NUMBERS} WHERE id <> 2) GROUP BY id ORDER BY id",
)
q(
    "a sliding frame beside another window",
    f"SELECT id, sum(a) {SLIDING} AS s, max(id) OVER (PARTITION BY g ORDER BY id) AS m FROM {NUMBERS} ORDER BY id",
)
q(
    "a sliding frame by its name",
    f"SELECT id, sum(a) OVER w AS s FROM {NUMBERS} WINDOW w AS (ORDER BY id ROWS 1 PRECEDING)",
)
q("means of decimals over windows", f"SELECT id, avg(d) OVER (ORDER BY id) AS m, avg(d) {SLIDING} AS s FROM {NUMBERS}")
q(
    "a list over a window",
    f"SELECT id, collect_list(a) OVER (ORDER BY id) AS l, collect_list(d) {SLIDING} FROM {NUMBERS}",
)
q(
    "extremes with NaN and infinity",
    f"SELECT g, max(x), min(x), max(a), max(float(x)) FROM {NUMBERS} GROUP BY g ORDER BY g",
)
q("an extreme over a window", f"SELECT id, max(x) OVER (ORDER BY id) AS m, min(x) {SLIDING} AS n FROM {NUMBERS}")
q("extremes of structs", f"SELECT max(s), min(s), max_by(g, s), min_by(s.y, s) FROM {STRUCTS}")
q("extremes of arrays", "SELECT max(a), min(a) FROM VALUES (array(1, 2)), (array(1)), (array(2, 0)) AS t(a)")
q(
    "texts of a group",
    f"SELECT listagg(x, '|') WITHIN GROUP (ORDER BY id), listagg(ts) FROM {NUMBERS} JOIN VALUES "
    "(timestamp'2024-01-01 10:00:00.5') AS u(ts) ON id = 1",
)
q("try_avg of decimals", f"SELECT try_avg(d), try_avg(id) FROM {NUMBERS}")
q(
    "a sum of more than 38 digits",
    "SELECT sum(a) FROM VALUES (CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0))), (1) AS t(a)",
)
q(
    "intersect all",
    "SELECT a FROM VALUES (1), (1), (1), (2), (null) AS t(a) INTERSECT ALL SELECT b FROM VALUES (1), "
    "(1), (null), (null) AS u(b) ORDER BY a",
)
q(
    "doubles as decimals",
    "SELECT CAST(a AS DECIMAL(10, 2)), CAST(a AS DECIMAL(38, 18)), TRY_CAST(a AS DECIMAL(3, 1)) "
    "FROM VALUES (1.005D), (-2.675D), (1e-7D), (123456.789D), (double('nan')), (null) AS t(a)",
)
q("a large double as a decimal", "SELECT CAST(a AS DECIMAL(38, 10)) FROM VALUES (1e20D), (123456789012345680D) AS t(a)")
q("a double that is too large", "SELECT CAST(a AS DECIMAL(5, 2)) FROM VALUES (12345.678D) AS t(a)")
q("times as decimals", "SELECT CAST(timestamp'2024-01-31 10:20:30.123456' AS DECIMAL(20, 6))")
q(
    "casts inside of others",
    "SELECT CAST(array(1e10D) AS ARRAY<STRING>), CAST(map('k', 1e7D) AS MAP<STRING, STRING>), "
    "CAST(named_struct('a', array(timestamp'2024-01-01 10:00:00')) AS STRUCT<b: ARRAY<STRING>>)",
)
q(
    "texts as dates and decimals",
    "SELECT TRY_CAST(a AS DATE), TRY_CAST(b AS DECIMAL(10, 2)) FROM VALUES "
    "(' 2024-01-01 ', '1.5e2'), ('x', ' 7 '), (null, '1e-2') AS t(a, b)",
)
q("a cast that there is not", "SELECT TRY_CAST(date'2024-01-01' AS DOUBLE)")
q("a number as a time without zone", "SELECT CAST(a AS TIMESTAMP_NTZ) FROM VALUES (1) AS t(a)")
q(
    "a substring of less than nothing",
    "SELECT substring('hello', 2, n), substring('hello', 2, -1) FROM VALUES (-1), (2) AS t(n)",
)
q("rounding a large double", "SELECT round(12345678912.345D, 2)")
q("arguments by name", "SELECT mask(lowerChar => 'q', str => 'Ab1')")
q("arguments by name of a function without", "SELECT upper(str => 'a')")
q("an argument twice", "SELECT mask('Ab', str => 'q')")
q("a percentage above one", "SELECT percentile_approx(id, 1.5) FROM range(3)")
q("a field of an expression", "SELECT named_struct('a', 1).b")


@run
def a_field_that_a_column_has_not(spark: Any, at: At) -> Any:
    return spark.sql("SELECT named_struct('a', 1) AS s").select("s.b").collect()


@run
def dropping_a_column_of_another_data_frame(spark: Any, at: At) -> Any:
    return spark.range(2).drop(spark.sql("SELECT 1 AS x").x).collect()


@run
def using_a_column_of_one_side(spark: Any, at: At) -> Any:
    return spark.range(2).join(spark.sql("SELECT 1 AS y"), ["id", "y"]).collect()


@run
def windows_of_data_frames(spark: Any, at: At) -> Any:
    order = Window.orderBy("id")
    rows = spark.sql(f"SELECT * FROM {NUMBERS}")
    sums = F.sum("a").over(order.rowsBetween(-1, 0)).alias("s"), F.max("x").over(order).alias("m")
    return rows.select("id", *sums, F.avg("d").over(Window.partitionBy("g").orderBy("id")).alias("d")).orderBy("id")


@run
def intersect_all_of_data_frames(spark: Any, at: At) -> Any:
    left, right = (spark.createDataFrame([(one,) for one in rows], "a string") for rows in ("aaab", "aac"))
    return left.intersectAll(right)


@run
def extremes_of_groups(spark: Any, at: At) -> Any:
    rows = spark.sql(f"SELECT * FROM {NUMBERS}")
    grouped = rows.groupBy("g").agg(F.max("x"), F.min("x"), F.max(F.struct("a", "id")).alias("s"))
    return grouped.orderBy("g")


TIMES = "VALUES (timestamp'2024-01-31 10:20:30.5', 1.0E10D, 12.34, true, 7) AS t(ts, d, dec, b, i)"
q(
    "texts of numbers and times by themselves",
    f"SELECT upper(d), length(ts), concat(ts, 'x'), string(ts), lpad(d, 9, "
    f"'0'), left(ts, 4), ts LIKE '2024-01-31 10%', array_join(array(ts, null), ','), replace(i, '7', 'x') FROM {TIMES}",
)
q(
    "formatted values",
    f"SELECT format_string('%s|%d|%s|%s', dec, i, nullif(b, true), d), printf('%2$s %1$5.1f', d, ts) FROM {TIMES}",
)
q(
    "classes of letters",
    r"SELECT regexp_replace('Äb 1_', '\\w', '#'), '日' RLIKE '\\w', regexp_extract('é1', '\\W', 0), "
    r"split('a b', '\\s'), regexp_count('aÄ', '\\p{Alpha}'), 'a' RLIKE r'^[\w.]$'",
)
q("a dot and a carriage return", r"SELECT regexp_replace('a\r\nb', '.', 'x')")
q("a pattern with a wrong escape", r"SELECT 'ab' LIKE 'a\\b'")
q("parts of bytes", "SELECT left(X'616263', 2), substring(X'616263', 2, 1), substring(X'616263', -2)")
q("a date and an interval with hours", "SELECT date'2024-01-31' + INTERVAL '1 02:03:04' DAY TO SECOND")
q("times without zone that are added to", "SELECT timestampadd(HOUR, 5, timestamp_ntz'2024-01-31 10:00:00')")
q("a zone that there is not", "SET TIME ZONE 'Mars/Olympus'")


@run
def statistics_of_columns(spark: Any, at: At) -> Any:
    rows = spark.sql(
        "SELECT * FROM VALUES (1, 1e10D, 'a', 1.25), (2, -1e-5D, '10', 2.5), (null, 3D, null, 3) AS t(i, d, s, n)"
    )
    return rows.summary("count", "mean", "stddev", "min", "33%", "75%", "max")


@run
def a_description(spark: Any, at: At) -> Any:
    return spark.sql("SELECT * FROM VALUES (1, 'x'), (2, null) AS t(i, s)").describe()


@run
def times_of_a_data_frame_in_another_zone(spark: Any, at: At) -> Any:
    spark.sql("CREATE TABLE z AS SELECT timestamp'2024-01-31 23:30:00' AS ts")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        return spark.table("z").select(F.hour("ts"), F.to_date("ts"), F.col("ts").cast("string")).collect()
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


@run
def times_of_a_table_in_another_zone(spark: Any, at: At) -> Any:
    spark.sql(
        "CREATE TABLE z AS SELECT timestamp'2024-01-31 23:30:00' AS ts, array(timestamp'2024-01-31 23:30:00') AS a"
    )
    spark.sql("SET TIME ZONE 'Asia/Tokyo'")
    try:
        return spark.sql(
            "SELECT hour(ts), CAST(ts AS DATE), CAST(ts AS STRING), date_format(ts, 'HH:mm'), hour(a[0]), "
            "date_trunc('DAY', ts) = timestamp'2024-02-01 00:00:00', hour(timestamp_seconds(0)) FROM z"
        ).collect()
    finally:
        spark.sql("SET TIME ZONE 'UTC'")


q(
    "doubles compared with literals",
    "SELECT x > 0.5, x = 1e20, f = 0.1, x BETWEEN 0.1 AND 2.5, x IN (2.5, 0.1), CASE WHEN x > 0.5 THEN 1 END FROM "
    "VALUES (2.5D, 0.1F), (1e20D, 0.5F), (double('nan'), float('nan')), (null, null) AS t(x, f)",
)
q("the smallest numbers with a suffix", "SELECT -1D, -1F, -128Y, x FROM VALUES (-1D), (1D) AS t(x)")
q(
    "functions of small integers",
    "SELECT hypot(b, 1), ~b, mod(b, 5), pmod(-b, 5), bround(b, 1), try_add(b, b), try_multiply(b, 1Y), nvl2(f, 1, 2), "
    "zeroifnull(b), try_mod(b, 0Y) FROM VALUES (127Y, 1.5F), (-3Y, null) AS t(b, f)",
)
q(
    "arrays cut and compared",
    "SELECT slice(a, -2, 2), arrays_overlap(a, array(2, null)) FROM VALUES (array(1)), (array()), (array(1, 2, 3)) "
    "AS t(a)",
)
q(
    "numbers near nothing",
    "SELECT log1p(1e-10D), nullif(x, 0), nullifzero(x), round(f, 2), format_number(d, 1) FROM VALUES "
    "(-0.0D, 2.675F, -12.35), (1.5D, 0.125F, 5.55) AS t(x, f, d)",
)
q("a struct that is null as CSV", "SELECT to_csv(s) FROM VALUES (named_struct('a', 1)), (null) AS t(s)")
q(
    "parts of variants as texts and numbers",
    "SELECT variant_get(v, '$.a', 'string'), variant_get(v, '$.b', 'int'), try_variant_get(v, '$.b', 'string'), "
    "try_variant_get(v, '$.c', 'int'), variant_get(v, '$.d', 'string'), variant_get(v, '$.e', 'string') FROM "
    """(SELECT parse_json('{"a": 1.5, "b": "7", "c": 99999999999, "d": {"x": [1]}, "e": null}') AS v)""",
)
q("an empty text as JSON", "SELECT from_json(a, 'x INT') FROM VALUES (''), ('{\"x\": 1}'), (null) AS t(a)")
q(
    "a day before a time",
    "SELECT TRY_CAST(a AS DATE) FROM VALUES ('2024-01-05T10:11:12.1234567'), ('2024-1-5 x'), ('2024'), ('x') AS t(a)",
)
DECIMALS = "VALUES ('a', 1, 1.10), ('a', 2, 2.25), ('a', null, 3.00), ('b', 3, -1.10), ('b', 4, -2.25) AS t(g, x, d)"
q(
    "means of decimals over groups",
    f"SELECT g, avg(d), mean(DISTINCT d), avg(d) FILTER (WHERE x > 0), avg(CAST(d AS DECIMAL(38, 18))) AS l "
    f"FROM {DECIMALS} GROUP BY g HAVING avg(d) <> 2.116666 ORDER BY g",
)


@run
def means_of_decimals_of_a_frame(spark: Any, at: At) -> Any:
    frame = spark.sql(f"SELECT * FROM {DECIMALS}")
    return frame.groupBy("g").agg(F.avg("d"), F.mean("x")).union(frame.groupBy("g").avg("d", "x")).orderBy("g")


q(
    "aggregates that differ in casts",
    "SELECT g, sum(d), sum(CAST(d AS DOUBLE)), sum(CAST(d AS INT)), count(DISTINCT d), count(DISTINCT CAST(d AS INT)), "
    f"max(d), max(d::string) FROM {DECIMALS} GROUP BY g HAVING sum(CAST(d AS FLOAT)) < 100 ORDER BY g",
)
q(
    "windows that differ in casts",
    f"SELECT d, sum(d) OVER w AS a, sum(CAST(d AS INT)) OVER w AS b, lag(d) OVER w AS c, lag(int(d)) OVER w AS e, "
    f"row_number() OVER (ORDER BY CAST(d AS STRING)) AS f, row_number() OVER (ORDER BY d) AS h, count(*) OVER "
    f"(PARTITION BY int(d)) AS i, count(*) OVER (PARTITION BY d) AS j FROM {DECIMALS} "
    "WINDOW w AS (ORDER BY d) ORDER BY d",
)


@run
def aggregates_of_a_frame_that_differ_in_casts(spark: Any, at: At) -> Any:
    frame, window = spark.sql(f"SELECT * FROM {DECIMALS}"), Window.partitionBy("g")
    whole = F.col("d").cast("int")
    sums = frame.select("d", F.sum("d").over(window).alias("a"), F.sum(whole).over(window).alias("b"))
    texts = frame.selectExpr("d", "sum(d) OVER (PARTITION BY g)", "sum(int(d)) OVER (PARTITION BY g)")
    return sums.orderBy("d").collect(), texts.orderBy("d").collect(), frame.agg(F.sum("d"), F.sum(whole)).collect()


q(
    "groups ordered by what is not selected",
    f"SELECT g FROM {DECIMALS} GROUP BY g ORDER BY count(*) DESC, max(x)",
    f"SELECT g, count(*) FROM {DECIMALS} GROUP BY ALL ORDER BY sum(CAST(d AS DOUBLE))",
    ordered=True,
)
q("names of casts", f"SELECT max(CAST(d AS INT)), upper(CAST(d AS STRING)), sum(double(d)) FROM {DECIMALS} GROUP BY d")
q(
    "a list without doubles in an order",
    "SELECT g, listagg(DISTINCT x, '-') WITHIN GROUP (ORDER BY x DESC), listagg(DISTINCT x) WITHIN GROUP "
    "(ORDER BY x DESC) FROM VALUES (1, 'b'), (1, 'a'), (1, 'c'), (1, 'b'), (2, null) AS t(g, x) GROUP BY g ORDER BY g",
)
q(
    "a list without doubles in another order",
    "SELECT listagg(DISTINCT x) WITHIN GROUP (ORDER BY -x) FROM VALUES (1) t(x)",
)
q(
    "maps as rows with their places",
    "SELECT id, posexplode(m) FROM VALUES (1, map('a', 1, 'b', 2)), (2, null) AS t(id, m)",
)
q(
    "units that there are not",
    "SELECT trunc(d, 'Q'), trunc(d, 'QUARTER'), date_trunc('Q', d), extract(YEAROFWEEK FROM d), "
    "date_format(d, 'z zzzz') FROM VALUES (DATE'2024-12-30'), (DATE'2021-01-01') AS t(d)",
)
q("an assertion that fails", "SELECT assert_true(x > 1, 'boom') FROM VALUES (1) AS t(x)")
q("hashes of nulls", "SELECT hash('a', null), xxhash64(null, 1)")
q(
    "tried quotients",
    "SELECT try_divide(x, 0), try_divide(x, 2), try_divide(sum(x) OVER (), y), try_divide(double(x), y) "
    "FROM VALUES (10.25, 0), (1.5, 4), (null, 1) AS t(x, y)",
)
q(
    "windows over groups by position",
    "SELECT date_trunc('MONTH', d) AS m, sum(x), sum(sum(x)) OVER (ORDER BY date_trunc('MONTH', d)) AS r FROM VALUES "
    "(DATE'2024-01-05', 1), (DATE'2024-01-06', 2), (DATE'2024-02-01', 4) AS t(d, x) GROUP BY 1 ORDER BY 1",
)
