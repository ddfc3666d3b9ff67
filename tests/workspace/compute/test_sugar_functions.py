"""SQL and Python functions that users create."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def tables(client: Any) -> Any:
    """The shared session in a schema with the table `t` and some functions."""
    for statement in (
        "CREATE SCHEMA main.routines",
        "USE main.routines",
        "CREATE TABLE t AS SELECT * FROM VALUES (1, 'a', 10), (2, 'a', 20), (3, 'b', NULL) AS t(id, k, v)",
        "CREATE TEMPORARY FUNCTION inc(x INT) RETURNS INT RETURN x + 1",
        "CREATE TEMPORARY FUNCTION area(x DOUBLE, y DOUBLE DEFAULT 2 COMMENT 'height') RETURNS DOUBLE RETURN x * y",
        "CREATE TEMPORARY FUNCTION total(key STRING) RETURNS BIGINT RETURN SELECT sum(v) FROM t WHERE k = key",
        "CREATE TEMPORARY FUNCTION top(n INT) RETURNS TABLE (i INT, k STRING) RETURN SELECT id, k FROM t WHERE id <= n",
        "CREATE TEMPORARY FUNCTION label(x INT, s STRING) RETURNS STRING LANGUAGE PYTHON AS $$\n"
        "  # it's a comment; with :marks\n  return None if x is None else f'{s}{x}'\n$$",
    ):
        client.sql(statement)
    return client


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=repr)


CALLS: dict[str, list[tuple[Any, ...]]] = {
    "SELECT inc(inc(id)) AS n FROM t WHERE inc(id) = 2": [(3,)],
    "SELECT area(3) AS a, area(3, 4) AS b, area(y => 5, x => 2) AS c": [(6.0, 12.0, 10.0)],
    "SELECT DISTINCT k, total(k) AS s FROM t": [("a", 30), ("b", None)],
    "SELECT id FROM t WHERE total(t.k) = 30": [(1,), (2,)],
    "SELECT f.i FROM top(2) AS f WHERE f.i > 1": [(2,)],
    "SELECT k, max(inc(id)) AS m FROM t GROUP BY ALL": [("a", 3), ("b", 4)],
    "SELECT label(id, k) AS l FROM t WHERE id < 3": [("a1",), ("a2",)],
}


@pytest.mark.parametrize("sql", CALLS, ids=list(CALLS))
def test_calls(tables: Any, sql: str) -> None:
    assert rows(tables.sql(sql)) == CALLS[sql]


def test_what_the_client_registers_comes_before_functions_of_the_schema(tables: Any) -> None:
    tables.sql("CREATE FUNCTION twice(x INT) RETURNS INT RETURN x * 2")
    assert rows(tables.sql("SELECT twice(2) AS n")) == [(4,)]
    tables.udf.register("twice", lambda x: -x, "int")
    assert rows(tables.sql("SELECT twice(2) AS n, routines.twice(2) AS m")) == [(-2, 4)]


def test_a_result_is_named_after_the_call_and_frames_can_go_on_with_it(tables: Any) -> None:
    assert tables.sql("SELECT inc(id) FROM t").columns == ["inc(id)"]
    assert rows(tables.sql("SELECT label(id, k) AS l FROM t").filter("l = 'b3'")) == [("b3",)]
    assert rows(tables.table("t").filter("area(id, 2) > 4").selectExpr("inc(id) AS n")) == [(4,)]


ERRORS = {
    "SELECT inc()": "WRONG_NUM_ARGS",
    "SELECT inc(1, 2)": "WRONG_NUM_ARGS",
    "SELECT nosuch(1)": "UNRESOLVED_ROUTINE",
    "CREATE TEMPORARY FUNCTION inc(x INT) RETURN x": "ROUTINE_ALREADY_EXISTS",
    "CREATE TEMPORARY FUNCTION bad(x INT) RETURN x + missing": "UNRESOLVED_COLUMN",
    "DROP FUNCTION nosuch": "ROUTINE_NOT_FOUND",
    "SELECT area(rand() , 1) + twice(rand())": "UNSUPPORTED_BY_ENGINE",
}


@pytest.mark.parametrize("sql", ERRORS, ids=list(ERRORS))
def test_errors(tables: Any, sql: str) -> None:
    tables.sql("CREATE OR REPLACE TEMPORARY FUNCTION twice(x DOUBLE) RETURN x + x + (SELECT max(id) FROM t)")
    with pytest.raises(Exception, match=ERRORS[sql]):
        tables.sql(sql).collect()


def test_described_listed_and_dropped(tables: Any) -> None:
    text = "\n".join(row[0] for row in tables.sql("DESCRIBE FUNCTION EXTENDED label").collect())
    assert "PYTHON" in text
    assert "s STRING" in text
    assert rows(tables.sql("SHOW SYSTEM FUNCTIONS LIKE 'abs'")) == [("abs",)]
    tables.sql("CREATE TEMPORARY FUNCTION gone(x INT) RETURN x")
    tables.sql("DROP TEMPORARY FUNCTION gone")
    with pytest.raises(Exception, match="UNRESOLVED_ROUTINE"):
        tables.sql("SELECT gone(1)").collect()


def test_functions_of_the_catalog_are_there_for_the_sdk_views_and_other_schemas(tables: Any, engine: Any) -> None:
    from databricks.sdk import WorkspaceClient

    tables.sql("CREATE FUNCTION kept(x INT DEFAULT 1) RETURNS INT COMMENT 'c' RETURN x + (SELECT count(*) FROM t)")
    wire = WorkspaceClient(host=engine.lab.workspace.url, token=engine.token).functions.get("main.routines.kept")
    assert (wire.routine_definition, wire.full_data_type, wire.comment) == (
        "x + (SELECT count(*) FROM t)",
        "INT",
        "c",
    )
    assert [one.type_text for one in wire.input_params.parameters] == ["int"]
    tables.sql("CREATE VIEW calling AS SELECT kept(id) AS n FROM t")
    tables.sql("CREATE SCHEMA main.elsewhere")
    tables.sql("USE main.elsewhere")
    assert rows(tables.sql("SELECT main.routines.kept() AS a, routines.kept(2) AS b")) == [(4, 5)]
    assert rows(tables.table("main.routines.calling")) == [(4,), (5,), (6,)]
    tables.sql("USE main.routines")
    assert ("main.routines.kept",) in rows(tables.sql("SHOW USER FUNCTIONS"))
    tables.sql("CREATE OR REPLACE FUNCTION kept(x INT) RETURNS INT RETURN x")
    assert rows(tables.table("calling")) == [(1,), (2,), (3,)]
    tables.sql("DROP FUNCTION kept")
    with pytest.raises(Exception, match="UNRESOLVED_ROUTINE"):
        tables.sql("SELECT kept(1)").collect()
