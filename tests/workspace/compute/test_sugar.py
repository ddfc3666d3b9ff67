"""SQL that users of Databricks expect and that Sail does not have by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

T = "CREATE TABLE t AS SELECT * FROM VALUES (1, 'a', 10), (2, 'a', 20), (3, 'b', NULL) AS t(id, k, v)"
J = """CREATE TABLE j AS SELECT '{"a": {"b": [1, {"c": 2}]}}' AS s"""

QUERIES: dict[str, tuple[str, list[str], list[tuple[Any, ...]]]] = {
    "QUALIFY": (
        "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY id) = 1",
        ["id", "k", "v"],
        [(1, "a", 10), (3, "b", None)],
    ),
    "QUALIFY with an alias, ORDER BY and LIMIT": (
        "SELECT id, rank() OVER (PARTITION BY k ORDER BY id) AS r FROM t QUALIFY r = 1 ORDER BY v DESC LIMIT 1",
        ["id", "r"],
        [(1, 1)],
    ),
    "QUALIFY over groups": (
        "SELECT k, sum(v) AS s FROM t GROUP BY k QUALIFY rank() OVER (ORDER BY sum(v) DESC) = 1",
        ["k", "s"],
        [("a", 30)],
    ),
    "EXCEPT": ("SELECT * EXCEPT (k) FROM t", ["id", "v"], [(1, 10), (2, 20), (3, None)]),
    "EXCEPT of one input": (
        "SELECT a.v, b.* EXCEPT (id, v) FROM t a JOIN t b ON a.id = b.id WHERE a.id = 1",
        ["v", "k"],
        [(10, "a")],
    ),
    "EXCEPT of a field": (
        "SELECT * EXCEPT (s.x) FROM (SELECT named_struct('x', 1, 'y', 2) AS s, 1 AS z)",
        ["s", "z"],
        [((2,), 1)],
    ),
    "EXCEPT in a function": (
        "SELECT to_json(struct(* EXCEPT (v))) AS j FROM t LIMIT 1",
        ["j"],
        [('{"id":1,"k":"a"}',)],
    ),
    "a qualified star over USING": (
        "SELECT a.*, b.* EXCEPT (k) FROM t a JOIN t b USING (id) WHERE id = 1",
        ["id", "k", "v", "id", "v"],
        [(1, "a", 10, 1, 10)],
    ),
    "GROUP BY ALL": ("SELECT k, count(*) AS n FROM t GROUP BY ALL", ["k", "n"], [("a", 2), ("b", 1)]),
    "GROUP BY ALL of aggregates only": ("SELECT count(*) AS n FROM t GROUP BY ALL", ["n"], [(3,)]),
    "ORDER BY ALL": ("SELECT k, id FROM t ORDER BY ALL DESC LIMIT 1", ["k", "id"], [("b", 3)]),
    "a lateral alias": ("SELECT id + 1 AS a, a * 2 AS b FROM t WHERE id = 1", ["a", "b"], [(2, 4)]),
    "a column before a lateral alias": ("SELECT id AS v, v AS w FROM t WHERE id = 1", ["v", "w"], [(1, 10)]),
    "PIVOT": (
        "SELECT * FROM (SELECT k, v FROM t) PIVOT (sum(v) FOR k IN ('a' AS x, 'b', 'c'))",
        ["x", "b", "c"],
        [(30, None, None)],
    ),
    "PIVOT with two aggregates": (
        "SELECT * FROM t PIVOT (sum(v) AS s, count(id) FOR k IN ('a', 'c'))",
        ["a_s", "a_count(id)", "c_s", "c_count(id)"],
        [(30, 2, None, None)],
    ),
    "PIVOT by two columns": (
        "SELECT * FROM t PIVOT (max(v) FOR (k, id) IN (('a', 1) AS x, ('a', 2)))",
        ["x", "{a, 2}"],
        [(10, 20)],
    ),
    "UNPIVOT": (
        "SELECT * FROM t UNPIVOT (x FOR c IN (id AS i, v)) WHERE k = 'b'",
        ["k", "c", "x"],
        [("b", "i", 3)],
    ),
    "UNPIVOT INCLUDE NULLS": (
        "SELECT * FROM t UNPIVOT INCLUDE NULLS (x FOR c IN (id, v)) WHERE k = 'b'",
        ["k", "c", "x"],
        [("b", "id", 3), ("b", "v", None)],
    ),
    "UNPIVOT of two values": (
        "SELECT * FROM (SELECT 1 AS a, 2 AS b, 3 AS c, 4 AS d) UNPIVOT ((x, y) FOR n IN ((a, b) AS p, (c, d)))",
        ["n", "x", "y"],
        [("p", 1, 2), ("c_d", 3, 4)],
    ),
    "TABLESAMPLE ROWS": ("SELECT count(*) AS n FROM t TABLESAMPLE (2 ROWS)", ["n"], [(2,)]),
    "TABLESAMPLE PERCENT": ("SELECT count(*) AS n FROM t AS x TABLESAMPLE (100 PERCENT)", ["n"], [(3,)]),
    "FROM first": ("FROM t SELECT id WHERE id = 1", ["id"], [(1,)]),
    "pipes": (
        "FROM t |> WHERE id < 3 |> EXTEND v + id AS w |> SET v = 0 |> DROP k |> WHERE t.id = 2",
        ["id", "v", "w"],
        [(2, 0, 22)],
    ),
    "a pipe that aggregates": (
        "FROM t |> AGGREGATE sum(v) AS s, count(*) AS n GROUP BY k |> ORDER BY k",
        ["k", "s", "n"],
        [("a", 30, 2), ("b", None, 1)],
    ),
    "a pipe that joins": (
        "FROM t |> AS x |> JOIN t AS y ON x.id = y.id |> SELECT x.id, y.k |> WHERE id = 3",
        ["id", "k"],
        [(3, "b")],
    ),
    "a pipe of a whole table": ("TABLE t |> WHERE t.id = 2 |> SELECT t.k", ["k"], [("a",)]),
    "a pipe with a table behind UNION": (
        "(SELECT * FROM t WHERE id = 1) |> UNION ALL TABLE t |> WHERE id = 1 |> SELECT id",
        ["id"],
        [(1,), (1,)],
    ),
    "a pipe with a named window": (
        "FROM t |> SELECT id, sum(id) OVER w AS s WINDOW w AS (PARTITION BY k ORDER BY id) |> WHERE id = 2",
        ["id", "s"],
        [(2, 3)],
    ),
    "LIKE ANY": ("SELECT id FROM t WHERE k LIKE ANY ('x', 'b%')", ["id"], [(3,)]),
    "NOT LIKE ALL": ("SELECT id FROM t WHERE k NOT LIKE ALL ('x', 'a%')", ["id"], [(3,)]),
    "a path into JSON": ("SELECT s:a.b[1].c, s:a.b[0]::int AS n FROM j", ["c", "n"], [("2", 1)]),
    "a path into a VARIANT": ("SELECT parse_json(s):a.b[0]::int AS n FROM j", ["n"], [(1,)]),
    "?::": ("SELECT '1'?::int AS a, 'x'?::int AS b", ["a", "b"], [(1, None)]),
    "DISTRIBUTE BY": ("SELECT id FROM t DISTRIBUTE BY k SORT BY id DESC", ["id"], [(3,), (2,), (1,)]),
    "CLUSTER BY": ("SELECT id FROM t CLUSTER BY id", ["id"], [(1,), (2,), (3,)]),
    "sugar inside sugar": (
        "WITH c AS (SELECT * EXCEPT (v) FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY id DESC) = 1)\n"
        "SELECT k, max(id) AS m FROM c GROUP BY ALL ORDER BY ALL",
        ["k", "m"],
        [("a", 2), ("b", 3)],
    ),
}


@pytest.fixture(scope="module")
def tables(client: Any) -> Any:
    """The shared session in a schema with the tables `t` and `j`."""
    for statement in ("CREATE SCHEMA main.sugar", "USE main.sugar", T, J):
        client.sql(statement)
    return client


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return [tuple(tuple(value) if isinstance(value, tuple) else value for value in row) for row in frame.collect()]


@pytest.mark.parametrize("case", QUERIES, ids=list(QUERIES))
def test_query(tables: Any, case: str) -> None:
    sql, columns, expected = QUERIES[case]
    frame = tables.sql(sql)
    assert frame.columns == columns
    found = rows(frame)
    in_order = " BY ALL DESC" in sql or "DISTRIBUTE" in sql or "CLUSTER" in sql
    assert (found if in_order else sorted(found, key=repr)) == (expected if in_order else sorted(expected, key=repr))


REFUSED = {
    "a missing column": ("SELECT * EXCEPT (nosuch) FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    "types that differ": ("SELECT * FROM t UNPIVOT (x FOR c IN (id, k))", "UNPIVOT_VALUE_DATA_TYPE_MISMATCH"),
    "a shared column that one side lacks": (
        "SELECT a.id FROM (SELECT 1 AS y) a JOIN (SELECT 1 AS id) b USING (id)",
        "UNRESOLVED_USING_COLUMN_FOR_JOIN",
    ),
    "a percentage above one": ("SELECT percentile_approx(id, 1.5) FROM t", "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE"),
    "no percentage": ("SELECT percentile_approx(id) FROM t", "WRONG_NUM_ARGS"),
    "a temporary view over a recursion": (
        "CREATE TEMP VIEW w AS WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) "
        "SELECT * FROM r",
        "UNSUPPORTED_BY_ENGINE.*temporary view",
    ),
    "TRANSFORM": ("SELECT TRANSFORM(id) USING 'cat' FROM t", "UNSUPPORTED_BY_ENGINE"),
    "RECURSIVE without ALL": (
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r",
        "UNION_NOT_SUPPORTED_IN_RECURSIVE_CTE",
    ),
    "a star over an outer join with USING and a lateral view": (
        "SELECT b.* FROM t a LEFT JOIN t b USING (id) LATERAL VIEW explode(array(1)) e AS x",
        "UNSUPPORTED_BY_ENGINE",
    ),
    "a random alias": ("SELECT rand() AS a, a + 1 AS b", "UNSUPPORTED_BY_ENGINE"),
}


@pytest.mark.parametrize("case", REFUSED, ids=list(REFUSED))
def test_what_cannot_be_rewritten_is_refused_by_name(tables: Any, case: str) -> None:
    sql, condition = REFUSED[case]
    with pytest.raises(Exception, match=condition):
        tables.sql(sql).collect()


def test_views_inserts_and_data_frames(tables: Any) -> None:
    tables.sql("CREATE VIEW w AS SELECT * EXCEPT (k) FROM t QUALIFY row_number() OVER (ORDER BY id DESC) = 1")
    assert rows(tables.sql("SELECT * FROM w")) == [(3, None)]
    tables.sql("CREATE TABLE made AS FROM t |> WHERE id > 2")
    tables.sql("INSERT INTO made SELECT * FROM t QUALIFY row_number() OVER (ORDER BY id) = 1")
    assert rows(tables.sql("SELECT id FROM made ORDER BY ALL")) == [(1,), (3,)]
    frame = tables.sql(
        "SELECT * EXCEPT (k) FROM {d} QUALIFY rank() OVER (ORDER BY id) = :n", d=tables.table("t"), args={"n": 2}
    )
    assert rows(frame.filter("v > 0")) == [(2, 20)]


cells = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", "c"]), st.one_of(st.none(), st.integers(-9, 9))),
    min_size=1,
    max_size=8,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells)
def test_pivot_and_unpivot_are_what_python_computes(tables: Any, data: list[tuple[int, str, int | None]]) -> None:
    values = ", ".join(f"({g}, '{k}', {'CAST(NULL AS INT)' if v is None else v})" for g, k, v in data)
    source = f"(SELECT * FROM VALUES {values} AS s(g, k, v))"
    pivoted = tables.sql(f"SELECT * FROM {source} PIVOT (sum(v) AS s, count(v) AS n FOR k IN ('a', 'b'))")
    assert sorted(rows(pivoted), key=repr) == sorted(_pivoted(data), key=repr)
    melted = tables.sql(f"SELECT * FROM {source} UNPIVOT (x FOR c IN (g, v))")
    expected = [(k, c, x) for g, k, v in data for c, x in (("g", g), ("v", v)) if x is not None]
    assert sorted(rows(melted), key=repr) == sorted(expected, key=repr)
    first = tables.sql(f"SELECT * EXCEPT (v) FROM {source} QUALIFY row_number() OVER (PARTITION BY g ORDER BY k) = 1")
    assert sorted(rows(first)) == sorted({g: (g, min(k for h, k, _ in data if h == g)) for g, _, _ in data}.values())


def _pivoted(data: list[tuple[int, str, int | None]]) -> list[tuple[Any, ...]]:
    found = []
    for group in {g for g, _, _ in data}:
        row: list[Any] = [group]
        for key in ("a", "b"):
            cell = [v for g, k, v in data if (g, k) == (group, key)]
            present = [v for v in cell if v is not None]
            row += [sum(present) if present else None, len(present) if cell else None]
        found.append(tuple(row))
    return found
