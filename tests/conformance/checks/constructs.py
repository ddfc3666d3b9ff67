"""What SQL combines: sets of rows, hints, pipes, functions of functions."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Observation, Window
from pyspark.sql import functions as F

from tests.conformance.model import Group

sets = Group("SQL sets of rows")
for _name, _sides in {
    "an integer and text": ("SELECT 1 AS a", "SELECT '2'"),
    "an integer and text that is no number": ("SELECT 1 AS a", "SELECT 'x'"),
    "a decimal and text": ("SELECT '1' AS a", "SELECT 2.5"),
    "integers of two widths": ("SELECT 1Y AS a", "SELECT 300S"),
    "an integer and a float": ("SELECT 1Y AS a", "SELECT 2.5f"),
    "a decimal and a double": ("SELECT 2.5 AS a", "SELECT 2.5D"),
    "decimals": ("SELECT cast(1.25 AS DECIMAL(5, 2)) AS a", "SELECT cast(3 AS DECIMAL(10, 4))"),
    "decimals past 38 digits": ("SELECT cast(1 AS DECIMAL(38, 0)) AS a", "SELECT cast(1.5 AS DECIMAL(38, 20))"),
    "a decimal and a bigint": ("SELECT cast(1 AS DECIMAL(20, 10)) AS a", "SELECT 1L"),
    "nothing and an integer": ("SELECT NULL AS a", "SELECT 1"),
    "a date and a timestamp": ("SELECT date'2024-01-01' AS a", "SELECT timestamp'2024-01-01 01:00:00'"),
    "a date and text": ("SELECT '2024-01-01' AS a", "SELECT date'2024-01-02'"),
    "a boolean and text": ("SELECT true AS a", "SELECT 'true'"),
    "a boolean and an integer": ("SELECT true AS a", "SELECT 1"),
    "a date and an integer": ("SELECT date'2024-01-01' AS a", "SELECT 1"),
    "arrays": ("SELECT array(1) AS a", "SELECT array(2.5)"),
    "an array without a type": ("SELECT array() AS a", "SELECT array('x')"),
    "structs": ("SELECT named_struct('x', 1) AS a", "SELECT named_struct('x', 2L)"),
    "structs of other fields": ("SELECT named_struct('x', 1) AS a", "SELECT named_struct('y', 2L)"),
    "maps": ("SELECT map('x', 1) AS a", "SELECT map('y', 2.5)"),
}.items():
    sets.sql(f"union of {_name}", " UNION ALL ".join(_sides))
sets.sql("intersect of types", "SELECT 1 AS a INTERSECT SELECT 1.0")
sets.sql("except of types", "SELECT 1 AS a EXCEPT SELECT 1.5D")
sets.sql("union in an order", "SELECT 1 AS a UNION ALL SELECT '2' ORDER BY a DESC LIMIT 1", ordered=True)
sets.sql("nested unions", "SELECT 1 AS a UNION ALL (SELECT 2.5 UNION ALL SELECT 3D)")
sets.sql("union before intersect", "SELECT 1 AS a, 'x' AS b UNION SELECT 2.5, NULL INTERSECT SELECT 1, 'x'")
sets.sql("union in a CTE", "WITH c AS (SELECT 1 AS a UNION ALL SELECT 2.5) SELECT a + 1 AS b FROM c")
sets.sql("table of a union", "CREATE TABLE u AS SELECT 1 AS a UNION ALL SELECT 2.5", "SELECT * FROM u")
sets.sql("view of a union", "CREATE VIEW u AS SELECT 1 AS a UNION ALL SELECT '2'", "SELECT a FROM u")
sets.sql("unpivot of types", "SELECT * FROM VALUES (1, 10, 2.5) t(id, a, b) UNPIVOT (v FOR n IN (a, b))")
sets.sql("unpivot of text and numbers", "SELECT * FROM VALUES (1, 10, '2') t(id, a, b) UNPIVOT (v FOR n IN (a, b))")

constructs = Group("SQL constructs")
q = constructs.sql
q("hint of a join", "SELECT /*+ MERGE(r), COALESCE(2) */ * FROM VALUES (1) l(i) JOIN VALUES (1) r(i) USING (i)")
q(
    "hint with a table",
    "CREATE TABLE h AS SELECT 1 AS i",
    "SELECT /*+ BROADCAST(h), REPARTITION(3) */ i + 1 AS a FROM h",
)
q("pipe after a join", "FROM VALUES (1) l(i) JOIN VALUES (1, 'x') r(i, v) ON l.i = r.i |> SELECT l.i, r.v")
q("pipe that aggregates", "FROM VALUES ('a', 1), ('a', 2) t(k, v) |> AGGREGATE sum(v) AS s GROUP BY k")
for _text in (
    "zip_with(array(1, 2), array(3), (x, y) -> coalesce(x, 0) * 10 + coalesce(y, 0))",
    "zip_with(cast(NULL AS ARRAY<INT>), array(1), (x, y) -> x)",
    "zip_with(array(array(1)), array(array(2)), (x, y) -> zip_with(x, y, (p, q) -> p + q))",
    "transform_keys(map('a', 1, 'b', 2), (k, v) -> upper(k))",
    "transform_keys(map('a', 1, 'b', 2), (k, v) -> 'x')",
    "transform_values(map('a', array(1, 2)), (k, v) -> aggregate(v, 0, (acc, x) -> acc + x))",
    "map_zip_with(map('a', 1, 'b', 2), map('b', 3, 'c', 4), (k, x, y) -> coalesce(x, 0) + coalesce(y, 0))",
    "map_zip_with(map('a', 1), cast(NULL AS MAP<STRING, INT>), (k, x, y) -> x)",
):
    q(_text, f"SELECT {_text} AS a")
q(
    "zip_with of columns",
    "SELECT zip_with(a, b, (x, y) -> x + y + i) AS z FROM VALUES (array(1), array(2), 10) t(a, b, i)",
)
q(
    "transform_values of columns",
    "SELECT transform_values(m, (k, v) -> v * 2) AS m FROM VALUES (map('a', 1)), (NULL) t(m)",
)
q("regr_count over a window", "SELECT a, regr_count(a, b) OVER () AS n FROM VALUES (1D, 2D), (2D, NULL) t(a, b)")
q(
    "two named windows",
    "SELECT sum(id) OVER a, max(id) OVER b FROM range(3) WINDOW a AS (ORDER BY id), b AS (PARTITION BY id)",
)
q(
    "first value that is not null",
    "SELECT first_value(v) IGNORE NULLS OVER (ORDER BY v DESC) AS f FROM VALUES (1), (NULL) t(v)",
)
q("window in where", "SELECT id FROM range(3) WHERE row_number() OVER (ORDER BY id) = 1")
q("aggregate of an aggregate", "SELECT sum(sum(id)) FROM range(3)")

X = "VALUES (1, 'a'), (2, 'b') x(id, k)"
Y = "VALUES (2, 'c'), (3, 'd') y(id, k)"
for _join, _items in {
    "JOIN": "x.id, y.id AS r, x.k",
    "LEFT JOIN": "id, y.id AS r",
    "RIGHT JOIN": "id, x.id AS l, y.k",
    "FULL JOIN": "*, x.id AS l, y.id AS r",
    "LEFT SEMI JOIN": "x.id",
    "LEFT ANTI JOIN": "x.*, x.id AS l",
}.items():
    q(f"{_join} with USING and names of one side", f"SELECT {_items} FROM {X} {_join} {Y} USING (id)")
q(
    "three inputs with USING",
    f"SELECT *, y.id AS m FROM {X} JOIN {Y} USING (id) LEFT JOIN VALUES (2, 'z') AS z(id, w) USING (id) WHERE z.id > 1",
)
for _join, _star in (("LEFT", "y"), ("RIGHT", "x"), ("FULL", "x")):
    q(f"star of one side of a {_join} JOIN", f"SELECT {_star}.* FROM {X} {_join} JOIN {Y} USING (id)")
q("groups of a shared column", f"SELECT x.id, max(y.id) AS m FROM {X} JOIN {Y} USING (id) GROUP BY x.id")
q("doubled quotes", "SELECT 'it''s' AS a, \"a\"\"b\" AS b, '''' AS c, 'a' 'b' AS d, 'a\\'b''c' AS e")
q(
    "doubled quotes in a table",
    "CREATE TABLE s (t STRING)",
    "INSERT INTO s VALUES ('it''s')",
    "SELECT * FROM s WHERE t = 'it''s'",
)
q("binary literal with a space", "SELECT X '1F' AS a, X'1f' AS b")
DATES = "VALUES (1, 10, date'2024-01-01'), (2, 20, date'2024-01-03'), (3, 30, date'2024-02-01') AS t(id, v, d)"
for _frame in (
    "INTERVAL 2 DAYS PRECEDING AND CURRENT ROW",
    "INTERVAL '1' MONTH PRECEDING AND INTERVAL '1' MONTH FOLLOWING",
    "2 PRECEDING AND CURRENT ROW",
):
    q(f"range of dates: {_frame}", f"SELECT id, sum(v) OVER (ORDER BY d RANGE BETWEEN {_frame}) AS s FROM {DATES}")
for _values in (
    "(0.0), (pi())",
    "(date'2024-01-01'), (timestamp'2024-01-01 05:00:00')",
    "(1Y), (300S), (70000)",
    "(1), (2.5f)",
    "(array(1)), (array(2.5))",
    "(array(named_struct('a', 1, 'b', 'x'))), (array(named_struct('a', NULL, 'b', NULL)))",
    "(1), ('2')",
):
    sets.sql(f"rows of types: {_values}", f"SELECT a FROM VALUES {_values} AS t(a)")
sets.sql(
    "a table of arrays of structs",
    "CREATE TABLE n (a ARRAY<STRUCT<a: INT, b: STRING>>)",
    "INSERT INTO n VALUES (array(named_struct('a', 1, 'b', 'x')))",
    "SELECT * FROM n",
)
for _sets in ("GROUPING SETS (k, (k, j), ())", "ROLLUP ((k, j))", "CUBE (k, (j, l))"):
    q(
        f"GROUP BY {_sets}",
        f"SELECT k, j, count(*) AS n FROM VALUES ('a', 1, 2), ('b', 2, 3) t(k, j, l) GROUP BY {_sets}",
    )

names = Group("names of columns")
for _name, _query in {
    "windows": "SELECT sum(id) OVER (), count(*) OVER (PARTITION BY id % 2 ORDER BY id DESC) FROM range(2)",
    "ranks": "SELECT row_number() OVER (ORDER BY id), rank() OVER (PARTITION BY id ORDER BY id) FROM range(2)",
    "offsets": "SELECT lag(id) OVER (ORDER BY id), lead(id, 2, 0) OVER (ORDER BY id) FROM range(2)",
    "frames": "SELECT max(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM range(2)",
    "named windows": "SELECT sum(id) OVER w FROM range(1) WINDOW w AS (PARTITION BY id ORDER BY id)",
    "tests": "SELECT id IS NULL, id IS NOT NULL, id BETWEEN 0 AND 1, id IN (1, 2), id <> 1 FROM range(1)",
    "negations": "SELECT id NOT IN (1, 2), NOT id = 1, id NOT BETWEEN 0 AND 1 FROM range(1)",
    "LIKE": "SELECT 'a' LIKE 'b', 'a' NOT LIKE 'b'",
    "IF": "SELECT if(id > 1, 1, 2) FROM range(1)",
    "subqueries": "SELECT (SELECT max(id) FROM range(3)), EXISTS (SELECT 1) FROM range(1)",
    "literals and operators": "SELECT 1.5, 2L, NULL, true, 'x', id + 1, -id, id / 2, id % 2 FROM range(1)",
    "upper case": "SELECT COUNT(*), Max(id), UPPER('a'), SUM(id) FILTER (WHERE id > 1) FROM range(1)",
    "operators": "SELECT id DIV 2, id << 1, id >> 1, -3, -1.5, (id IS NULL) IS TRUE FROM range(1)",
    "negative literals": "SELECT id - -1, -2L, id > -2L, round(id, -1), coalesce(id, -1), -(1), lag(id, -1) OVER "
    "(ORDER BY id) FROM range(1)",
    "tests in CASE": "SELECT CASE WHEN id IS NULL THEN 0 ELSE 1 END, CASE id WHEN 1 THEN -1 ELSE 2 END, count(CASE "
    "WHEN id != 2 THEN id END), sum(if(id IN (1, 2), 1, 0)) FROM range(1) GROUP BY id",
    "tests in functions": "SELECT coalesce(id IS NULL, id IN (1), id IN (2)), concat(s LIKE 'a', s NOT LIKE 'b', id "
    "DIV 2), s = 'x' OR id IS NOT NULL, d = DATE'2020-01-01' IS NULL FROM VALUES (1, 'a', DATE'2020-01-01') "
    "AS t(id, s, d)",
    "casts": "SELECT string(id), double(id), date('2024-01-01') FROM range(1)",
    "defaults": "SELECT lpad('a', 2), unix_timestamp(d), months_between(d, d) FROM VALUES (DATE'2024-01-01') AS t(d)",
    "clauses": "SELECT extract(WEEK FROM d), position('a' IN 'b'), log(2.0D) FROM VALUES (DATE'2024-01-01') AS t(d)",
    "percentiles": "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id DESC), percentile(id, 0.5) FROM range(3)",
    "calls": "SELECT count(*), count(DISTINCT id), max(id), upper('a'), coalesce(1, 2) FROM range(1)",
}.items():

    def _columns(spark, at, query=_query):
        return spark.sql(query).columns

    _columns.__name__ = _name
    names.run(_columns)


@names.run
def windows_of_data_frames(spark, at):
    window = Window.partitionBy("id").orderBy(F.desc("id"))
    place, total = F.row_number().over(window), F.sum("id").over(window.rowsBetween(-1, 0))
    return spark.range(1).select(place, total, F.lag("id").over(window)).columns


@names.run
def lambda_functions(spark, at):
    pairs = F.zip_with(F.array("id"), F.array("id"), lambda x, y: x + y)
    return spark.range(1).select(pairs, F.transform(F.array("id"), lambda x: x + 1)).columns


@names.run
def a_rank_without_an_order(spark, at):
    return spark.range(1).select(F.rank().over(Window.partitionBy("id"))).collect()


@names.run
def a_range_of_numbers_over_dates(spark, at):
    window = Window.orderBy("d").rangeBetween(-2, 0)
    return spark.sql("SELECT date'2024-01-01' AS d, 1 AS v").select(F.sum("v").over(window).alias("s")).collect()


unions = Group("data frame plans")


@unions.run
def union_of_types(spark, at):
    return spark.range(1).union(spark.sql("SELECT 2.5")).union(spark.sql("SELECT '3'"))


@unions.run
def intersect_of_types(spark, at):
    return spark.range(2).intersect(spark.sql("SELECT 1"))


@unions.run
def union_by_name_of_types(spark, at):
    return spark.sql("SELECT 1 AS a, 2 AS b").unionByName(spark.sql("SELECT 3 AS b, 4L AS a"))


@unions.run
def union_by_name_with_missing_columns(spark, at):
    return spark.sql("SELECT 1 AS a").unionByName(spark.sql("SELECT 2L AS b"), allowMissingColumns=True)


@unions.run
def union_of_other_widths(spark, at):
    return spark.range(2).union(spark.range(2).selectExpr("id", "id")).collect()


@unions.run
def union_of_what_does_not_go_together(spark, at):
    return spark.range(1).union(spark.sql("SELECT true")).collect()


@unions.run
def plans_that_mean_the_same(spark, at):
    one, two, other = spark.range(3).filter("id > 1"), spark.range(3).filter("id > 1"), spark.range(4)
    return (one.sameSemantics(two), one.sameSemantics(other), one.semanticHash() == two.semanticHash())


@unions.run
def frequent_values(spark, at):
    return spark.sql("SELECT * FROM VALUES (1, 'a'), (1, 'b'), (2, 'a') t(i, s)").freqItems(["i", "s"], 0.4)


@unions.run
def an_observation(spark, at):
    seen = Observation("rows")
    metrics = (F.count(F.lit(1)).alias("n"), F.sum(F.col("id") + 1).alias("s"), F.max(F.lit("x")).alias("m"))
    kept = spark.range(5).observe(seen, *metrics).filter("id > 2").count()
    return (kept, seen.get)


@unions.run
def many_unions(spark, at):
    parts = [spark.sql(f"SELECT {at} AS a") for at in range(20)] + [spark.sql("SELECT 1L")]
    return reduce(lambda one, two: one.union(two), parts).agg(F.sum("a"))


@unions.run
def maps_by_lambda_functions(spark, at):
    m = F.create_map(F.lit("a"), F.lit(1))
    return spark.range(1).select(
        F.transform_values(m, lambda k, v: v + 1).alias("v"),
        F.transform_keys(m, lambda k, v: F.upper(k)).alias("k"),
        F.map_zip_with(m, m, lambda k, x, y: x + y).alias("z"),
    )
