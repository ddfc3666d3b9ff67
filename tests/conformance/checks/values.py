"""Values and types that an engine easily has otherwise: arithmetic, branches, text of numbers, rounding."""

from __future__ import annotations

import decimal
from typing import Any

from tests.conformance.model import At, Group

values = Group("values and types")
TABLE = "FROM VALUES (CAST(1.10 AS DECIMAL(10, 2)), 3) t(a, b)"
WIDE = "FROM VALUES (CAST(1.10 AS DECIMAL(38, 18)), CAST('3.123456789' AS DECIMAL(38, 18))) t(a, b)"
MOST = "'99999999999999999999999999999999999999'"
for expressions in (
    f"a / b, a * b, a + b, a - b, a % b, 3 / a, a / 3, a * 3, -a * 2, 1 - a {TABLE}",
    f"a / b, a * b, a + b, a - b, a / 3, a * 1.5 {WIDE}",
    f"a / 3L, a * 2D, a / 2F, a + CAST(1 AS SMALLINT), a / '2', '7' * 1.5, '7' / 2, -'7' {TABLE}",
    "sum(a * b) / sum(b), avg(a) * 2, max(a) / 3, round(a / 3, 4) " + TABLE + " GROUP BY a",
    f"CAST({MOST} AS DECIMAL(38, 0)) + 1",
    f"CAST({MOST} AS DECIMAL(38, 0)) - a FROM VALUES (CAST(-1 AS DECIMAL(38, 0))) t(a)",
    f"CAST({MOST} AS DECIMAL(38, 0)) * 10",
    "a FROM VALUES (2147483647) t(a) WHERE a + 1 > 0",
    "sum(a) FROM VALUES (9223372036854775807L), (1L) t(a) HAVING sum(a) > 0",
    "1Y + 1F, 1.5F % 2, null + 1, null / 2, 1.5 + null",
    "CASE WHEN a THEN 1 ELSE 2L END, CASE WHEN a THEN 1 ELSE 2.5 END, if(a, 1, 2.5), nvl2(i, 1, 2L) "
    "FROM VALUES (true, 1) t(a, i)",
    "CASE WHEN a THEN 1 ELSE '2' END, if(a, '3', 1), coalesce(i, '4'), coalesce(1.5, 1.5D), nullif(1, 2L) "
    "FROM VALUES (false, CAST(null AS INT)) t(a, i)",
    "if(a, date'2020-01-01', timestamp'2020-01-01 00:00:00'), CASE WHEN a THEN null ELSE 1 END, ifnull(i, 2.5) "
    "FROM VALUES (true, 1) t(a, i)",
    "CASE i WHEN 1 THEN 1 ELSE 2.5D END, count(*) FROM VALUES (1), (2) t(i) GROUP BY 1",
    "greatest(1, '2')",
    "greatest(1, 2.5), least(1F, 2), greatest(1.5, 2D)",
    "CAST(1e7D AS STRING), CAST(1e-4D AS STRING), CAST(double('-inf') AS STRING), string(1.0e10F), 1.5e300D::string",
    "CAST(array(1e7D, null) AS STRING), CAST(named_struct('a', 1e-5D, 'b', array('x', null)) AS STRING)",
    "CAST(map('a', null) AS STRING), CAST(array(X'4142') AS STRING), a::string FROM VALUES (array(1)), (null) t(a)",
    "concat('x', 1e7D), 'x' || d, concat_ws(',', d, 'a') FROM VALUES (1e-5D) t(d)",
    "round(a, 2), round(-a, 2) FROM VALUES (1.005D), (2.675D), (1e-7D), (123456789012.345D), (1e20D), (null) t(a)",
    "bround(a, 1), bround(a), round(a, 1), round(a) FROM VALUES (2.25), (2.35), (-2.25), (-2.5), (0.05) t(a)",
    "bround(15, -1), bround(25.0, -1), round(15.5, -1), rint(3.5D), rint(a) FROM VALUES (2.5), (-0.5) t(a)",
    "elt(3, 'a', 'b')",
    "elt(a, 'x', 'y') FROM VALUES (1), (2), (null) t(a)",
    "CAST(1 AS DATE)",
    "date(a) FROM VALUES (1) t(a)",
    "array_contains(null, 1)",
    "substring(s, a, b), substr(s, a) FROM VALUES ('hello', -10, 7), ('hello', -3, 2), ('hello', 2, 3), ('hé', -9, 8) "
    "t(s, a, b)",
    "substring('hello', -10, 7), substr('hello' FROM -10 FOR 7), left('hello', -1), right('hello', -1)",
    "initcap('a-x b_y c.d  E'), initcap('a\\tb c'), initcap('ÉCOLE')",
    "split('abc', ''), split('', ''), chr(256), chr(-1), chr(321)",
    "conv('-1', 10, 16), conv('zz', 36, 10), conv('12x', 10, 10), conv('', 10, 10), conv(' 12', 10, 16)",
    "timestampdiff(DAY, a, b), datediff(b, a), datediff(WEEK, a, b) FROM VALUES (timestamp'2024-01-01 23:00:00', "
    "timestamp'2024-01-02 01:00:00'), (timestamp'2024-01-15 01:00:00', timestamp'2024-01-01 02:00:00') t(a, b)",
    "timestamp_seconds(1.5), timestamp_seconds(-1.5D), timestamp_seconds(1.123456)",
    "extract(DAYOFWEEK FROM d), date_part('DOW', d), extract(DAYOFWEEK_ISO FROM d) FROM VALUES (date'2024-05-17') t(d)",
    "to_json(named_struct('a', 1e7D, 'd', 1.50, 'e', array(1, null), 'h', double('nan'), 'f', 1e-5F, 's', 'q\"'))",
    "to_json(array(1.50)), to_json(map('k', timestamp'2024-01-01 00:00:00.123456')), to_json(named_struct('a', "
    "array(timestamp_ntz'2024-01-01 00:00:00')))",
    "to_csv(struct(1 AS a, null AS b, 'x,y' AS c)), to_csv(named_struct('a', 1e7D, 'b', CAST(null AS STRING)))",
    'get_json_object(j, \'$.a\'), get_json_object(j, \'$.b\') FROM VALUES (\'{"a": 1.50, "b": {"c": [1, "x y"]}}\'), '
    '(\'{"a": "1.50"}\'), (\'{"a": 1e10}\'), (\'{"a": 123456789.123}\'), (null) t(j)',
    'v::string, typeof(v), typeof(array(v)) FROM VALUES (parse_json(\'{"a": [1, "x"]}\')) t(v)',
    "CAST(a AS BIGINT), a::int, CAST(a AS DECIMAL(20, 3)), unix_seconds(a), unix_millis(a), weekday(a) "
    "FROM VALUES (timestamp'1969-12-31 23:59:59.5'), (timestamp'2023-12-31 00:00:00') t(a)",
    "timestamp(a), to_timestamp(a), a::timestamp, date_trunc('MONTH', '2015-03-05') FROM VALUES (1577836800L) t(a)",
    "isnan(null), zeroifnull(CAST(null AS DECIMAL(5, 2))), json_array_length('{\"a\": 1}'), floor(2.1267D, 2)",
    "coalesce(null, array('2')), if(a > 1, null, array(1)), array(1, '2'), array(1F, 2), array() FROM VALUES (1) t(a)",
    "* FROM VALUES (0.0, 1), (PI(), 2L), (1e3, null)",
    "* FROM VALUES (1), ('2')",
    "CAST(date'2020-01-01' AS INT)",
    "CAST(timestamp_ntz'2020-01-01 00:00:00' AS BIGINT)",
    "max(a) FROM VALUES (double('NaN')), (1D) t(a)",
):
    values.sql(expressions, f"SELECT {expressions}")


