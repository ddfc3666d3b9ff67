"""Grouping sets."""

from __future__ import annotations

from tests.conformance.model import Group

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
