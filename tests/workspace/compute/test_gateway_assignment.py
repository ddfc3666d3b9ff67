"""Values of another type than their column's: what Delta 4.4 on Spark 4.2 does with them."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.errors import PySparkException

TABLE = "CREATE TABLE t (a INT, s SMALLINT, d DECIMAL(5, 2), x STRING, b BOOLEAN, ts TIMESTAMP, dt DATE, ar ARRAY<INT>)"
ASSIGNED: dict[str, tuple[str, str, Any]] = {
    "text into a time": ("ts", "'2024-01-02T03:04:05'", datetime.datetime(2024, 1, 2, 3, 4, 5)),
    "text into a day": ("dt", "'2024-01-02'", datetime.date(2024, 1, 2)),
    "text into a number": ("a", "'12'", 12),
    "a fraction into an integer": ("a", "1.7", 1),
    "a truth value into a number": ("a", "true", 1),
    "a number into a truth value": ("b", "1", True),
    "a double into a decimal": ("d", "1.239D", Decimal("1.24")),
    "a day into text": ("x", "date'2024-01-02'", "2024-01-02"),
    "an array of texts": ("ar", "array('1', '2')", [1, 2]),
}
REFUSED = {
    "too large": ("a", "3000000000", "ArithmeticException", "CAST_OVERFLOW_IN_TABLE_INSERT"),
    "too large for a SMALLINT": ("s", "40000", "ArithmeticException", "CAST_OVERFLOW_IN_TABLE_INSERT"),
    "too many digits": ("d", "12345.6", "ArithmeticException", "CAST_OVERFLOW_IN_TABLE_INSERT"),
    "no number": ("a", "'abc'", "NumberFormatException", "CAST_INVALID_INPUT"),
    "a day into a number": (
        "a",
        "date'2024-01-02'",
        "AnalysisException",
        "DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION",
    ),
    "a number into an array": ("ar", "1", "AnalysisException", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION"),
    "a column twice": ("a, a", "1, 2", "AnalysisException", "COLUMN_ALREADY_EXISTS"),
    "too few": ("a, s", "1", "AnalysisException", "INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS"),
}


@pytest.fixture
def table(spark: Any) -> Any:
    spark.sql(TABLE)
    return spark


def test_values_are_cast_as_delta_casts_them(table: Any) -> None:
    for column, value, _ in ASSIGNED.values():
        table.sql(f"INSERT INTO t ({column}) SELECT {value}")
    found = [next(value for value in row if value is not None) for row in table.table("t").collect()]
    wanted = [value for _, _, value in ASSIGNED.values()]
    assert sorted(map(str, found)) == sorted(map(str, wanted))


@pytest.mark.parametrize("case", REFUSED)
def test_values_that_do_not_fit_are_errors(table: Any, case: str) -> None:
    columns, value, kind, condition = REFUSED[case]
    with pytest.raises(PySparkException) as caught:
        table.sql(f"INSERT INTO t ({columns}) SELECT {value}")
    assert (type(caught.value).__name__, caught.value.getCondition()) == (kind, condition)
    assert table.table("t").count() == 0


def test_updates_and_merges_cast_too(table: Any) -> None:
    table.sql("INSERT INTO t (a) VALUES (1), (2)")
    table.sql("UPDATE t SET s = '12', x = 5 WHERE a = 1")
    table.sql(
        "MERGE INTO t USING (SELECT 2 AS k, '2024-01-02' AS day) u ON t.a = u.k "
        "WHEN MATCHED THEN UPDATE SET dt = u.day, s = '13'"
    )
    table.sql("MERGE INTO t USING (SELECT '3' AS k) u ON t.a = u.k WHEN NOT MATCHED THEN INSERT (a, b) VALUES (k, 1)")
    day = datetime.date(2024, 1, 2)
    rows = [tuple(row) for row in table.sql("SELECT a, s, x, dt, b FROM t ORDER BY a").collect()]
    assert rows == [(1, 12, "5", None, None), (2, 13, None, day, None), (3, None, None, None, True)]
    with pytest.raises(PySparkException, match="DELTA_CAST_OVERFLOW_IN_TABLE_WRITE"):
        table.sql("UPDATE t SET a = a + 3000000000L")


def test_an_append_by_name_casts_and_one_by_path_does_not(table: Any) -> None:
    table.sql("SELECT '7' AS a").write.mode("append").saveAsTable("t")
    table.sql("SELECT '8' AS a").writeTo("t").append()
    assert sorted(row.a for row in table.table("t").collect()) == [7, 8]
    place = table.sql("DESCRIBE DETAIL t").collect()[0].location
    with pytest.raises(PySparkException, match="DELTA_FAILED_TO_MERGE_FIELDS"):
        table.sql("SELECT '9' AS a").write.format("delta").mode("append").save(place)
