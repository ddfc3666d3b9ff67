"""Constructs of SQL queries."""

from __future__ import annotations

from tests.conformance.model import Group, rows

T = "VALUES ('a', 1, 10.5D), ('a', 2, 20.0D), ('b', 3, 30.0D), ('b', null, 5.0D) AS t(k, i, d)"
WINDOW = "(PARTITION BY k ORDER BY d)"

queries = Group("SQL queries")
q = queries.sql
q("where and order", f"SELECT k, i FROM {T} WHERE d > 5 ORDER BY d DESC", ordered=True)
q("order of nulls", f"SELECT i FROM {T} ORDER BY i", ordered=True)
q("order of nulls, descending", f"SELECT i FROM {T} ORDER BY i DESC NULLS FIRST", ordered=True)
q("order by position", f"SELECT k, d FROM {T} ORDER BY 1 DESC, 2", ordered=True)
q("order by all", f"SELECT k, d FROM {T} ORDER BY ALL", ordered=True)
q("limit and offset", f"SELECT d FROM {T} ORDER BY d LIMIT 2 OFFSET 1", ordered=True)
q("distinct", f"SELECT DISTINCT k FROM {T}")
q("group by", f"SELECT k, count(*), sum(i), avg(d), min(d), max(i) FROM {T} GROUP BY k")
q("group by all", f"SELECT k, upper(k), count(*) FROM {T} GROUP BY ALL")
q("group by position and alias", f"SELECT upper(k) AS u, count(*) FROM {T} GROUP BY u")
q("having", f"SELECT k, sum(d) AS s FROM {T} GROUP BY k HAVING s > 31")
q("rollup", f"SELECT k, i, sum(d) FROM {T} GROUP BY ROLLUP (k, i)")
q("cube", f"SELECT k, sum(d), grouping(k) FROM {T} GROUP BY CUBE (k)")
q("grouping sets", f"SELECT k, i, count(*), grouping_id(k, i) FROM {T} GROUP BY GROUPING SETS ((k), (i), ())")
q("count distinct", f"SELECT count(DISTINCT k), count(i), count(DISTINCT k, i) FROM {T}")
q("filter of an aggregate", f"SELECT count(*) FILTER (WHERE d > 10), sum(d) FILTER (WHERE k = 'b') FROM {T}")
q("aggregates of nothing", f"SELECT sum(i), count(i), max(d), collect_list(i) FROM {T} WHERE false")
q("statistics", f"SELECT stddev(d), var_pop(d), corr(i, d), skewness(d), kurtosis(d), covar_samp(i, d) FROM {T}")
q("percentiles", f"SELECT percentile(d, 0.5), median(d), percentile_approx(d, 0.5) FROM {T}")
q("percentile within group", f"SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY d) FROM {T}")
q("collect", f"SELECT sort_array(collect_set(k)), sort_array(collect_list(i)) FROM {T}")
q("any, every, bool_or", f"SELECT any(d > 20), every(d > 1), bool_or(i = 1), some(i = 9) FROM {T}")
q("max_by, first, any_value", f"SELECT max_by(k, d), min_by(k, d), count_if(d > 10) FROM {T}")
q("listagg", f"SELECT listagg(i, ',') WITHIN GROUP (ORDER BY i DESC) FROM {T}")
q("approximate count", f"SELECT approx_count_distinct(k) FROM {T}")
q("try_sum, try_avg", f"SELECT try_sum(i), try_avg(d), sum(cast(i AS DECIMAL(10, 2))), avg(i) FROM {T}")
q("histogram_numeric of one value", "SELECT histogram_numeric(c, 2) FROM VALUES (1), (1) t(c)")
q("regression", f"SELECT regr_slope(d, i), regr_count(d, i) FROM {T}")
q(
    "window ranks",
    f"SELECT k, d, row_number() OVER {WINDOW}, rank() OVER (ORDER BY k), ntile(2) OVER (ORDER BY d) FROM {T}",
)
q("window lag", f"SELECT d, lag(d) OVER {WINDOW}, lead(d, 1, 0D) OVER {WINDOW}, first_value(d) OVER {WINDOW} FROM {T}")
q("window frame", f"SELECT d, sum(d) OVER (ORDER BY d ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM {T}")
q("window range", f"SELECT d, count(*) OVER (ORDER BY d RANGE BETWEEN 10 PRECEDING AND CURRENT ROW) FROM {T}")
q("named window", f"SELECT d, max(d) OVER w, dense_rank() OVER w FROM {T} WINDOW w AS (PARTITION BY k ORDER BY d)")
q("last ignores nulls", f"SELECT d, last(i) IGNORE NULLS OVER (ORDER BY d) FROM {T}")
q("percent_rank", f"SELECT d, percent_rank() OVER (ORDER BY d), cume_dist() OVER (ORDER BY d) FROM {T}")
q("qualify", f"SELECT k, d FROM {T} QUALIFY row_number() OVER (PARTITION BY k ORDER BY d DESC) = 1")
q("qualify an alias", f"SELECT k, rank() OVER (ORDER BY d) AS r FROM {T} QUALIFY r < 3")
q("pivot", f"SELECT * FROM (SELECT k, i, d FROM {T}) PIVOT (sum(d) FOR i IN (1, 2, 3))")
q(
    "pivot with aliases",
    f"SELECT * FROM (SELECT k, d FROM {T}) PIVOT (sum(d) AS s, max(d) AS m FOR k IN ('a' AS x, 'b' AS y))",
)
q("unpivot", "SELECT * FROM VALUES (1, 10, null) t(id, a, b) UNPIVOT (v FOR n IN (a, b))")
q(
    "unpivot with nulls",
    "SELECT * FROM VALUES (1, 10, null) t(id, a, b) UNPIVOT INCLUDE NULLS (v FOR n IN (a, b AS bb))",
)
q("a constant beside an aggregate", f"SELECT * FROM (SELECT 'x' AS s, count(*) AS n FROM {T}) WHERE s = 'y'")
q(
    "constants beside aggregates",
    f"SELECT * FROM (SELECT 'x' AS s, count(*) AS n FROM {T} UNION ALL SELECT 'y', sum(i) FROM {T}) WHERE s = 'y'",
)
q(
    "a constant beside a rollup",
    f"SELECT * FROM (SELECT 'x' AS s, k, count(*) FROM {T} GROUP BY ROLLUP (k)) WHERE s = 'y'",
)
q("a view in other letters", "CREATE OR REPLACE TEMP VIEW Shop AS SELECT 1 AS Id", "SELECT SHOP.id, shop.Id FROM shop")
q("group by a map", "SELECT count(*) FROM VALUES (map(1, 2, 2, 3)), (map(2, 3, 1, 2)) t(m) GROUP BY m")
q("except columns", f"SELECT * EXCEPT (d) FROM {T}")
q("alias in the same select", f"SELECT d * 2 AS x, x + 1 AS y FROM {T}")
q("union", "SELECT 1 UNION SELECT 1 UNION ALL SELECT 2")
q("union of types", "SELECT 1 UNION ALL SELECT 2.5 UNION ALL SELECT 3L")
q("intersect", "(SELECT 1 UNION ALL SELECT 2) INTERSECT SELECT 2")
q("except", "SELECT * FROM VALUES (1), (1), (2) t(a) EXCEPT SELECT 2")
q("except all", "SELECT * FROM VALUES (1), (1), (2) t(a) EXCEPT ALL SELECT 1")
q("minus", "SELECT * FROM VALUES (1), (2) t(a) MINUS SELECT 2")
q("inner join", "SELECT * FROM VALUES (1, 'a') l(i, x) JOIN VALUES (1, 'b'), (2, 'c') r(j, y) ON i = j")
q("full join", "SELECT * FROM VALUES (1), (2) l(i) FULL OUTER JOIN VALUES (2), (3) r(j) ON i = j")
q("left join using", "SELECT * FROM VALUES (1), (2) l(i) LEFT JOIN VALUES (2, 'x') r(i, v) USING (i)")
q("natural join", "SELECT * FROM VALUES (1, 'a') l(i, x) NATURAL JOIN VALUES (1, 'b') r(i, y)")
q("semi join", "SELECT * FROM VALUES (1), (2) l(i) LEFT SEMI JOIN VALUES (2), (2) r(j) ON i = j")
q("anti join", "SELECT * FROM VALUES (1), (2), (null) l(i) LEFT ANTI JOIN VALUES (2) r(j) ON i = j")
q("cross join", "SELECT * FROM VALUES (1), (2) l(i) CROSS JOIN VALUES ('a') r(j)")
q("lateral subquery", "SELECT * FROM VALUES (1), (2) l(i), LATERAL (SELECT i * 10 AS x)")
q(
    "lateral column of a function",
    "SELECT i, c FROM VALUES (array(1, 2)) t(a), LATERAL explode(a) AS e(c), VALUES (7) u(i)",
)
q("common table expressions", "WITH a AS (SELECT 1 x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b")
q("recursive query", "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r")
q("in a subquery", f"SELECT d FROM {T} WHERE k IN (SELECT min(x) FROM VALUES ('a') u(x))")
q("exists", "SELECT i FROM VALUES (1), (2) l(i) WHERE EXISTS (SELECT 1 FROM VALUES (2) r(j) WHERE j = i)")
q("not in with null", "SELECT i FROM VALUES (1), (2) l(i) WHERE i NOT IN (SELECT * FROM VALUES (1), (null))")
q(
    "scalar subquery",
    "SELECT i, (SELECT max(j) FROM VALUES (1, 5), (2, 7) r(k, j) WHERE k = i) AS m FROM VALUES (1), (2) l(i)",
)
q("values", "VALUES (1, 'a'), (2, 'b')")
q("range", "SELECT sum(id) FROM range(1, 10, 2)")
q("sample all", "SELECT count(*) FROM (SELECT * FROM range(7)) TABLESAMPLE (100 PERCENT)")
q("sample rows", "SELECT count(*) FROM (SELECT * FROM range(100)) TABLESAMPLE (5 ROWS)")
q("pipe syntax", "FROM VALUES (1), (2) t(i) |> WHERE i > 1 |> SELECT i * 10 AS x")
q("case of names", "SELECT A FROM VALUES (1) t(a)")
q("quoted names", "SELECT `a b`, t.`c.d` FROM VALUES (1, 2) t(`a b`, `c.d`)")
q("hints", "SELECT /*+ BROADCAST(r) */ * FROM VALUES (1) l(i) JOIN VALUES (1) r(i) USING (i)")
q("comments", "SELECT 1 -- one\n/* two */ + 2")
q("literals", "SELECT 'a\\tb', \"x\", r'a\\n', X'41', 'a' 'b'")
q("select without from", "SELECT 1 AS a, 'x' AS b WHERE true")
q("transform with a lambda over columns", "SELECT transform(a, x -> x + i) FROM VALUES (array(1, 2), 10) t(a, i)")
q("count of all columns", "SELECT count(*), count(1), count(a, b) FROM VALUES (1, null), (2, 3) t(a, b)")
q("decimal sums", "SELECT sum(x), avg(x) FROM VALUES (1.10), (2.25) t(x)")

