"""Values and mistakes that Apache Spark's own SQL tests ask for, and that the gateway had otherwise."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from tests.conformance.model import At, Group, rows

golden = Group("Spark's own tests")
golden.values(
    "date'2012-01-01' - interval 3 hours, date'2012-01-01' + interval '12:12:12' hour to second, interval '2' minute + "
    "date'2012-01-01', date'2012-01-01' + interval '1' day, date'2012-01-01' + make_dt_interval(1)",
    "date'2012-01-31' + interval 1 year 1 month, date'2012-01-01' + interval 1 day 2 hours, d - interval '4' day -5 "
    "minutes 1.5 seconds FROM VALUES (timestamp'2012-01-01 00:00:00') t(d)",
    "interval -1 day 1 hour -1 minute 1 second, interval +'1 2:3:4.001' day to second, interval 1 day '2' hours AS i",
    "try_to_timestamp(1), try_to_timestamp(date'2020-01-01'), typeof(timestamp_ltz'2020-01-01 00:00:00')",
)
golden.values(
    "b = '1.51', b > '1.49', b IN ('1.51', '2'), b BETWEEN '1.46' AND '1.54', 1.5 = '1.51' FROM VALUES (CAST(1.5 AS "
    "DECIMAL(3, 1))) t(b)",
    "CASE WHEN a THEN 1 ELSE DATE'2020-01-01' END FROM VALUES (true) t(a)",
    "if(a, true, DATE'2020-01-01') FROM VALUES (true) t(a)",
    "array(1, DATE'2020-01-01')",
    "a / b FROM VALUES (true, 1) t(a, b)",
    "a / 2 FROM VALUES (TIMESTAMP'2020-01-01 00:00:00') t(a)",
    "a + b FROM VALUES ('1', '2') t(a, b)",
    "2 / INTERVAL '2' HOUR",
    "d + 1L FROM VALUES (DATE'2020-01-01') t(d)",
    "date_add(d, 1.5) FROM VALUES (DATE'2020-01-01') t(d)",
    "date_sub(d, '1.2') FROM VALUES (DATE'2020-01-01') t(d)",
    "date_add('2011-11-11', '1'), date_sub('2011-11-11', 1S), date_add('2011-11-11', null)",
    "timestampadd('MONTH', 1, TIMESTAMP'2020-01-01 00:00:00')",
    "datediff('YEAR', DATE'2020-01-01', DATE'2021-01-01')",
    "zeroifnull('abc')",
    "zeroifnull('12'), positive('12'), bround(25, -1), bround(-35, -1), bround(cast(125 AS SMALLINT), -1)",
    "positive('invalid')",
    "bround(2147483647, -1)",
    "round(9223372036854775807L, -1)",
    "to_binary('GG')",
    "to_binary('616'), try_to_binary('GG'), try_to_binary('!!', 'base64'), to_binary('YWI=', 'base64')",
    "try_to_binary('Y', 'base64'), try_to_binary('YW', 'base64'), try_to_binary('YWI==', 'base64'), "
    "try_to_binary('abcd=', 'base64'), try_to_binary(' Y W==', 'base64')",
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY f), typeof(percentile_cont(0.5) WITHIN GROUP (ORDER BY f)) FROM "
    "VALUES (0.1F), (0.2F) t(f)",
    "to_binary(s, 'base64') FROM VALUES ('!!') t(s)",
    "regexp_substr('1a 2b', 'x'), regexp_substr('Spark', null), regexp_substr('a1', '[0-9]')",
    "assert_true(null)",
    "lpad(unhex(''), 5), rpad(X'41', 3), lpad(X'41', 3, X'42')",
    "encode('é', 'US-ASCII')",
    "encode('abc', 'US-ASCII'), encode('é', 'ISO-8859-1')",
    "transform_values(map('a', 1), (k, v) -> struct(k, v)), map_zip_with(map(1, 'a'), map(1, 'b'), (k, v, w) -> (v, w))"
    ", zip_with(array(1), array(2), (x, y) -> struct(x, y, x + y))",
)
golden.values(
    "CAST(v AS INT) FROM VALUES (parse_json('\"x\"')) t(v)",
    "CAST(parse_json('300') AS TINYINT)",
    'parse_json(\'{"a": "x"}\'):a::double',
    "v:a::decimal(3, 2) FROM VALUES (parse_json('{\"a\": 100.345}')) t(v)",
    "v:a::int, v:b::string, v:c::date, CAST(v:d AS BOOLEAN), v:e::double, v:f::decimal(3, 1), v:g::int FROM VALUES "
    '(parse_json(\'{"a": 5.7, "b": null, "c": "2020-01-02", "d": 1, "e": "1.5", "f": 2.567, "g": true}\')) t(v)',
    "try_cast(v AS INT), try_variant_get(v, '$.a', 'int'), try_variant_get(v, '$.b', 'double') FROM VALUES "
    '(parse_json(\'{"a": "x", "b": 1}\')) t(v)',
)


@golden.run
def a_decimal_of_a_frame_beside_text(spark: Any, at: At) -> Any:
    frame = spark.sql("SELECT CAST(1.5 AS DECIMAL(3, 1)) AS d, DATE'2020-01-31' AS t")
    later = frame.select(frame.t + F.expr("INTERVAL 3 HOURS"), frame.t + F.expr("INTERVAL 1 DAY 2 HOURS"))
    return frame.filter(frame.d == "1.51").count(), rows(later), later.dtypes[0][1]


def _limited(name: str, *statements: str) -> None:
    made = ("CREATE OR REPLACE TABLE limited (a VARCHAR(4), n INT) USING delta",)
    golden.sql(name, *made, "INSERT INTO limited VALUES ('äbcd', 1), (null, 2)", *statements)


_limited("a text that is too long for its column", "INSERT INTO limited VALUES ('abcde', 1)")
_limited("a number that is too long for its column", "UPDATE limited SET a = 12345 WHERE n = 1")
_limited(
    "a source that is too long for a column",
    "MERGE INTO limited USING (SELECT 'abcde' AS a, 1 AS n) AS s ON limited.n = s.n WHEN MATCHED THEN UPDATE SET *",
)
_limited("texts that fit", "UPDATE limited SET a = concat(a, '') WHERE n < 3", "SELECT a, n FROM limited")


@golden.run
def a_frame_that_is_too_long_for_a_column(spark: Any, at: At) -> Any:
    spark.sql("CREATE TABLE short (a VARCHAR(2)) USING delta")
    spark.sql("SELECT 'abc' AS a").write.format("delta").mode("append").saveAsTable("short")


golden.values(
    "extract(hour FROM i), extract(h FROM i), date_part('m', i), extract(second FROM i), extract(day FROM i) FROM "
    "VALUES (interval '30 16:50:06.789' day to second), (interval '-1 2:3:4.5' day to second) t(i)",
    "regr_r2(1, x), regr_r2(x, 1), regr_r2(y, x) FROM VALUES (1.0D, 2.0D), (2.0D, 5.0D), (3.0D, 6.0D) t(x, y)",
    "listagg(a, NULL), listagg(a, ',') FROM VALUES ('a'), ('b') t(a)",
    "listagg(a) FROM VALUES (array('a')) t(a)",
    "ts - '2011-11-11 11:11:10' AS a, '2011-11-11 11:11:11' - ts AS b FROM VALUES (timestamp'2011-11-11 11:11:11') "
    "t(ts)",
    "left(s, n), right(s, n), substring(s, 1, n), substring(s, n, 2), substring(s, -5, n), left(s, '2'), "
    "substr(s, n) FROM VALUES ('abcd', 2), ('abcd', null), ('abcd', -1) t(s, n)",
    "regexp_replace('healthy, wealthy', '[a-z]+thy', 'x', 1), regexp_replace('healthy, wealthy', '[a-z]+thy', 'x', 3), "
    "regexp_replace('abc', 'c', 'x', 30)",
    "median(a) OVER (ORDER BY a) FROM VALUES (1), (2) t(a)",
    "median(a) OVER w FROM VALUES (1), (2) t(a) WINDOW w AS (PARTITION BY a ROWS CURRENT ROW)",
    "count(DISTINCT a) OVER (PARTITION BY a) FROM VALUES (1) t(a)",
    "1234567890123456789012345678901234567890",
    "1 IN (true)",
    "regexp_extract('1a 2b', '[0-9]+')",
    "decode(X'E58A9D', 'US-ASCII')",
    "encode('a', 'WINDOWS-1252')",
)
golden.values(
    "a = 'true', a <> 'false', 'true' = a, a IN ('true'), s = 'true' FROM VALUES (true, 'true'), (false, 'x') t(a, s)",
    "date'2001-10-01' - '2001-09-28' AS x, '2001-10-04' - d AS y FROM VALUES (date'2001-09-28') t(d)",
    "pmod('7', 3), pmod(-7, '3'), try_add(2147483647, '1'), try_subtract('5', 3L), try_add(1, 'x'), "
    "try_divide('6', '0' + 0)",
    "extract(not_supported FROM timestamp'2020-01-01 00:00:00')",
    "extract(MONTH FROM interval '123 12:34:56' DAY TO SECOND)",
    "map_contains_key(map('1', 'a'), 1)",
    "map_contains_key(map('1', 'a'), '1'), map_contains_key(map(1, 'a'), 2), map_contains_key(map(1, 'a'), 1L)",
)


@golden.run
def columns_called_like_functions_without_brackets(spark: Any, at: At) -> Any:
    spark.sql("CREATE TABLE bare (user STRING, current_date INT, current_user STRING, n INT) USING delta")
    spark.sql("INSERT INTO bare VALUES ('a', 1, 'x', 3), ('b', 5, 'y', 4)")
    spark.sql("UPDATE bare SET n = 7, current_date = 6 WHERE current_date > 1")
    spark.sql("DELETE FROM bare WHERE current_user = 'x' AND current_date < 0")
    queries = (
        "SELECT user, current_date, current_user FROM bare WHERE user = 'b' AND current_date > 1",
        "SELECT n, current_date FROM bare UNION ALL SELECT 0, 3 ORDER BY current_date",
        "SELECT max(current_user), count(*) FROM bare GROUP BY current_date HAVING current_date = 6",
        "SELECT 'abc' AS current_user, current_user = current_user() AS a, typeof((SELECT current_date)) AS b FROM "
        "(SELECT 1 AS current_date)",
    )
    frame = spark.table("bare").filter("user = 'b' AND current_date > 1").selectExpr("current_date", "n > current_date")
    return [(one.columns, rows(one)) for one in [*map(spark.sql, queries), frame]]


KEPT = (
    "CREATE OR REPLACE TABLE kept (a INT) USING delta TBLPROPERTIES ('password' = 'p', 'plain' = 'v', 'n' = 'a token', "
    "'my.accessKey' = 'k', 'passphrase' = 'w', 'u' = 'http://url')"
)
golden.sql("properties that are not shown", KEPT, "SHOW TBLPROPERTIES kept")


@golden.run
def properties_in_a_description(spark: Any, at: At) -> Any:
    spark.sql(KEPT)
    described = rows(spark.sql("DESCRIBE EXTENDED kept"))
    return [row for row in described if row[0] in {"Type", "Provider", "Is_managed_location", "Table Properties"}]


@golden.run
def a_temporary_view_of_files_with_types(spark: Any, at: At) -> Any:
    spark.sql("SELECT 1 AS x, 'b' AS y").write.csv(f"{at.path}/typed")
    spark.sql(f"CREATE TEMP VIEW typed (a BIGINT, b STRING) USING csv OPTIONS (path '{at.path}/typed')")
    shown = rows(spark.sql("SHOW TABLE EXTENDED LIKE 'typ*'"))
    return spark.table("typed").dtypes, rows(spark.table("typed")), [(*one[:3], one[3][:12]) for one in shown]


@golden.run
def settings_in_statements(spark: Any, at: At) -> Any:
    for statement in (
        "SET my.word = 'c'",
        "SET hivevar:word = 'd'",
        "SET my.number = 5",
        "SET my.other = ${my.number}1",
    ):
        spark.sql(statement).collect()
    query = "SELECT ${my.word} AS a, ${hivevar:word} AS b, '${my.other}' AS c, '${no.such}' AS d, '${a b}' AS e"
    return rows(spark.sql(query)), rows(spark.range(1).selectExpr("${my.number} + 1"))


golden.values(
    "all, a FROM VALUES (1, 3) AS t(all, a)",
    "all, count(*) FROM VALUES (1, 3), (1, 4) AS t(all, a) GROUP BY all",
    "collect_list(a) FROM (SELECT a FROM VALUES (1, 3), (2, 1) AS t(all, a) ORDER BY all)",
    "a FROM VALUES (1), (2) AS t(a) UNION ALL SELECT 3 ORDER BY -1",
    "* FROM VALUES (1, 2) AS t(a, b) SORT BY -1",
    "* FROM VALUES (1, 2) AS t(a, b) GROUP BY a, b, 1",
    "a, count(*) FROM VALUES (1, 2) AS t(a, b) GROUP BY -1",
    '1 FROM "t"',
    "* FROM VALUES (1) AS t(a), LATERAL (SELECT t.*)",
)
golden.sql("a first value that reads", "DECLARE OR REPLACE VARIABLE v INT DEFAULT 1 + (SELECT max(id) FROM range(3))")
golden.values(
    "* EXCEPT (s.x) FROM (SELECT 1 AS x, struct(2 AS x, 3 AS y) AS s)",
    "* EXCEPT (s.x) FROM (SELECT 1 AS x, struct(2 AS x, 3 AS y) AS s) AS s",
    "* EXCEPT (s.z) FROM (SELECT 1 AS x, struct(2 AS x, 3 AS y) AS s)",
)
golden.values(
    "element_at(transform(array(2), current_date -> current_date + 1), 1) AS a",
    "array(current_date, 1) FROM (SELECT 3 AS current_date)",
)
for _sample in ("()", "(200 PERCENT)"):
    golden.sql(f"TABLESAMPLE {_sample}", KEPT, f"SELECT * FROM kept TABLESAMPLE {_sample}")
