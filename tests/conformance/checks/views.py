"""Views and SQL functions: what they keep of their making when their tables change, and what they may not refer to."""

from __future__ import annotations

from tests.conformance.model import Group

views = Group("views and functions")
q = views.sql
TABLE = "CREATE TABLE t (a INT, b INT) USING delta"
MADE = "CREATE VIEW v {mode} AS SELECT * FROM t"

for _mode, _columns, _row in (
    ("", "a BIGINT, b INT", "5000000000, 2"),
    ("", "c STRING, b SMALLINT, a STRING", "'x', 2, '1'"),
    ("", "a STRING, b INT", "'x', 2"),
    ("", "a INT", "1"),
    ("WITH SCHEMA BINDING", "a BIGINT, b INT", "1, 2"),
    ("WITH SCHEMA BINDING", "b TINYINT, c STRING, a SMALLINT", "2, 'x', 1"),
):
    q(
        " ".join(f"a view {_mode} of a table that is ({_columns}) now".split()),
        TABLE,
        MADE.format(mode=_mode),
        f"CREATE OR REPLACE TABLE t ({_columns}) USING delta",
        f"INSERT INTO t VALUES ({_row})",
        "SELECT * FROM v",
    )
q(
    "a view that is no longer binding",
    TABLE,
    "CREATE VIEW v (`x y`) WITH SCHEMA BINDING AS SELECT a + b AS n FROM t",
    "CREATE OR REPLACE TABLE t (a BIGINT, b INT) USING delta",
    "INSERT INTO t VALUES (1, 2)",
    "ALTER VIEW v WITH SCHEMA COMPENSATION",
    "SELECT * FROM v",
)
q("a view with a name twice", "CREATE VIEW twice (a, a) AS SELECT 1, 2")
q("a view of a query with a name twice", "CREATE VIEW twin AS SELECT 1 AS a, 2 AS a")
q("a view with names for columns that are alike", "CREATE VIEW v (a, b) AS SELECT 1, 1", "SELECT * FROM v")
