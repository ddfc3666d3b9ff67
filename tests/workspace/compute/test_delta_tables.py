"""`DeltaTable` against an engine: what the module inside a task, and the package `delta-spark`, ask for."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import Column
from pyspark.sql.connect import functions as F

from brickyard.runtime.delta.builders import IdentityGenerator
from brickyard.runtime.delta.tables import DeltaTable


@pytest.fixture
def table(spark: Any) -> DeltaTable:
    spark.sql("CREATE TABLE t (id INT, s STRING, n INT)")
    spark.sql("INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
    return DeltaTable.forName(spark, "t")


def rows(table: DeltaTable) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in table.toDF().collect())


def test_a_merge_says_how_many_rows_it_changed_and_runs_once(spark: Any, table: DeltaTable) -> None:
    news = spark.createDataFrame([(2, "B", 20), (4, "D", 40), (5, "E", 0)], "id int, s string, n int")
    merge = table.alias("t").merge(news.alias("s"), F.col("t.id") == F.col("s.id"))
    merge = merge.whenMatchedUpdate(set={"s": "s.s", "n": F.col("t.n") + F.col("s.n")})
    merge = merge.whenNotMatchedInsert(condition="s.n > 0", values={"id": "s.id", "n": F.lit(7)})
    done = merge.whenNotMatchedBySourceDelete("t.id = 1").execute()
    assert done.columns == ["num_affected_rows", "num_updated_rows", "num_deleted_rows", "num_inserted_rows"]
    assert tuple(done.collect()[0]) == (3, 1, 1, 1)
    assert rows(table) == [(2, "B", 22), (3, "c", 3), (4, None, 7)]


def test_a_merge_adds_columns_where_it_is_told_to(spark: Any, table: DeltaTable) -> None:
    news = spark.createDataFrame([(2, "B", True), (9, "x", False)], "id int, s string, e boolean")
    merge = table.alias("t").merge(news.alias("u"), "t.id = u.id").whenMatchedUpdateAll().whenNotMatchedInsertAll()
    with pytest.raises(PySparkException, match="DELTA_MERGE_UNRESOLVED_EXPRESSION"):
        merge.execute()
    merge.withSchemaEvolution().execute()
    wanted = [(1, "a", 1, None), (2, "B", 2, True), (3, "c", 3, None), (9, "x", None, False)]
    assert rows(table) == wanted
    spark.conf.set("spark.databricks.delta.schema.autoMerge.enabled", "true")
    try:
        more = "(SELECT 1 AS id, 'A' AS s, 'new' AS z)"
        spark.sql(f"MERGE INTO t USING {more} u ON t.id = u.id WHEN MATCHED THEN UPDATE SET *")
    finally:
        spark.conf.unset("spark.databricks.delta.schema.autoMerge.enabled")
    assert rows(table)[0] == (1, "A", 1, None, "new")


def test_columns_of_data_frames_are_told_apart(spark: Any, table: DeltaTable) -> None:
    news = spark.createDataFrame([(3, "C", 30), (9, "x", 1)], "id int, s string, n int")
    table.merge(news, table.toDF().id == news.id).whenMatchedDelete().whenNotMatchedInsertAll().execute()
    assert rows(table) == [(1, "a", 1), (2, "b", 2), (9, "x", 1)]


CONDITIONS: dict[str, Column | str] = {
    "text": "id = 2 OR s = 'c'",
    "operators": (F.col("id") > 1) & ~(F.col("s") == "it's"),
    "in": F.col("id").isin(2, 3),
    "between": F.col("n").between(2, 3),
    "like": F.col("s").rlike("[bc]") & F.col("s").like("_"),
    "functions": F.upper("s") != F.lit("A"),
    "null": F.when(F.col("id") > 1, F.lit(1)).otherwise(None).isNotNull(),
    "cast": F.col("id").cast("string").substr(1, 1) >= "2",
    "constants": (F.lit(datetime.date(2024, 1, 2)) < F.lit(datetime.datetime(2024, 1, 3)))
    & (F.col("id") > Decimal("1.50")),
    "lambda": F.exists(F.array("id"), lambda one: one > 1),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_rows_are_deleted_under_a_condition(table: DeltaTable, case: str) -> None:
    assert table.delete(CONDITIONS[case]).collect()[0].num_affected_rows == 2
    assert rows(table) == [(1, "a", 1)]


def test_rows_are_updated(table: DeltaTable) -> None:
    table.update(F.col("id") == 3, {"n": F.col("n") * 10, "s": F.concat("s", F.lit("!"))})
    table.alias("x").update(set={"x.s": "upper(x.s)"})
    assert rows(table) == [(1, "A", 1), (2, "B", 2), (3, "C!", 30)]


def test_asking_for_the_schema_of_a_change_changes_nothing(spark: Any, table: DeltaTable) -> None:
    from pyspark.sql.connect.dataframe import DataFrame

    from brickyard.runtime.delta.messages import message
    from brickyard.runtime.delta.plans import DeltaPlan

    asked = message("DeltaRelation")()
    asked.delete_from_table.SetInParent()
    frame = DataFrame(DeltaPlan(asked, [(asked.delete_from_table, "target", table.toDF()._plan)]), spark)
    assert frame.columns == ["num_affected_rows"]
    assert len(rows(table)) == 3


def test_a_table_by_path_and_its_history(spark: Any, table: DeltaTable) -> None:
    place = table.detail().collect()[0].location
    assert DeltaTable.isDeltaTable(spark, place) and not DeltaTable.isDeltaTable(spark, f"{place}/none")
    by_path = DeltaTable.forPath(spark, place)
    by_path.delete("id = 1")
    assert [row.operation for row in table.history(1).collect()] == ["DELETE"]
    by_path.restoreToVersion(1)
    assert len(rows(table)) == 3
    assert table.optimize().executeCompaction().count() == 1
    table.optimize().executeZOrderBy("id")
    assert table.vacuum().count() == 0


def test_tables_are_built(spark: Any) -> None:
    builder = DeltaTable.createIfNotExists(spark).tableName("made").comment("all").property("k", "v")
    builder = builder.addColumn("id", "INT", nullable=False, comment="key").addColumn("p", "STRING").partitionedBy("p")
    made = builder.execute()
    assert made.toDF().schema.simpleString() == "struct<id:int,p:string>"
    assert made.detail().collect()[0].partitionColumns == ["p"]
    with pytest.raises(PySparkException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        DeltaTable.create(spark).tableName("made").addColumn("id", "INT").execute()
    DeltaTable.createOrReplace(spark).tableName("made").addColumns(spark.range(1).schema).execute()
    assert spark.table("made").columns == ["id"]


@pytest.mark.parametrize(
    "call",
    [
        lambda spark, table: table.update(set=None),
        lambda spark, table: table.update(set={1: "x"}),
        lambda spark, table: table.delete(7),
        lambda spark, table: table.merge("t", "a = b"),
        lambda spark, table: IdentityGenerator(step=0),
    ],
)
def test_wrong_arguments_are_refused_by_name(spark: Any, table: DeltaTable, call: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        call(spark, table)


def test_a_missing_table_is_an_error_at_once(spark: Any) -> None:
    with pytest.raises(PySparkException, match="TABLE_OR_VIEW_NOT_FOUND"):
        DeltaTable.forName(spark, "none")
    with pytest.raises(PySparkException, match="PATH_NOT_FOUND"):
        DeltaTable.forPath(spark, "dbfs:/none")