DOCS = "https://docs.databricks.com/aws/en/sql/language-manual/"
queries.sql(
    "identifier of a table", "CREATE TEMP VIEW ident AS SELECT 7 AS a", "SELECT * FROM IDENTIFIER('id' || 'ent')"
)
queries.vendor("iff", "SELECT iff(true, 'a', 'b')", expected=[("a",)], source=DOCS + "functions/iff")
q("declare and set a variable", "DECLARE OR REPLACE VARIABLE v1 INT DEFAULT 5", "SET VAR v1 = v1 + 1", "SELECT v1 * 2")
q("session variable in a query", "DECLARE OR REPLACE v2 = 'a'", f"SELECT sum(d) FROM {T} WHERE k = v2")
queries.vendor(
    "execute immediate",
    "EXECUTE IMMEDIATE 'SELECT :x + 1' USING 4 AS x",
    expected=[(5,)],
    source=DOCS + "sql-ref-syntax-aux-execute-immediate",
)
q("SQL function", "CREATE TEMPORARY FUNCTION twice(x INT) RETURNS INT RETURN x * 2", "SELECT twice(21)")
q("temporary view", "CREATE OR REPLACE TEMP VIEW tv AS SELECT 1 AS a", "SELECT a + 1 FROM tv")


PARAMETERS = DOCS + "sql-ref-parameter-marker"  # Delta's parser on the JVM loses the parameters: not asked of it


@queries.says([(2, "X")], PARAMETERS)
def named_parameters(spark, at):
    return rows(spark.sql("SELECT :a + 1, upper(:b)", args={"a": 1, "b": "x"}))


@queries.says([(42, "x")], PARAMETERS)
def positional_parameters(spark, at):
    return rows(spark.sql("SELECT ? * 2, ?", args=[21, "x"]))


@queries.says([("x' OR '1'='1",)], PARAMETERS)
def parameters_are_no_SQL(spark, at):
    return rows(spark.sql("SELECT :a", args={"a": "x' OR '1'='1"}))


@queries.says([(3,)], PARAMETERS)
def a_parameter_in_where(spark, at):
    return rows(spark.sql("SELECT count(*) FROM range(10) WHERE id > :low", args={"low": 6}))


@queries.run
def data_frames_as_parameters(spark, at):
    return spark.sql("SELECT sum(id) FROM {numbers} WHERE id > 2", numbers=spark.range(5))
