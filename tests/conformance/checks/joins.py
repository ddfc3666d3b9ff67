"""Joins and generators, written in all the ways that there are."""

from __future__ import annotations

from tests.conformance.model import Group

joins = Group("SQL joins")
A = "a AS (SELECT * FROM VALUES (1, 'x', array(1, 2)), (2, 'y', array()) AS t(id, s, l))"
B = "b AS (SELECT * FROM VALUES (1, 'p'), (3, 'q') AS t(ID, w))"
W = f"WITH {A}, {B}, none AS (SELECT * FROM b WHERE id > 9)"

for _name, _query in {
    "left join without a condition": "SELECT a.id, w FROM a LEFT JOIN none",
    "anti join without a condition": "SELECT id FROM a LEFT ANTI JOIN none",
    "full join without a condition": "SELECT a.id, w FROM a FULL OUTER JOIN none",
    "natural join in other letters": "SELECT * EXCEPT (l) FROM a NATURAL JOIN b",
    "whole sides of a natural join": "SELECT b.*, a.s FROM a NATURAL LEFT JOIN b",
    "natural full join": "SELECT id, s, w FROM a NATURAL FULL OUTER JOIN b",
    "lateral function of nothing": "SELECT id, c FROM a, LATERAL explode(l) AS e(c)",
    "left join of a lateral count": "SELECT id, n FROM a LEFT JOIN LATERAL (SELECT count(*) n FROM b WHERE id = a.id)",
    "where of a lateral view": "SELECT id, c FROM a LATERAL VIEW explode(l) e AS c WHERE e.c > 1 AND s <> 'y'",
    "where of an outer lateral view": "SELECT id, c FROM a LATERAL VIEW OUTER explode(l) AS c WHERE c IS NULL OR c = 1",
    "where of two lateral views": "SELECT col FROM a LATERAL VIEW explode(l) AS c LATERAL VIEW explode(l) w "
    "WHERE c < 2",
    "a generator in an expression": "SELECT 1 + explode(l) FROM a",
    "a generator in order by": "SELECT id FROM a ORDER BY explode(l)",
    "a whole table in count": "SELECT count(a.*) FROM a",
    "having a key and not an alias": "SELECT s AS t, 2 AS s FROM a GROUP BY ALL HAVING s = 'x'",
    "having a key of a rollup": "SELECT sum(id) AS s FROM a GROUP BY ROLLUP (id, s) HAVING s = 'x'",
    "having an aggregate of a name": "SELECT s, sum(id) AS id FROM a GROUP BY s HAVING sum(id) > 1 AND max(id) = id",
    "positions in grouping sets": "SELECT s, id + 1, count(*) FROM a GROUP BY GROUPING SETS ((1), (2), ())",
    "positions in a rollup": "SELECT id, s, count(*) FROM a GROUP BY ROLLUP (2, 1)",
    "pipes that set one after another": "FROM a |> DROP l |> EXTEND 1 AS z |> SET z = id + 5, id = z + 1",
    "pipes from values": "VALUES (1, 'x') AS t(i, s) |> WHERE t.i = 1 |> SELECT t.s",
    "pipes with an aggregate that is none": "FROM a |> AGGREGATE id GROUP BY s",
    "a column twice in EXCEPT": "SELECT * EXCEPT (l, id, l) FROM a",
    "a lateral subquery with a name": "SELECT a.s, x.n, x.m FROM a, LATERAL (SELECT count(*) AS n, max(v) AS m FROM "
    "VALUES (1, 10), (1, 20) AS u (k, v) WHERE u.k = a.id) AS x ORDER BY x.m, a.s",
    "a lateral subquery with names of columns": "SELECT x.*, a.id FROM a LEFT JOIN LATERAL (SELECT v, v + 1 FROM "
    "VALUES (1, 10), (1, 20) AS u (k, v) WHERE k = id) AS x (v, w) ON x.v > 10",
    "qualify without a window": "SELECT id FROM a QUALIFY id = 1",
}.items():
    joins.sql(_name, f"{W} {_query}")
joins.sql("a CTE twice", "WITH a AS (SELECT 1), A AS (SELECT 2) SELECT * FROM a")
