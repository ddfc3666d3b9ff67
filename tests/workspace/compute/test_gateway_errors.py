"""Errors carry the class that Databricks documents, and raise the exception that PySpark has for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from pyspark.errors import PySparkException

from brickyard.workspace.compute.engines import Capabilities
from brickyard.workspace.compute.gateway.statuses import status_of

#: What is done -> the exception's name and the error class.
CASES: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "missing table": (lambda spark: spark.table("nope").count(), "AnalysisException", "TABLE_OR_VIEW_NOT_FOUND"),
    "missing table in SQL": (
        lambda spark: spark.sql("SELECT * FROM nope"),
        "AnalysisException",
        "TABLE_OR_VIEW_NOT_FOUND",
    ),
    "missing catalog": (
        lambda spark: spark.sql("SHOW SCHEMAS IN nope"),
        "AnalysisException",
        "NO_SUCH_CATALOG_EXCEPTION",
    ),
    "missing schema": (lambda spark: spark.sql("SHOW TABLES IN nope"), "AnalysisException", "SCHEMA_NOT_FOUND"),
    "missing path": (lambda spark: spark.read.parquet("/nope").count(), "AnalysisException", "PATH_NOT_FOUND"),
    "missing column": (
        lambda spark: spark.range(1).select("nope").collect(),
        "AnalysisException",
        "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
    ),
    "missing column of an update": (
        lambda spark: spark.sql("UPDATE t SET nope = 1"),
        "AnalysisException",
        "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
    ),
    "ambiguous column": (
        lambda spark: spark.sql("SELECT id FROM t AS a JOIN t AS b ON a.id = b.id").collect(),
        "AnalysisException",
        "AMBIGUOUS_REFERENCE",
    ),
    "missing function": (
        lambda spark: spark.sql("SELECT nope(1)").collect(),
        "AnalysisException",
        "UNRESOLVED_ROUTINE",
    ),
    "missing aggregate": (
        lambda spark: spark.sql("SELECT id, count(*) FROM t").collect(),
        "AnalysisException",
        "MISSING_GROUP_BY",
    ),
    "missing in group by": (
        lambda spark: spark.sql("SELECT id, count(*) FROM t GROUP BY id + 1").collect(),
        "AnalysisException",
        "MISSING_AGGREGATION",
    ),
    "too many arguments": (
        lambda spark: spark.sql("SELECT upper('a', 'b')"),
        "AnalysisException",
        "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
    ),
    "missing version": (
        lambda spark: spark.sql("SELECT * FROM t VERSION AS OF 99").collect(),
        "AnalysisException",
        "DELTA_VERSION_NOT_FOUND",
    ),
    "time before the table": (
        lambda spark: spark.sql("SELECT * FROM t TIMESTAMP AS OF '2001-01-01'").collect(),
        "AnalysisException",
        "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
    ),
    "day before the table": (
        lambda spark: spark.read.option("timestampAsOf", "2001-01-01").table("t").count(),
        "AnalysisException",
        "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
    ),
    "syntax": (lambda spark: spark.sql("SELECT * FROM t WHERE"), "ParseException", "PARSE_SYNTAX_ERROR"),
    "syntax that only the engine sees": (
        lambda spark: spark.sql("SELECT id FROM t GROUP BY").collect(),
        "ParseException",
        "PARSE_SYNTAX_ERROR",
    ),
    "syntax of an expression": (
        lambda spark: spark.range(1).filter("id >").collect(),
        "ParseException",
        "PARSE_SYNTAX_ERROR",
    ),
    "type that is none": (lambda spark: spark.sql("CREATE TABLE n (a NOTYPE)"), "ParseException", "PARSE_SYNTAX_ERROR"),
    "division": (lambda spark: spark.sql("SELECT 1 / 0").collect(), "ArithmeticException", "DIVIDE_BY_ZERO"),
    "cast": (
        lambda spark: spark.sql("SELECT CAST('x' AS INT)").collect(),
        "NumberFormatException",
        "CAST_INVALID_INPUT",
    ),
    "cast that is too large": (
        lambda spark: spark.sql("SELECT CAST(300 AS TINYINT)").collect(),
        "ArithmeticException",
        "CAST_OVERFLOW",
    ),
    "date that is none": (
        lambda spark: spark.sql("SELECT to_date('2024-02-30', 'yyyy-MM-dd')").collect(),
        "DateTimeException",
        "CANNOT_PARSE_TIMESTAMP",
    ),
    "literal that is none": (
        lambda spark: spark.sql("SELECT date'2024-13-01'").collect(),
        "ParseException",
        "INVALID_TYPED_LITERAL",
    ),
    "two rows for one": (
        lambda spark: spark.sql(
            "MERGE INTO t USING (SELECT 1 a, 5 b UNION ALL SELECT 1, 6) u ON t.id = u.a "
            "WHEN MATCHED THEN UPDATE SET id = u.b"
        ),
        "AnalysisException",
        "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE",
    ),
    "value that does not fit": (
        lambda spark: spark.sql("UPDATE t SET id = 'abc'"),
        "NumberFormatException",
        "CAST_INVALID_INPUT",
    ),
    "what delta-rs refuses": (
        lambda spark: spark.sql("OPTIMIZE t ZORDER BY (none)"),
        "AnalysisException",
        "DELTA_ERROR",
    ),
    "an interval in a table": (
        lambda spark: spark.sql("CREATE TABLE spans AS SELECT INTERVAL '1' DAY AS d").collect(),
        "AnalysisException",
        "DELTA_UNSUPPORTED_DATA_TYPES",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_error_has_its_class_and_its_exception(spark: Any, case: str) -> None:
    spark.range(3).write.saveAsTable("t")
    action, kind, condition = CASES[case]
    with pytest.raises(PySparkException) as caught:
        action(spark)
    assert (type(caught.value).__name__, caught.value.getCondition()) == (kind, condition)
    assert str(caught.value).startswith(f"[{condition}]")
    assert [row.id for row in spark.table("t").sort("id").collect()] == [0, 1, 2]


#: A statement on a table `t` with the column `id` -> the error class. That of a query that Spark runs says so.
STATEMENTS = {
    "SELECT u.* FROM t": "CANNOT_RESOLVE_STAR_EXPAND",
    "SELECT sum(id) OVER w FROM t": "MISSING_WINDOW_SPECIFICATION",
    "SELECT id FROM t EXCEPT SELECT id, id FROM t": "NUM_COLUMNS_MISMATCH",
    "SELECT * FROM (SELECT id FROM t) AS u (a, b)": "ASSIGNMENT_ARITY_MISMATCH",
    "SELECT * FROM t ORDER BY 0": "ORDER_BY_POS_OUT_OF_RANGE",
    "SELECT id FROM t LIMIT NULL": "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE",
    "SELECT id FROM t LIMIT CAST(NULL AS INT)": "INVALID_LIMIT_LIKE_EXPRESSION.IS_NULL",
    "SELECT id FROM t UNION ALL SELECT id FROM t LIMIT 'a'": "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE",
    "SELECT upper(x -> x) FROM t": "INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION",
    "SELECT 128Y FROM t": "INVALID_NUMERIC_LITERAL_RANGE",
    "SELECT count() FROM t": "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
    "SELECT id FROM t WHERE 'a' LIKE ALL ()": "PARSE_SYNTAX_ERROR",
    "SELECT date_format(DATE'2020-01-01', 'MMMMM') FROM t": "INCONSISTENT_BEHAVIOR_CROSS_VERSION."
    "DATETIME_PATTERN_RECOGNITION",
    "SELECT * FROM range(0, 5, 0)": "FAILED_FUNCTION_CALL",
    "SELECT json_array_length(NULL) FROM t": "UNSUPPORTED_BY_ENGINE",
    "SELECT try_sum(d) FROM VALUES (INTERVAL '1' SECOND) AS u (d)": "UNSUPPORTED_BY_ENGINE",
    "SELECT _metadata.file_path FROM t": "UNSUPPORTED_BY_ENGINE",
    "SELECT 1 FROM t HAVING true": "UNSUPPORTED_BY_ENGINE",
    "SELECT id FROM t WHERE id IN (SELECT u.id FROM t AS u WHERE u.id = t.id INTERSECT SELECT id FROM t)": (
        "UNSUPPORTED_BY_ENGINE"
    ),
}


def test_what_the_engine_says_in_its_own_words_has_a_class(spark: Any) -> None:
    spark.range(3).write.saveAsTable("t")
    found = {}
    for statement in STATEMENTS:
        with pytest.raises(PySparkException) as caught:
            spark.sql(statement).collect()
        found[statement] = caught.value.getCondition()
    assert found == STATEMENTS


def test_a_long_condition_is_evaluated(spark: Any) -> None:
    condition = " OR ".join(f"id = {number}" for number in range(1000))
    assert spark.sql(f"SELECT count(*) FROM range(3000) WHERE {condition}").collect()[0][0] == 1000


def test_a_statement_that_is_too_deep_says_so() -> None:
    assert "[FAILED_TO_PARSE_TOO_COMPLEX]" in status_of(RecursionError(), Capabilities("sail")).details


def test_an_engine_that_gives_no_reason_is_named() -> None:
    class Panic(grpc.RpcError):  # what a panic of Sail ends a stream with
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.CANCELLED

        def details(self) -> str:
            return ""

        def trailing_metadata(self) -> tuple[()]:
            return ()

    status = status_of(Panic(), Capabilities("sail"))
    assert "The Spark engine 'sail' failed" in status.details and "INTERNAL_ERROR" in status.details
