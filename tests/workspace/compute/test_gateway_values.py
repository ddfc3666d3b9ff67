"""Values as Databricks gives them, where Sail alone gives others.

Expected: JVM Spark 4.2.0 with `spark.sql.ansi.enabled=true`, each statement run there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.errors import PySparkException

BIG = 2**63 - 1
#: Query -> rows.
SQL: dict[str, list[tuple[Any, ...]]] = {
    "SELECT a + 1, typeof(a + b), typeof(c + c), a + b * 2 - c FROM VALUES (1, 2L, 3Y) t(a, b, c)": [
        (2, "bigint", "tinyint", 2)
    ],
    "SELECT a + 1 AS x FROM VALUES (1), (5) t(a) ORDER BY x - 1 DESC": [(6,), (2,)],
    "SELECT b, sum(a) + b FROM VALUES (1, 2L), (3, 2L) t(a, b) GROUP BY b": [(2, 6)],
    "SELECT a + 1, count(*) * 2 FROM VALUES (1) t(a) GROUP BY a + 1": [(2, 2)],
    "SELECT sum(a) OVER (PARTITION BY b ORDER BY a) + 1 FROM VALUES (9223372036854775806L, 1) t(a, b)": [(BIG,)],
    "WITH c AS (SELECT a + 1 AS x FROM VALUES (1) t(a)) SELECT x * 2 FROM c": [(4,)],
    "SELECT a FROM VALUES (1) t(a) WHERE EXISTS (SELECT 1 FROM VALUES (2) u(b) WHERE b = t.a + 1)": [(1,)],
    "SELECT transform(array(1, 2), (x, i) -> x * 2 + i), aggregate(array(1, 2), 0L, (s, x) -> s + x)": [([2, 5], 3)],
    "SELECT a - -b, -a, a + null, a + 1.5 FROM VALUES (1, 2) t(a, b)": [(3, -1, None, 2.5)],
    "SELECT '5' + a, s * 1.5 FROM VALUES (1, '7') t(a, s)": [(6, 10.5)],
    "SELECT typeof(f + 1), f + 1 FROM VALUES (1.5F) t(f)": [("double", 2.5)],
    "SELECT -2147483648, typeof(-2147483648), -9223372036854775808, -128Y": [(-(2**31), "int", -(2**63), -128)],
    "SELECT array_contains(a, 2) FROM VALUES (array(1, null)), (array(1, 2)), (array(1)), (null) t(a)": [
        (None,),
        (True,),
        (False,),
        (None,),
    ],
    "SELECT count(*) FROM VALUES (array(1, null)) t(a) WHERE NOT array_contains(a, 2)": [(0,)],
    "SELECT extract(DAY FROM d - e) FROM VALUES (date'2020-01-05', date'2020-01-01') t(d, e)": [(4,)],
}
INT, SMALL = "ARITHMETIC_OVERFLOW", "BINARY_ARITHMETIC_OVERFLOW"
#: Query -> error class.
FAILS = {
    "SELECT 2147483647 + 1": INT,
    "SELECT 127Y + 1Y": SMALL,
    "SELECT 32767S * 2S": SMALL,
    "SELECT 9223372036854775807 + 1": INT,
    "SELECT -2147483648 - 1": INT,
    "SELECT -a FROM VALUES (-2147483648) t(a)": INT,
    "SELECT sum(a) FROM VALUES (9223372036854775807L), (1L) t(a)": INT,
    "SELECT sum(a) OVER () FROM VALUES (9223372036854775807L), (1L) t(a)": INT,
    "SELECT sum(a * b) FROM VALUES (3037000500L, 3037000500L) t(a, b)": INT,
    "SELECT transform(array(2147483647), x -> x + 1)": INT,
    "SELECT aggregate(array(1, 2147483647), 0, (s, x) -> s + x)": INT,
    "SELECT 1 % 0": "REMAINDER_BY_ZERO",
}


@pytest.mark.parametrize("query", SQL)
def test_sql_values(client: Any, query: str) -> None:
    frame = client.sql(query)
    assert [tuple(row) for row in frame.collect()] == SQL[query]


@pytest.mark.parametrize("query", FAILS)
def test_sql_errors(client: Any, query: str) -> None:
    with pytest.raises(Exception, match=r"\[" + FAILS[query]) as caught:
        client.sql(query).collect()
    assert type(caught.value).__name__ == "ArithmeticException"


def test_names_of_columns_stay(client: Any) -> None:
    frame = client.sql("SELECT a + 1, sum(b), abs(a - 1) FROM VALUES (1, 2L) t(a, b) GROUP BY a")
    assert frame.columns == ["(a + 1)", "sum(b)", "abs((a - 1))"]


def test_statements_that_change_tables(spark: Any) -> None:
    spark.sql("CREATE TABLE t AS SELECT 2147483647 AS a, 1L AS b")
    spark.sql("CREATE VIEW v AS SELECT a + 1 AS x FROM t")
    for statement in (
        "UPDATE t SET a = a + 1",
        "INSERT INTO t SELECT a + 1, b FROM t",
        "DELETE FROM t WHERE abs(a + 1) = b",
        "MERGE INTO t USING (SELECT 1L AS b) s ON t.b = s.b WHEN MATCHED THEN UPDATE SET a = t.a + 1",
        "CREATE TABLE u AS SELECT a * 2 AS x FROM t",
        "SELECT x FROM v",
    ):
        with pytest.raises(Exception, match=r"\[ARITHMETIC_OVERFLOW"):
            spark.sql(statement).collect()
    spark.sql("UPDATE t SET a = a - 1, b = b * 3")
    assert [tuple(row) for row in spark.table("t").collect()] == [(2147483646, 3)]


def frames(spark: Any) -> dict[str, tuple[Callable[[], Any], Any]]:
    """Data frames, with their rows or an error class."""
    from pyspark.sql import functions as f
    from pyspark.sql.window import Window

    a, b = f.col("a"), f.col("b")
    small = spark.createDataFrame([(1, 2), (3, 4)], "a int, b long")
    large = spark.createDataFrame([(2**31 - 1, BIG), (3, 4)], "a int, b long")
    lists = spark.createDataFrame([([1, None],), ([2],), (None,)], "x array<int>")
    window = Window.partitionBy(a - a)
    t, u = small.alias("t"), small.alias("u")
    return {
        "select": (lambda: small.select(a + 1, (b * 2).alias("c")), [(2, 4), (4, 8)]),
        "select past the end": (lambda: large.select(a + 1), INT),
        "withColumn": (
            lambda: small.withColumn("c", -a).withColumn("d", f.col("c") - b),
            [(1, 2, -1, -3), (3, 4, -3, -7)],
        ),
        "sum": (lambda: large.agg(f.sum("b")), INT),
        "grouped": (lambda: small.groupBy(a - a).agg(f.sum("b") + 1, f.count("*") * 2), [(0, 7, 4)]),
        "window": (lambda: large.select(f.sum("b").over(window)), INT),
        "selectExpr": (lambda: small.selectExpr("a + 1", "sum(b) OVER () AS s", "*"), [(2, 6, 1, 2), (4, 6, 3, 4)]),
        "selectExpr past the end": (lambda: large.selectExpr("b * 2"), INT),
        "filter": (lambda: large.filter("a + 1 = b - 1"), INT),
        "join": (lambda: t.join(u, f.col("t.a") == f.col("u.b") - 1).select("t.a"), [(1,), (3,)]),
        "lambda": (lambda: large.select(f.transform(f.array("a"), lambda x: x + 1)), INT),
        "array_contains": (lambda: lists.select(f.array_contains("x", 2)), [(None,), (True,), (None,)]),
        "arguments": (lambda: spark.sql("SELECT a + :n FROM VALUES (1) t(a)", args={"n": 2**31 - 1}), INT),
        "data frame in SQL": (lambda: spark.sql("SELECT a + 1 FROM {t}", t=large), INT),
    }


def test_data_frames(client: Any) -> None:
    wrong = {}
    for name, (frame, expected) in frames(client).items():
        try:
            found: Any = [tuple(row) for row in frame().collect()]
        except PySparkException as error:
            found = error.getCondition()
        if found != expected:
            wrong[name] = found
    assert not wrong


def test_names_of_a_data_frames_columns_stay(client: Any) -> None:
    frame = client.createDataFrame([(1, 2)], "a int, b long")
    assert frame.select(frame.a + 1).columns == ["(a + 1)"]
    assert frame.groupBy("a").sum("b").columns == ["a", "sum(b)"]


def test_partition_columns_have_types(client: Any) -> None:
    frame = client.createDataFrame([(1, 9, "2024-01-01"), (2, 10, "2024-01-02")], "a int, n int, d string")
    frame.write.partitionBy("n", "d").parquet("dbfs:/partitioned")
    read = client.read.parquet("dbfs:/partitioned")
    assert read.dtypes == [("a", "int"), ("n", "int"), ("d", "date")]
    assert [row.a for row in read.filter("n > 9").collect()] == [2]


def test_a_map_is_exploded(client: Any) -> None:
    from pyspark.sql import functions as f

    frame = client.sql("SELECT map('a', 1) AS m, array(1, 2) AS x")
    frame.createOrReplaceTempView("maps")
    assert frame.select(f.explode("m")).columns == ["key", "value"]
    assert [tuple(row) for row in frame.select(f.explode("m").alias("k", "v")).collect()] == [("a", 1)]
    assert frame.select(f.explode("x")).columns == ["col"]
    for query in (
        "SELECT explode(m) FROM maps",
        "SELECT explode_outer(m) AS (k, v) FROM maps",
        "SELECT k, v FROM maps LATERAL VIEW explode(m) e AS k, v",
    ):
        assert [tuple(row) for row in client.sql(query).collect()] == [("a", 1)], query
    assert client.sql("SELECT explode(x) FROM maps").columns == ["col"]


def test_statistics_come_in_order(client: Any) -> None:
    frame = client.createDataFrame([(1,), (3,)], "a int")
    assert [row.summary for row in frame.describe().collect()] == ["count", "mean", "stddev", "min", "max"]
    assert [row.a for row in frame.summary("max", "count").collect()] == ["3", "2"]


#: Query -> error class, exception.
CLASSES = {
    "SELECT element_at(array(1, 2), 3)": ("INVALID_ARRAY_INDEX_IN_ELEMENT_AT", "ArrayIndexOutOfBoundsException"),
    "SELECT CAST('abc' AS TIMESTAMP)": ("CAST_INVALID_INPUT", "DateTimeException"),
    "SELECT CAST('abc' AS BOOLEAN)": ("CAST_INVALID_INPUT", "SparkRuntimeException"),
    "SELECT next_day('2020-01-01', 'xx')": ("ILLEGAL_DAY_OF_WEEK", "IllegalArgumentException"),
    "SELECT make_date(2020, 13, 1)": ("DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION", "DateTimeException"),
    "SELECT CAST(123456 AS DECIMAL(4, 1))": ("NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "ArithmeticException"),
    "SELECT true = 1": ("DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "AnalysisException"),
}


@pytest.mark.parametrize("query", CLASSES)
def test_error_classes(client: Any, query: str) -> None:
    with pytest.raises(Exception, match=r"\[") as caught:
        client.sql(query).collect()
    error: Any = caught.value
    assert (error.getCondition(), type(error).__name__) == CLASSES[query]


TYPES = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}
ORDER = list(TYPES)
SPECIAL = {kind: [-(2**bits), 2**bits - 1, 0, 1, -1] for kind, bits in TYPES.items()}


def values_of(kind: str) -> Any:
    bits = TYPES[kind]
    return st.tuples(st.just(kind), st.integers(-(2**bits), 2**bits - 1) | st.sampled_from(SPECIAL[kind]))


def larger(inner: Any) -> Any:
    return st.tuples(st.sampled_from("+-*"), inner, inner) | st.tuples(st.just("neg"), inner)


columns = st.sampled_from(ORDER).flatmap(values_of)
trees = st.recursive(st.integers(0, 2), larger, max_leaves=4)


class Overflow(Exception):
    pass


def exact(tree: Any, values: list[tuple[str, int]]) -> tuple[str, int]:
    """Type and value by Spark's rules, in Python's integers."""
    if isinstance(tree, int):
        return values[tree]
    operands = [exact(part, values) for part in tree[1:]]
    kind = max((kind for kind, _ in operands), key=ORDER.index)
    numbers = [number for _, number in operands]
    value = {"+": sum, "-": lambda n: n[0] - n[1], "*": lambda n: n[0] * n[1], "neg": lambda n: -n[0]}[tree[0]](numbers)
    if not -(2 ** TYPES[kind]) <= value < 2 ** TYPES[kind]:
        raise Overflow
    return kind, value


def text(tree: Any) -> str:
    if isinstance(tree, int):
        return "abc"[tree]
    return f"(- {text(tree[1])})" if tree[0] == "neg" else f"({text(tree[1])} {tree[0]} {text(tree[2])})"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(columns, min_size=3, max_size=3), trees)
def test_integer_arithmetic_is_exact_or_an_error(client: Any, values: list[tuple[str, int]], tree: Any) -> None:
    source = ", ".join(
        f"CAST('{value}' AS {kind}) AS {name}" for name, (kind, value) in zip("abc", values, strict=True)
    )
    query = f"SELECT {text(tree)} AS x, typeof({text(tree)}) AS t FROM (SELECT {source})"
    try:
        kind, value = exact(tree, values)
    except Overflow:
        with pytest.raises(Exception, match="ARITHMETIC_OVERFLOW"):
            client.sql(query).collect()
        return
    assert tuple(client.sql(query).collect()[0]) == (value, kind)


def test_a_condition_keeps_another_of_a_change_from_failing(client: Any) -> None:
    client.sql(
        "CREATE OR REPLACE TABLE guarded AS SELECT * FROM VALUES (1, 2, '1'), (4, 2, '7'), (3, 0, 'x') t(a, b, s)"
    )
    client.sql("UPDATE guarded SET a = 9 WHERE b <> 0 AND a / b > 1")
    client.sql("DELETE FROM guarded WHERE s < 'a' AND CAST(s AS INT) = 1 OR b = 0 OR a % b = 5")
    assert [tuple(row) for row in client.table("guarded").collect()] == [(9, 2, "7")]
