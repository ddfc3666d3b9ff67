"""Queries inside of expressions."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from tests.conformance.model import At, Group, rows

subqueries = Group("SQL subqueries")
A = "a AS (SELECT * FROM VALUES (1, 'x', 10), (2, 'y', 20), (3, NULL, 30), (NULL, 'z', 40) AS t(id, s, v))"
B = "b AS (SELECT * FROM VALUES (1, 100), (1, 101), (2, 200), (5, NULL) AS t(k, w))"
W = f"WITH {A}, {B}, e AS (SELECT * FROM b WHERE k > 9)"

for _name, _query in {
    "IN as a value": "SELECT id, id IN (SELECT k FROM b) FROM a",
    "IN in CASE": "SELECT id, CASE WHEN id IN (SELECT k FROM b) THEN 'in' ELSE 'out' END FROM a",
    "NOT IN as a value": "SELECT id, id NOT IN (SELECT k FROM b), NOT (id IN (SELECT k FROM b) AND v > 1) FROM a",
    "NOT IN with nulls": "SELECT id, id NOT IN (SELECT w FROM b), (id IN (SELECT w FROM b)) IS NULL FROM a",
    "IN nothing": "SELECT id, id IN (SELECT k FROM e), id NOT IN (SELECT k FROM e) FROM a",
    "IN of several columns": "SELECT id, (id, v) IN (SELECT k, 10 FROM b) AS f FROM a",
    "IN inside an aggregate": "SELECT count_if(id IN (SELECT k FROM b)), count_if(id NOT IN (SELECT k FROM b)) FROM a",
    "IN of an aggregate": "SELECT s, max(id) IN (SELECT k FROM b) FROM a GROUP BY s",
    "IN as a group": "SELECT id IN (SELECT k FROM b), count(*) FROM a GROUP BY 1",
    "IN in a window": "SELECT id, row_number() OVER (PARTITION BY id IN (SELECT k FROM b) ORDER BY v) AS n FROM a",
    "IN as a filter": "SELECT id FROM a WHERE v > (SELECT avg(v) FROM a) OR id IN (SELECT k FROM b)",
    "NOT IN as a filter": "SELECT id FROM a WHERE id NOT IN (SELECT k FROM b)",
    "NOT IN nulls as a filter": "SELECT id FROM a WHERE id NOT IN (SELECT w FROM b)",
    "IN with a correlation": "SELECT id FROM a WHERE id IN (SELECT k FROM b WHERE b.w > a.v * 5)",
    "IN of a pair as a filter": "SELECT id FROM a WHERE (id, s) NOT IN (SELECT 1, 'x')",
    "EXISTS as a value": "SELECT id, EXISTS (SELECT 1 FROM b WHERE b.k = a.id) AND v > 10 AS f FROM a",
    "NOT EXISTS": "SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.id)",
    "a correlated maximum": "SELECT id, (SELECT max(w) FROM b WHERE b.k = a.id) AS m FROM a",
    "a correlated count": "SELECT id, (SELECT count(*) FROM b WHERE b.k = a.id) AS n FROM a",
    "no rows": "SELECT (SELECT k FROM e) AS k",
    "too many rows": "SELECT (SELECT k FROM b) AS k",
    "inside an aggregate": "SELECT sum((SELECT max(w) FROM b)) AS s FROM a",
    "in HAVING": "SELECT s, sum(v) AS t FROM a GROUP BY s HAVING sum(v) > (SELECT min(v) FROM a)",
    "nested": "SELECT id, (SELECT sum(w) FROM b WHERE b.k = a.id AND b.w > (SELECT min(v) FROM a)) AS t FROM a",
    "in COALESCE": "SELECT coalesce((SELECT max(w) FROM b WHERE b.k = a.id), 0) + 1 AS m FROM a",
    "NOT IN nulls beside OR": "SELECT id FROM a WHERE id NOT IN (SELECT w FROM b) OR v = 20",
    "NOT IN nulls in CASE": "SELECT id FROM a WHERE CASE WHEN id NOT IN (SELECT w FROM b) THEN true ELSE v = 10 END",
    "NOT IN of a pair with nulls": "SELECT id FROM a WHERE (id, v) NOT IN (SELECT k, w FROM b WHERE k > 4)",
    "IN of a correlated count": "SELECT id FROM a WHERE id IN (SELECT count(*) + 3 FROM b WHERE b.k = a.id)",
    "NOT IN with a correlation": "SELECT id FROM a WHERE id NOT IN (SELECT k FROM b WHERE w > v * 5)",
    "NOT IN nulls with a correlation": "SELECT id, v FROM a WHERE v NOT IN (SELECT w FROM b WHERE k = id)",
    "NOT IN with a correlation and OR": "SELECT v FROM a WHERE v NOT IN (SELECT w FROM b WHERE k = a.id) OR v = 10",
    "a maximum of a correlated count": "SELECT id, (SELECT max(n) FROM (SELECT count(*) n FROM b WHERE k = id)) FROM a",
    "a constant where HAVING is true": "SELECT id, (SELECT 'no' FROM b WHERE k = id HAVING count(*) = 0) AS x FROM a",
    "a test of a correlated count": "SELECT id, (SELECT count(*) IS NULL FROM b WHERE k = id) AS x FROM a",
    "a correlated count by a key": "SELECT id, (SELECT count(*) FROM b WHERE k = id GROUP BY k) AS x FROM a",
    "a count by a key": "SELECT id, (SELECT count(*) FROM b WHERE k = 9 GROUP BY k) AS x FROM a",
    "a correlated count and HAVING": "SELECT id, (SELECT count(*) FROM b WHERE k = id HAVING true) AS x FROM a",
    "a test of a correlated count as a filter": "SELECT id FROM a WHERE (SELECT count(*) >= 0 FROM b WHERE k = a.id)",
    "EXISTS of an aggregate": "SELECT id FROM a WHERE EXISTS (SELECT max(w) FROM b WHERE b.k = a.id)",
    "EXISTS with HAVING": "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k = a.id HAVING count(*) = 0)",
    "IS NOT NULL beside OR": "SELECT id FROM a WHERE v = 40 OR (id IS NOT NULL AND id NOT IN (SELECT k FROM b))",
    "a CTE in other letters": "SELECT A.id FROM A JOIN (SELECT * FROM B) x ON x.k = a.id AND x.w > 100",
    "lateral with explode": "SELECT a.id, l.x FROM a CROSS JOIN LATERAL explode(array(a.id, a.v)) AS l(x)",
}.items():
    subqueries.sql(_name, f"{W} {_query}")


@subqueries.run
def totals_of_a_frame(spark: Any, at: At) -> Any:
    outer = spark.sql("SELECT * FROM VALUES (1), (2), (null) t(a)")
    matching = spark.sql("SELECT * FROM VALUES (1, 10), (1, null) t(c, d)").where(F.col("c") == F.col("a").outer())
    totals = [F.sum("d"), F.coalesce(F.sum("d"), F.lit(0)), F.count("*").isNull(), F.count("*") + 1]
    return rows(outer.select("a", *[matching.agg(one).scalar().alias(f"x{at}") for at, one in enumerate(totals)]))
