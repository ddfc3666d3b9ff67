"""Global temporary views: one session names a plan, and the others of the cluster read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas
import pytest
from pyspark.errors import AnalysisException, UnsupportedOperationException
from pyspark.sql import functions as F

from tests.workspace.compute.engine_support import Engine


@pytest.fixture
def other(engine: Engine, spark: Any) -> Iterator[Any]:
    """Another session; the views of both are dropped."""
    session = engine.client()
    yield session
    for view in spark.catalog.listTables("global_temp"):
        spark.catalog.dropGlobalTempView(view.name)
    session.stop()


def test_another_session_reads_what_the_plan_gives_now(spark: Any, other: Any) -> None:
    spark.sql("CREATE TABLE t AS SELECT 1 AS i")
    spark.table("t").createGlobalTempView("numbers")
    spark.sql("CREATE GLOBAL TEMPORARY VIEW Named(k) AS SELECT i FROM t")
    spark.sql("INSERT INTO t VALUES (2)")
    assert other.sql("SELECT sum(numbers.i) AS s FROM global_temp.numbers").first().s == 3
    assert sorted(row.k for row in other.table("global_temp.named").filter("k > 0").collect()) == [1, 2]


def test_data_of_the_client_and_kept_rows_are_there_for_others_too(spark: Any, other: Any) -> None:
    frame = pandas.DataFrame({"a": range(100_000), "s": ["twenty characters..."] * 100_000})
    spark.createDataFrame(frame).createOrReplaceGlobalTempView("sent")
    kept = spark.range(4).cache()
    assert kept.count() == 4
    kept.createGlobalTempView("kept")
    assert other.sql("SELECT max(a) AS m FROM global_temp.sent").first().m == 99_999
    assert other.table("global_temp.kept").count() == 4


def test_what_is_in_it_is_what_its_author_has(spark: Any, other: Any) -> None:
    for session, number in ((spark, 1), (other, 2)):
        session.range(number).createOrReplaceTempView("inner_view")
        session.sql(f"DECLARE OR REPLACE VARIABLE shared_number INT DEFAULT {number}")
        session.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION shared_function() RETURNS INT RETURN {number}")
    query = "SELECT count(*) AS n, max(shared_number) AS v, max(shared_function()) AS f FROM inner_view"
    spark.sql(query).createGlobalTempView("then")
    spark.sql(f"CREATE GLOBAL TEMP VIEW now AS {query}")
    spark.createDataFrame([(index,) for index in range(3)], "id long").createOrReplaceTempView("inner_view")
    spark.sql("SET VAR shared_number = 3")
    for session in (spark, other):
        assert session.table("global_temp.then").first() == (1, 1, 1)
        assert session.sql("SELECT * FROM global_temp.now").first() == (3, 3, 1)


def test_functions_of_its_reader_are_not_run_in_it(spark: Any, other: Any) -> None:
    spark.udf.register("of_author", lambda: "author", "string")
    spark.sql("SELECT of_author() AS f").createGlobalTempView("by_text")
    spark.range(1).select(F.call_function("of_author").alias("f")).createGlobalTempView("by_plan")
    spark.range(1).select(F.call_udf("of_author").alias("f")).createGlobalTempView("by_udf")
    other.udf.register("of_author", lambda: "reader", "string")
    for view in ("by_text", "by_plan", "by_udf"):
        assert spark.table(f"global_temp.{view}").first().f == "author"
        with pytest.raises(UnsupportedOperationException, match="of_author"):
            other.table(f"global_temp.{view}").collect()


def test_they_are_listed_described_and_dropped(spark: Any, other: Any) -> None:
    spark.range(1).createOrReplaceGlobalTempView("once")
    spark.range(2).createOrReplaceGlobalTempView("Once")
    assert [tuple(row) for row in other.sql("SHOW VIEWS IN global_temp").collect()] == [("global_temp", "once", True)]
    assert [(v.name, v.namespace, v.isTemporary) for v in other.catalog.listTables("global_temp")] == [
        ("once", ["global_temp"], True)
    ]
    assert other.catalog.tableExists("global_temp.once") and not other.catalog.tableExists("once")
    assert other.sql("DESCRIBE global_temp.once").first().data_type == "bigint"
    other.sql("DROP VIEW global_temp.once")
    assert not spark.catalog.tableExists("global_temp.once") and not spark.catalog.dropGlobalTempView("once")


@pytest.mark.parametrize(
    ("statement", "condition"),
    [
        ("CREATE GLOBAL TEMP VIEW v AS SELECT 2", "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS"),
        ("CREATE OR REPLACE GLOBAL TEMP VIEW v AS SELECT * FROM global_temp.v", "RECURSIVE_VIEW"),
        ("CREATE GLOBAL TEMP VIEW elsewhere.w AS SELECT 1", "TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS"),
        ("SELECT * FROM global_temp.w", "TABLE_OR_VIEW_NOT_FOUND"),
        ("DROP VIEW global_temp.w", "TABLE_OR_VIEW_NOT_FOUND"),
    ],
)
def test_what_cannot_be_named_is_an_error_by_class(spark: Any, other: Any, statement: str, condition: str) -> None:
    spark.sql("CREATE GLOBAL TEMP VIEW v AS SELECT 1 AS a")
    with pytest.raises(AnalysisException) as raised:
        other.sql(statement).collect()
    assert raised.value.getCondition() == condition
    assert other.table("global_temp.v").first().a == 1


def test_a_view_whose_table_has_gone_says_so(spark: Any, other: Any) -> None:
    spark.sql("CREATE TABLE gone AS SELECT 1 AS i")
    spark.table("gone").createGlobalTempView("over_it")
    spark.sql("DROP TABLE gone")
    with pytest.raises(AnalysisException) as raised:
        other.table("global_temp.over_it").collect()
    assert raised.value.getCondition() == "TABLE_OR_VIEW_NOT_FOUND"
