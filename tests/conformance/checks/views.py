"""Views and SQL functions: what they keep of their making when their tables change, and what they may not refer to."""

from __future__ import annotations

from tests.conformance.model import Group

views = Group("views and functions")
q = views.sql
TABLE = "CREATE TABLE t (a INT, b INT) USING delta"
MADE = "CREATE VIEW v {mode} AS SELECT * FROM t"
#: What a text needs in which these words are.
NEEDS = {
    "FROM t": "CREATE TABLE IF NOT EXISTS t (a INT, s STRUCT<n: INT>) USING delta",
    "passing": "CREATE OR REPLACE TEMP VIEW passing AS SELECT 1 AS a",
    "passes": "CREATE OR REPLACE TEMPORARY FUNCTION passes(a INT) RETURNS INT RETURN a",
    "five": "DECLARE OR REPLACE five INT DEFAULT 5",
}

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
views.vendor(
    "a view of a view whose table has other columns by now",
    TABLE,
    MADE.format(mode=""),
    "CREATE OR REPLACE TABLE t (b BIGINT, a STRING) USING delta",
    "INSERT INTO t VALUES (2, '7')",
    "CREATE VIEW above (p, q) AS SELECT a, a FROM v",
    "SELECT typeof(p), p, q FROM above",
    expected=[("int", 7, 7)],
    source="https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-view",
)
q("a view with a name twice", "CREATE VIEW twice (a, a) AS SELECT 1, 2")
q("a view of a query with a name twice", "CREATE VIEW twin AS SELECT 1 AS a, 2 AS a")
q("a view with names for columns that are alike", "CREATE VIEW v (a, b) AS SELECT 1, 1", "SELECT * FROM v")
q(
    "struct() of parameters, variables and aliases names its fields",
    NEEDS["five"],
    "CREATE OR REPLACE TEMPORARY FUNCTION both(a INT, b STRING) RETURN struct(a, b, a + 1, five)",
    "SELECT both(1, 'x') AS s, 1 AS one, struct(one, x, session.five) AS t FROM VALUES (2) AS r(x)",
)
for _text in (
    "VIEW x AS SELECT count(*) FROM t",
    "VIEW x AS SELECT a + 1 FROM t UNION ALL SELECT 1",
    "VIEW x AS SELECT CAST(a + 1 AS STRING) FROM t",
    "VIEW x AS SELECT CAST(a AS STRING), 1, 'x', s.n, DATE'2020-01-01' FROM t",
    "VIEW x AS SELECT * FROM passing",
    "VIEW x AS SELECT passes(a) AS a FROM t",
    "VIEW x AS SELECT five AS a",
    "FUNCTION x() RETURNS INT RETURN passes(1)",
    "FUNCTION x() RETURNS INT RETURN (SELECT max(a) FROM passing)",
    "FUNCTION x() RETURNS INT RETURN five",
    "FUNCTION x(a INT, A INT) RETURNS INT RETURN 1",
    "FUNCTION x() RETURNS TABLE (a INT, A INT) RETURN SELECT 1, 2",
    "FUNCTION x() RETURNS TABLE () RETURN SELECT 1",
    "FUNCTION x() RETURNS TABLE (a INT) RETURN SELECT 1, 2",
    "FUNCTION x() RETURNS TABLE (a INT) RETURN 1",
    "FUNCTION x(a INT NOT NULL) RETURNS INT RETURN 1",
    "FUNCTION x(a INT DEFAULT 1, b INT) RETURNS INT RETURN 1",
    "FUNCTION x(a INT DEFAULT (SELECT 1)) RETURNS INT RETURN 1",
    "FUNCTION x(a INT, b INT DEFAULT a) RETURNS INT RETURN 1",
    "FUNCTION x() RETURNS INT RETURN (SELECT 1, 2)",
    "FUNCTION x(a INT) RETURNS INT RETURN sum(a) + 1",
    "FUNCTION x() RETURNS INT CONTAINS SQL RETURN SELECT max(a) FROM t",
):
    q(f"CREATE {_text}", *(made for named, made in NEEDS.items() if named in _text), f"CREATE {_text}")
NEAR = "CREATE OR REPLACE TEMP VIEW near AS SELECT * FROM VALUES (0, 1), (0, 2), (1, 2) AS r(a, b)"
MORE = "CREATE OR REPLACE TEMPORARY FUNCTION more(x INT) RETURNS TABLE (n INT) RETURN SELECT b FROM near WHERE a = x"
NEXT = "CREATE OR REPLACE TEMPORARY FUNCTION next(x INT) RETURNS TABLE (a INT) RETURN SELECT x + 1"
for _text in (
    "* FROM near, LATERAL more(a)",
    "near.a, f.n + 1 AS m FROM near, LATERAL more(near.a) AS f WHERE f.n > 1",
    "near.a, n FROM near LEFT JOIN LATERAL more(b) AS f ON f.n < 9",
    "near.a, f.a, f.* FROM near, LATERAL next(near.a) AS f",
):
    q(f"SELECT {_text}", NEAR, MORE, NEXT, f"SELECT {_text}")
q(
    "what is told of a view without its table",
    TABLE,
    "CREATE OR REPLACE VIEW v (x COMMENT 'one', b) AS SELECT a AS n, decimal(b) FROM t",
    "DROP TABLE t",
    "DESCRIBE v",
)
FAR = "CREATE OR REPLACE TEMP VIEW far AS SELECT 100 AS d"
ITSELF = "CREATE OR REPLACE TEMPORARY FUNCTION itself(n INT) RETURNS INT RETURN "
for _name, _body, _text in (
    ("a WITH", "WITH far AS (SELECT n + 1 AS d) SELECT d + n FROM far", "SELECT itself(1), itself(5), d FROM far"),
    ("a SELECT", "SELECT size(transform(array(n), x -> x + n)) + n", "SELECT itself(d) FROM far"),
    ("a subquery", "(SELECT n * 2 AS twice)", "SELECT itself(d), max(itself(d)) FROM far GROUP BY d"),
):
    q(f"a function that is {_name}", FAR, f"{ITSELF}{_body}", _text)
q(
    "a WITH inside a statement that has its name outside",
    FAR,
    "SELECT * FROM (WITH far AS (SELECT 1 AS d) SELECT d AS e FROM far) AS a, far QUALIFY rank() OVER (ORDER BY e) = 1",
)
