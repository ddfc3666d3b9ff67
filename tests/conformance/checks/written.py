"""Queries as users write them, over one small table."""

from __future__ import annotations

from tests.conformance.model import Group

T = (
    "CREATE OR REPLACE TEMP VIEW t AS SELECT * FROM VALUES (1, 'a', 10, date'2024-01-01'), "
    "(2, 'a', 20, date'2024-01-03'), (3, 'b', NULL, date'2024-02-01') AS t(id, k, v, d)"
)

written = Group("SQL as it is written")
for _query in (
    "SELECT id, sum(v) OVER (ORDER BY d RANGE BETWEEN INTERVAL 2 DAYS PRECEDING AND CURRENT ROW) AS s FROM t",
    "SELECT id, sum(v) OVER (ORDER BY d RANGE BETWEEN INTERVAL '1' MONTH PRECEDING AND CURRENT ROW) AS s FROM t",
    "SELECT id FROM t WHERE v = (SELECT max(v) FROM t u WHERE u.k = t.k)",
    "SELECT id FROM t WHERE (id, k) IN (SELECT id, k FROM t WHERE v > 10)",
    "SELECT id FROM t WHERE id IN (SELECT id FROM t u WHERE u.k = t.k AND u.v > 10)",
    "SELECT id FROM t x ANTI JOIN (SELECT 1 AS id) y ON x.id = y.id",
    "SELECT id FROM t x LEFT SEMI JOIN (SELECT 1 AS id) y ON x.id = y.id",
    "SELECT x.id, y.id FROM t x FULL JOIN t y ON x.id = y.id + 1",
    "SELECT x.id, y.id AS yid FROM t x JOIN t y USING (id)",
    "SELECT y.id FROM t x LEFT JOIN t y USING (id)",
    "SELECT x.*, y.v FROM t x JOIN t y USING (id)",
    "SELECT * FROM t x JOIN t y USING (id, k)",
    "SELECT * FROM t NATURAL LEFT JOIN (SELECT 1 AS id, 'w' AS w)",
    "SELECT id IS NOT DISTINCT FROM 1 AS a, k ILIKE 'A' AS b FROM t",
    "SELECT id, p, c FROM t LATERAL VIEW OUTER posexplode(array(v, id)) x AS p, c",
    "SELECT id, a, b FROM t LATERAL VIEW explode(map('x', v)) x AS a, b",
    "SELECT stack(2, 1, 'a', 2, 'b') AS (n, s)",
    "SELECT inline(array(struct(1, 'a'), struct(2, 'b'))) AS (n, s)",
    "SELECT * FROM stack(2, 1, 'a', 2, 'b')",
    "SELECT * FROM explode(array(1, 2)) AS x(c)",
    "SELECT id, posexplode(array('x', 'y')) FROM t",
    "SELECT id, explode(sequence(1, id)) AS e FROM t",
    "SELECT k, collect_list(struct(id, v)) AS l FROM t GROUP BY k",
    "SELECT k, count(*) FROM t GROUP BY k WITH ROLLUP",
    "SELECT k, count(*) FROM t GROUP BY GROUPING SETS (k, ())",
    "SELECT k, v, count(*) FROM t GROUP BY k, GROUPING SETS ((v), ())",
    "SELECT grouping(k) AS g, k FROM t GROUP BY CUBE(k)",
    "SELECT k, first(v) AS f, last(v) AS l FROM t GROUP BY k",
    "SELECT k, sum(v) AS s FROM t GROUP BY ALL HAVING s > 5 ORDER BY ALL",
    "SELECT k AS kk, sum(v) FROM t GROUP BY kk",
    "SELECT upper(k) AS u, count(*) AS n FROM t GROUP BY upper(k) ORDER BY u DESC",
    "SELECT DISTINCT k, v IS NULL AS n FROM t",
    "SELECT id FROM t ORDER BY v DESC NULLS LAST, id LIMIT 2 OFFSET 1",
    "SELECT id FROM t SORT BY id DESC",
    "TABLE t",
    "VALUES (1), (2)",
    "FROM t SELECT id WHERE id > 1",
    "WITH a(x, y) AS (SELECT id, k FROM t) SELECT x, y FROM a",
    "WITH a AS (WITH b AS (SELECT 1 AS x) SELECT * FROM b) SELECT * FROM a",
    "SELECT * FROM t WHERE k LIKE 'a%' ESCAPE '!'",
    "SELECT * FROM t WHERE k RLIKE '^a$' AND NOT id BETWEEN 2 AND 3",
    "SELECT * FROM t WHERE k REGEXP 'b'",
    "SELECT CASE WHEN id = 1 THEN 'one' WHEN id = 2 THEN 'two' END AS w FROM t",
    "SELECT transform(array(1,2), (x, i) -> x + i) AS a",
    "SELECT k, max_by(id, v) AS m, min(id) FILTER (WHERE v > 5) AS f FROM t GROUP BY k",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v) AS p FROM t",
    "SELECT k, mode(v) AS m, median(v) AS d FROM t GROUP BY k",
    "SELECT count(DISTINCT k, v) AS n, approx_count_distinct(k) AS a FROM t",
    "SELECT string_agg(k, '-') WITHIN GROUP (ORDER BY id) AS s FROM t",
    "SELECT id, ntile(2) OVER (ORDER BY id) AS n, percent_rank() OVER (ORDER BY id) AS p FROM t",
    "SELECT id, first_value(v) IGNORE NULLS OVER (ORDER BY id DESC) AS f FROM t",
    "SELECT id, nth_value(k, 2) OVER (ORDER BY id) AS n FROM t",
    "SELECT id, sum(v) OVER (PARTITION BY k ORDER BY id ROWS UNBOUNDED PRECEDING) AS s FROM t",
    "SELECT id, avg(v) OVER w1 AS a, count(*) OVER w2 AS c FROM t WINDOW w1 AS (PARTITION BY k), w2 AS (ORDER BY id)",
    "SELECT sum(sum(v)) OVER (ORDER BY k) AS s, k FROM t GROUP BY k",
    "SELECT * FROM t PIVOT (sum(v) FOR (k, id) IN (('a', 1) AS x, ('b', 3) AS y))",
    "SELECT * FROM (SELECT k, id, v FROM t) PIVOT (max(v) AS m, count(*) AS c FOR k IN ('a', 'b'))",
    "SELECT * FROM (SELECT id, v FROM t) UNPIVOT ((x) FOR n IN ((id), (v)))",
    "SELECT * FROM t TABLESAMPLE (2 ROWS)",
    "SELECT trim(BOTH 'x' FROM 'xax') AS a, substring('hello' FROM 2 FOR 3) AS b, position('l' IN "
    "'hello') AS c, overlay('abc' PLACING 'X' FROM 2) AS e",
    "SELECT cast('1' AS INT) AS a, '2'::INT AS b, INT('3') AS c, try_cast('x' AS INT) AS d, DATE "
    "'2024-01-01' AS e, bigint(1) AS f",
    "SELECT named_struct('a', 1, 'b', named_struct('c', 2)).b.c AS x, map('k', 5)['k'] AS m, array(7,8)[1] AS a",
    "SELECT s.* FROM (SELECT struct(id, k) AS s FROM t)",
    "SELECT * EXCEPT (k, d) FROM t",
    "SELECT count(*) AS `the count`, `k` FROM t GROUP BY `k`",
    "SELECT 'it''s' AS a, \"dq\" AS b, r'\\d' AS c, 'a\\nb' AS d",
    "SELECT 1e2 AS a, 1.5BD AS b, 1.5F AS c, 100L AS d, 5S AS e, 3Y AS f, .5 AS g, 2D AS h",
    "SELECT X '1F' AS a, hex(X'1f') AS b",
    "SELECT 'a' < 'b' AND NOT false OR NULL AS x, true AND NULL AS y, !true AS z",
    "SELECT id, k FROM t WHERE EXISTS (SELECT * FROM VALUES (1) AS s(x) WHERE s.x = t.id)",
    "SELECT ifnull(v, 0) AS a, nvl2(v, 1, 2) AS b, nullif(id, 1) AS c, zeroifnull(v) AS d, "
    "nullifzero(id - 1) AS e FROM t",
    "DESCRIBE QUERY SELECT id, k FROM t",
    "DESC t",
    "DESCRIBE SELECT 1 AS a",
):
    written.sql(_query, T, _query, ordered="ORDER BY" in _query.rpartition(")")[2])

PARTED = (
    "CREATE TABLE p (id INT COMMENT 'key', d DATE, k STRING) PARTITIONED BY (d, k)",
    "INSERT INTO p VALUES (1, date'2024-01-01', 'a'), (2, date'2024-01-02', 'b')",
)
shown = Group("SQL that describes")
for _query in (
    "SHOW PARTITIONS p",
    "SHOW PARTITIONS p PARTITION (k = 'a')",
    "SHOW PARTITIONS p PARTITION (id = 1)",
    "DESCRIBE p",
    "DESCRIBE p id",
    "DESCRIBE TABLE EXTENDED p k",
    "DESCRIBE p nosuch",
    "DESCRIBE p AS JSON",
    "SHOW COLUMNS IN p",
    "DESCRIBE QUERY SELECT id + 1 AS i, k FROM p",
):
    shown.sql(_query, *PARTED, _query)
shown.sql("SHOW PARTITIONS of a table without any", "CREATE TABLE q (id INT)", "SHOW PARTITIONS q")
shown.sql("INSERT of a TABLE", *PARTED, "INSERT INTO p TABLE p", "SELECT * FROM p")
