"""Session variables, parameter markers, IDENTIFIER, EXECUTE IMMEDIATE, SET and EXPLAIN."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pyspark.errors import ParseException
from pyspark.sql import functions as F


@pytest.fixture(scope="module")
def tables(client: Any) -> Any:
    """The shared session in a schema with the table `t`."""
    for statement in (
        "CREATE SCHEMA main.bound",
        "USE main.bound",
        "CREATE TABLE t AS SELECT * FROM VALUES (1, 'a', 10), (2, 'a', 20), (3, 'b', NULL) AS t(id, k, v)",
    ):
        client.sql(statement)
    return client


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.collect()]


def test_a_variable_is_a_value_where_no_column_has_its_name(tables: Any) -> None:
    tables.sql("DECLARE VARIABLE x INT DEFAULT 5")
    tables.sql("DECLARE OR REPLACE y = 'abc'")
    frame = tables.sql("SELECT x, session.x + 1 AS n, system.session.y, (SELECT max(id) + x FROM t) AS m")
    assert (frame.columns, rows(frame)) == (["x", "n", "y", "m"], [(5, 6, "abc", 8)])
    assert rows(tables.sql("SELECT x FROM (SELECT 7 AS x)")) == [(7,)]
    assert rows(tables.sql("SELECT id AS x, x FROM t AS x WHERE x.id = 1")) == [(1, 1)]
    tables.sql("SET VAR x = x - 3, y = concat(y, 'd')")
    assert rows(tables.sql("SELECT id, y FROM t WHERE id = x")) == [(2, "abcd")]
    tables.sql("SET VARIABLE (x, y) = (SELECT id, k FROM t WHERE id = 3)")
    assert rows(tables.sql("SELECT x, y")) == [(3, "b")]
    tables.sql("SET VAR x = DEFAULT")
    assert rows(tables.sql("SELECT x").filter("x > 4")) == [(5,)]
    for sql, condition in {
        "DECLARE x INT": "VARIABLE_ALREADY_EXISTS",
        "SET VAR nosuch = 1": "UNRESOLVED_VARIABLE",
        "SET VAR (x, y) = (SELECT id, k FROM t)": "ROW_SUBQUERY_TOO_MANY_ROWS",
    }.items():
        with pytest.raises(Exception, match=condition):
            tables.sql(sql)
    tables.sql("DROP TEMPORARY VARIABLE x")
    with pytest.raises(Exception, match="UNRESOLVED_COLUMN"):
        tables.sql("SELECT x").collect()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM (SELECT id, v FROM pairs) UNPIVOT ((x) FOR n IN ((id), (v)))", [("id", 1), ("v", 2)]),
        ("SELECT * FROM pairs PIVOT (sum(v + own) FOR id IN (1))", [(9,)]),
        ("SELECT z FROM pairs LATERAL VIEW explode(array(id, own)) e AS z", [(1,), (7,)]),
        ("SELECT a.v FROM pairs AS a JOIN pairs AS b ON a.id = b.id AND a.v < own", [(2,)]),
        ("SELECT x FROM pairs, LATERAL (SELECT v + own AS x)", [(9,)]),
        ("SELECT o FROM (SELECT own AS o FROM pairs)", [(7,)]),
    ],
)
def test_names_in_what_is_read_are_columns_of_what_stands_before(tables: Any, query: str, expected: list[Any]) -> None:
    tables.sql("CREATE OR REPLACE TEMPORARY VIEW pairs AS SELECT 1 AS id, 2 AS v")
    for name, value in {"id": 9, "v": 8, "own": 7}.items():
        tables.sql(f"DECLARE OR REPLACE VARIABLE {name} = {value}")
    try:
        assert sorted(rows(tables.sql(query))) == expected
    finally:
        for name in ("id", "v", "own"):
            tables.sql(f"DROP TEMPORARY VARIABLE {name}")


def test_a_column_of_the_changed_table_comes_before_a_variable(tables: Any) -> None:
    tables.sql("CREATE TABLE c AS SELECT * FROM VALUES (1, 0), (2, 0), (3, 0) AS c(id, v)")
    tables.sql("DECLARE OR REPLACE v = 9")
    tables.sql("DECLARE OR REPLACE one = 1")
    tables.sql("UPDATE c SET v = v + session.v WHERE id = one")
    tables.sql("DELETE FROM c WHERE v = 0 AND id = one + 1")
    tables.sql("MERGE INTO c USING (SELECT 3 AS id) s ON c.id = s.id WHEN MATCHED THEN UPDATE SET v = one")
    assert rows(tables.sql("SELECT * FROM c ORDER BY id")) == [(1, 9), (3, 1)]


def test_markers_in_every_statement(tables: Any) -> None:
    day = dt.date(2020, 1, 2)
    tables.sql(
        "CREATE OR REPLACE TABLE IDENTIFIER(:n) AS SELECT :v AS v, :d AS d, :l AS l",
        args={"n": "main.bound.made", "v": 1.5, "d": day, "l": [1, 2]},
    )
    tables.sql("UPDATE made SET v = :v WHERE d = :d", args={"v": -2.5, "d": day})
    tables.sql("INSERT INTO made VALUES (:v, :d, array(:a))", args={"v": 1, "d": day, "a": 5})
    tables.sql("DELETE FROM made WHERE v > ? AND d = ?", args=[0, day])
    source = "MERGE INTO made USING (SELECT :v AS v) s ON made.v = s.v WHEN MATCHED THEN UPDATE SET v = :w"
    tables.sql(source, args={"v": -2.5, "w": 7})
    assert rows(tables.sql("SELECT * FROM made")) == [(7.0, day, [1, 2])]
    with pytest.raises(Exception, match="UNBOUND_SQL_PARAMETER"):
        tables.sql("SELECT id FROM t WHERE id = :nosuch", args={"i": 3})
    found = tables.sql("SELECT IDENTIFIER(:c) FROM IDENTIFIER(:t) WHERE id = :i", args={"c": "k", "t": "t", "i": 3})
    assert rows(found.filter("k = 'b'")) == [("b",)]


def test_markers_are_literals_where_an_expression_may_not_stand(tables: Any) -> None:
    text = "SELECT DATE'2020-01-10' + INTERVAL ? DAY AS d"
    for value, day in ((3, 13), (-3, 7), ("3", 13), (F.lit("-3").cast("int"), 7)):
        assert rows(tables.sql(text, args=[value])) == [(dt.date(2020, 1, day),)]
    found = tables.sql("SELECT TIMESTAMP'2020-01-10 00:00:00' - INTERVAL -:d DAYS :h HOURS", args={"d": 1, "h": 2})
    assert rows(found) == [(dt.datetime(2020, 1, 10, 22),)]
    assert tables.sql("SELECT :n", args={"n": F.lit("3").cast("bigint")}).columns == ["3"]
    for wrong in ("INTERVAL :n DAY", "INTERVAL -(:n) DAY", "INTERVAL id DAY"):
        with pytest.raises(ParseException, match="PARSE_SYNTAX_ERROR") as error:
            tables.sql(f"SELECT DATE'2020-01-10' + {wrong} FROM t", args={"n": 1.5}).collect()
        assert "span" not in str(error.value)


def test_values_of_markers_keep_their_kind(tables: Any) -> None:
    values = {"s": "it's \\ \n", "b": True, "d": Decimal("1.20"), "t": dt.datetime(2020, 1, 2, 3, 4, 5), "n": None}
    found = tables.sql(
        "SELECT :s AS s, :b AS b, :d AS d, :t AS t, :n AS n, ':s' AS q, `x:s` FROM (SELECT 1 AS `x:s`)", values
    )
    assert rows(found) == [(*values.values(), ":s", 1)]


def test_execute_immediate(tables: Any) -> None:
    assert rows(tables.sql("EXECUTE IMMEDIATE 'SELECT id FROM t WHERE id = ?' USING 2")) == [(2,)]
    assert rows(tables.sql("EXECUTE IMMEDIATE 'SELECT :a + :b AS s' USING (5 AS a, 1 + 1 AS b)")) == [(7,)]
    tables.sql("DECLARE OR REPLACE n INT")
    tables.sql("EXECUTE IMMEDIATE 'SELECT count(*) FROM t' INTO n")
    assert rows(tables.sql("SELECT n")) == [(3,)]
    tables.sql("EXECUTE IMMEDIATE 'CREATE OR REPLACE TABLE immediate AS SELECT 1 AS a'")
    assert rows(tables.table("immediate")) == [(1,)]
    insert = r"EXECUTE IMMEDIATE 'INSERT INTO IDENTIFIER(?) SELECT length(\'it\'\'s\')' USING 'immediate'"
    tables.sql(insert)
    assert rows(tables.table("immediate").orderBy("a")) == [(1,), (4,)]
    assert rows(tables.sql("EXECUTE IMMEDIATE 'SELECT ? AS a, ? AS b' USING ',', ')'")) == [(",", ")")]


def test_set_and_reset(tables: Any) -> None:
    tables.sql("SET my.key = a value")
    assert rows(tables.sql("SET my.key")) == [("my.key", "a value")]
    assert ("my.key", "a value") in rows(tables.sql("SET"))
    assert tables.sql("SET -v").columns == ["key", "value", "meaning", "Since version"]
    tables.sql("RESET my.key")
    assert rows(tables.sql("SET my.key")) == [("my.key", "<undefined>")]
    for reset in ("RESET spark.sql.session.timeZone", "RESET"):
        own = rows(tables.sql("SELECT current_timezone()"))
        tables.sql("SET TIME ZONE 'Europe/Madrid'")
        assert rows(tables.sql("SELECT current_timezone()")) == [("Europe/Madrid",)]
        tables.sql(reset)
        assert rows(tables.sql("SELECT current_timezone()")) == own


def test_explain_is_one_row_and_atomic_scripts_are_refused(tables: Any) -> None:
    for mode in ("", "EXTENDED", "FORMATTED", "COST"):
        frame = tables.sql(f"EXPLAIN {mode} SELECT * FROM t QUALIFY row_number() OVER (ORDER BY id) = 1")
        assert frame.columns == ["plan"]
        assert "Physical Plan" in frame.collect()[0][0]
    with pytest.raises(Exception, match=r"UNSUPPORTED_BY_ENGINE.*BEGIN"):
        tables.sql("BEGIN ATOMIC SELECT 1; END")
