"""Grouping sets, and what is computed of groups."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from tests.conformance.model import At, Group, rows

grouping = Group("SQL groups")
_SETS = "SELECT a, b, sum(c), {} FROM VALUES (1, 2, 10), (1, 3, 20), (2, 2, 30) t(a, b, c) GROUP BY {}"
for _number, _keys in (
    ("grouping_id()", "GROUPING SETS ((a, b), (), ())"),
    ("grouping_id()", "a, ROLLUP(a, b)"),
    ("grouping_id()", "ROLLUP(a, b) HAVING grouping_id() > 0"),
    ("grouping_id(a, b)", "a, b GROUPING SETS (b, (), (a, b))"),
    ("count(*)", "a, b GROUPING SETS (b)"),
):
    grouping.sql(f"{_number} GROUP BY {_keys}", _SETS.format(_number, _keys))

T = "VALUES (1, 2), (4, 2), (3, 0) AS t(a, b)"
for _query in (
    f"a AS k, k + 1 AS x FROM {T} GROUP BY k",
    f"b AS k, sum(a) AS s, k + 1 AS x, s + k AS y FROM {T} GROUP BY k",
    f"b, explode(sort_array(collect_list(a))) AS x FROM {T} GROUP BY b ORDER BY b, x",
    f"b, sum(a), explode(map(max(a), min(a))) AS (k, v), b + 1 FROM {T} GROUP BY ALL HAVING b >= 0",
    f"explode(sort_array(collect_set(b))) FROM {T}",
):
    grouping.sql(_query, f"SELECT {_query}")
for _query in (
    "SELECT DISTINCT v FROM t",
    "SELECT v FROM t UNION SELECT v FROM t",
    "SELECT v FROM t EXCEPT SELECT v FROM t",
):
    grouping.sql(f"of variants: {_query}", f"WITH t AS (SELECT parse_json('1') AS v) {_query}")
for _call in ("listagg(a, b)", "string_agg(DISTINCT a, upper(b))", "listagg(a, chr(44)) WITHIN GROUP (ORDER BY a)"):
    grouping.sql(f"{_call} by b", f"SELECT {_call} FROM VALUES ('p', 'x'), ('q', 'x') AS t(a, b) GROUP BY b")
grouping.sql("a cross join with a condition", f"SELECT * FROM {T} CROSS JOIN {T.replace('t(', 'u(')} ON t.a = u.a")


@grouping.run
def a_delimiter_of_a_frame(spark: Any, at: At) -> Any:
    frame = spark.sql("SELECT 'p' AS a, 'x' AS b")
    return rows(frame.groupBy("b").agg(F.listagg("a", F.col("b"))))
