"""Queries that refer to themselves."""

from __future__ import annotations

from tests.conformance.model import Group

recursion = Group("SQL recursion")
R = "WITH RECURSIVE r(n)"


def counted(limit: str = "", anchor: str = "SELECT 1", value: str = "n + 1") -> str:
    """A series; without a limit it does not end."""
    return f"AS ({anchor} UNION ALL SELECT {value} FROM r{limit and f' WHERE n < {limit}'})"


for _name, _query in {
    "a series": f"{R} {counted('5')} SELECT sum(n) AS s FROM r",
    "all levels": f"{R} {counted('100')} SELECT max(n) AS m FROM r",
    "too many levels": f"{R} {counted()} SELECT count(*) AS c FROM r",
    "more levels": f"{R} MAX RECURSION LEVEL 300 {counted('250')} SELECT max(n) AS m FROM r",
    "fewer levels": f"{R} MAX RECURSION LEVEL 3 {counted()} SELECT * FROM r",
    "a limit": f"{R} {counted()} SELECT * FROM r LIMIT 3",
    "an aggregate with a limit": f"{R} {counted('5')} SELECT sum(n) AS s FROM r LIMIT 1",
    "rows of rows with a limit": f"{R} {counted('3')} SELECT explode(array(n, n)) AS e FROM r LIMIT 5",
    "UNION": f"{R} AS (SELECT 1 UNION SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r",
    "other types": f"{R} {counted('3', value='n + 1L')} SELECT * FROM r",
    "no anchor": f"{R} AS (SELECT n FROM r) SELECT * FROM r",
    "nothing to start from": f"{R} {counted(anchor='SELECT id FROM range(1) WHERE id > 5')} SELECT * FROM r",
    "nulls after the anchor": f"{R} AS (SELECT 1 n UNION ALL SELECT nullif(n, 1) FROM r WHERE n > 0) SELECT * FROM r",
    "an aggregate in the step": f"{R} AS (SELECT 1 n UNION ALL SELECT max(n) + 1 FROM r WHERE n < 3) SELECT * FROM r",
    "an outer join in the step": f"{R} AS (SELECT 1 n UNION ALL SELECT 2 FROM range(1) LEFT JOIN r) SELECT * FROM r",
    "used twice": f"{R} {counted('3')} SELECT a.n, b.n FROM r a JOIN r b ON a.n < b.n",
    "in a subquery": f"SELECT * FROM ({R} {counted('3', 'VALUES (1)')} SELECT n FROM r) x",
}.items():
    recursion.sql(_name, _query)
recursion.sql(
    "a tree",
    "CREATE TABLE o (id INT, boss INT, name STRING)",
    "INSERT INTO o VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, 1, 'd')",
    "WITH RECURSIVE t AS (SELECT id, name AS path, 0 AS depth FROM o WHERE boss IS NULL UNION ALL "
    "SELECT o.id, concat(t.path, '/', o.name), t.depth + 1 FROM o JOIN t ON o.boss = t.id) SELECT * FROM t",
)
for _kind in ("VIEW", "TABLE"):
    recursion.sql(f"a {_kind.lower()}", f"CREATE {_kind} v AS {R} {counted('4')} SELECT n FROM r", "SELECT * FROM v")