def _decimals(spark: Any) -> Any:
    rows = [(decimal.Decimal("1.10"), 3), (decimal.Decimal("2.50"), None)]
    return spark.createDataFrame(rows, "a decimal(10, 2), b int")


@values.run
def decimals_in_data_frames(spark: Any, at: At) -> Any:
    from pyspark.sql import functions as f

    a, b = f.col("a"), f.col("b")
    literal = decimal.Decimal("1.19")
    return _decimals(spark).select(
        a / b, a * 3, a + 1, a / 3, a * a, a % 2, f.round(a / 3, 2), a * literal, a / literal
    )


@values.run
def decimals_of_python_in_data_frames(spark: Any, at: At) -> Any:
    from pyspark.sql import functions as f

    frame, a = spark.createDataFrame([(decimal.Decimal("1.10"),)], ["a"]), f.col("a")
    return frame.select(a * a, a / a, a / 3, a + 1, a * decimal.Decimal("1.19"))


@values.run
def branches_in_data_frames(spark: Any, at: At) -> Any:
    from pyspark.sql import functions as f

    a = f.col("b")
    return _decimals(spark).select(
        f.when(a > 1, 1).otherwise(f.lit(2.5)),
        f.when(a > 1, a).otherwise(a.cast("long")),
        f.coalesce(a, f.lit(1.5)),
        f.when(a > 1, "x"),
        f.expr("CASE WHEN b > 1 THEN 1 ELSE 2L END"),
    )


@values.run
def texts_in_data_frames(spark: Any, at: At) -> Any:
    from pyspark.sql import functions as f

    frame = spark.createDataFrame(
        [(1e7, [1.5, None], "hello"), (2.675, None, "a-x")], "d double, l array<double>, s string"
    )
    return frame.select(
        f.col("d").cast("string"),
        f.col("l").cast("string"),
        f.concat("s", "d"),
        f.round("d", 2),
        f.rint("d"),
        f.initcap("s"),
        f.substring("s", -10, 7),
        f.split("s", ""),
        f.to_json(f.struct("d", "l")),
    )


@values.run
def percentiles_in_data_frames(spark: Any, at: At) -> Any:
    from pyspark.sql import functions as f

    frame = spark.range(1, 11)
    return frame.agg(f.percentile_approx("id", 0.33), f.percentile_approx("id", [0.25, 0.75]), f.median("id"))


@values.run
def overflow_in_a_filter_of_a_data_frame(spark: Any, at: At) -> Any:
    return spark.createDataFrame([(2**63 - 1,)], "id long").filter("id + 1 > 0")


@values.run
def functions_of_data_frames(spark: Any, at: At) -> Any:
    from pyspark.sql import functions as f

    frame = spark.createDataFrame([([(1, "x")],)], "items array<struct<a: int, b: string>>")
    return frame.select(
        f.col("items").getField("b"),
        f.col("items")["a"],
        f.length(f.uuid()),
        f.try_to_date(f.lit("2024-01-01")),
        f.shuffle(f.array(f.lit(1))),
        f.array(f.lit(1), f.lit(2.5)),
    )
