"""Data that a session keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark import StorageLevel
from pyspark.errors import AnalysisException
from pyspark.sql import functions as F


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in frame.collect())


def test_what_is_cached_is_computed_once(spark: Any) -> None:
    base = spark.range(3)
    frame = base.withColumn("u", F.expr("uuid()"))
    assert rows(frame) != rows(frame)
    frame.cache()
    kept = rows(frame)
    assert rows(frame.filter("id >= 0")) == kept
    assert frame.select(base.id).count() == 3  # a column of what is inside
    frame.createOrReplaceTempView("v")
    spark.sql("CREATE TEMP VIEW w AS SELECT id, u FROM v")
    assert rows(spark.sql("SELECT * FROM w")) == kept
    frame.write.saveAsTable("t")
    spark.sql("INSERT OVERWRITE t SELECT * FROM v")
    assert rows(spark.table("t")) == rows(spark.sql("SELECT * FROM {f}", f=frame)) == kept
    frame.unpersist()
    assert rows(frame) != kept
    assert rows(spark.table("w")) != kept


def test_what_is_cached_is_computed_again_after_a_change(spark: Any, engine: Any) -> None:
    spark.sql("CREATE TABLE t (a INT)")
    table = spark.table("t").filter("a > 0").cache()
    assert table.count() == 0
    table.createOrReplaceTempView("v")
    through = spark.sql("SELECT a + 1 AS b FROM v").cache()
    assert through.count() == 0
    spark.sql("INSERT INTO t VALUES (1)")
    assert (table.count(), through.count()) == (1, 1)
    spark.sql("CREATE TABLE again AS SELECT 1 AS a")
    assert rows(spark.table("again").filter("a > 0").cache()) == [(1,)]
    spark.sql("DROP TABLE again")
    spark.sql("CREATE TABLE again AS SELECT 2 AS a")  # at the same place, with the same version
    assert rows(spark.table("again").filter("a > 0")) == [(2,)]
    spark.range(3).write.parquet("dbfs:/cached/p")
    files = spark.read.parquet("dbfs:/cached/p").cache()
    assert files.count() == 3
    spark.range(2).write.mode("append").parquet("dbfs:/cached/p")
    assert files.count() == 5
    text = engine.data / "dbfs" / "cached" / "c.csv"
    text.write_text("a\n1\n")
    read = spark.read.csv("dbfs:/cached/c.csv", header=True).cache()
    assert read.count() == 1
    text.write_text("a\n1\n2\n")  # nobody told Spark
    assert read.count() == 1
    spark.catalog.refreshByPath("dbfs:/cached")
    assert read.count() == 2
    text.write_text("a\n1\n")
    spark.sql("REFRESH 'dbfs:/cached/c.csv'")
    assert read.count() == 1
    text.write_text("a\n1\n2\n")
    spark.catalog.clearCache()
    assert read.count() == 2


def test_what_is_cached_is_computed_again_when_its_names_mean_something_else(spark: Any) -> None:
    spark.sql("DECLARE OR REPLACE VARIABLE kept INT DEFAULT 1")
    spark.range(1).createOrReplaceTempView("v")
    spark.sql("CREATE VIEW w AS SELECT 1 AS one")
    spark.sql("CREATE FUNCTION f(x INT) RETURNS INT RETURN x")
    spark.udf.register("g", lambda: 1, "int")
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    frames = [
        spark.sql("SELECT count(*) FROM v"),
        spark.table("v").groupBy().count(),
        spark.sql("SELECT one FROM w"),
        spark.sql("SELECT f(1)"),
        spark.sql("SELECT g()"),
        spark.sql("SELECT kept"),
        spark.sql("SELECT 1 + unix_seconds(TIMESTAMP '1970-01-01 00:00:00')"),
        spark.range(1).selectExpr("uuid()"),
    ]
    random = [frame.cache().first()[0] for frame in frames][-1]
    spark.range(2).createOrReplaceTempView("v")
    spark.sql("CREATE OR REPLACE VIEW w AS SELECT 2 AS one")
    spark.sql("CREATE OR REPLACE FUNCTION f(x INT) RETURNS INT RETURN x + 1")
    spark.udf.register("g", lambda: 2, "int")
    spark.sql("SET VAR kept = 2")
    assert [frame.first()[0] for frame in frames] == [2, 2, 2, 2, 2, 2, 1, random]
    spark.conf.set("spark.sql.session.timeZone", "Etc/GMT+1")
    assert frames[-2].first()[0] == 3601
    spark.conf.unset("spark.sql.session.timeZone")
    spark.catalog.clearCache()


def test_a_view_made_of_itself(spark: Any) -> None:
    spark.range(5).createOrReplaceTempView("v")
    for least in (1, 2):
        spark.table("v").filter(f"id >= {least}").createOrReplaceTempView("v")
    assert rows(spark.table("v").cache()) == rows(spark.sql("SELECT * FROM v")) == [(2,), (3,), (4,)]
    clone = spark.cloneSession()
    assert rows(clone.table("v")) == [(2,), (3,), (4,)]
    clone.client.release_session()
    with pytest.raises(AnalysisException, match="RECURSIVE_VIEW"):
        spark.sql("CREATE OR REPLACE TEMP VIEW v AS SELECT * FROM v")
    spark.catalog.clearCache()


def test_a_view_reads_its_tables_and_views_as_they_are_now(spark: Any) -> None:
    spark.sql("CREATE TABLE t AS SELECT 1 AS a")
    spark.table("t").createOrReplaceTempView("of_frame")
    spark.sql("CREATE TEMP VIEW of_text AS SELECT * FROM of_frame")
    spark.table("of_frame").createOrReplaceTempView("then")
    spark.sql("INSERT INTO t VALUES (2)")
    assert [rows(spark.table(view)) for view in ("of_frame", "of_text", "then")] == [[(1,), (2,)]] * 3
    spark.sql("CREATE OR REPLACE TEMP VIEW of_frame AS SELECT 3 AS a")
    assert [rows(spark.table(view)) for view in ("of_text", "then")] == [[(3,)], [(1,), (2,)]]
    with pytest.raises(AnalysisException, match="TIME_TRAVEL"):
        spark.sql("SELECT * FROM of_text VERSION AS OF 0").collect()


def test_levels_and_names(spark: Any) -> None:
    spark.sql("CREATE TABLE t (a INT)")
    assert not spark.catalog.isCached("t")
    spark.sql("CACHE LAZY TABLE t OPTIONS ('storageLevel' 'DISK_ONLY')")
    assert spark.catalog.isCached("t")
    assert spark.table("t").storageLevel == StorageLevel.DISK_ONLY
    spark.catalog.uncacheTable("t")
    assert spark.table("t").storageLevel == StorageLevel.NONE
    spark.sql("CACHE TABLE u AS SELECT uuid() AS u")
    assert rows(spark.table("u")) == rows(spark.sql("SELECT u FROM u"))
    spark.sql("UNCACHE TABLE u")
    assert (spark.catalog.isCached("u"), spark.catalog.tableExists("u")) == (False, True)


def kept(engine: Any, spark: Any) -> Path | None:
    """Where the rows of a session are: in a directory of its engine's own."""
    scratch = next(path for path in engine.data.parents if (path / "scratch").is_dir()) / "scratch"
    return next(scratch.glob(f"**/checkpoints/{spark.session_id}"), None)


def test_rows_leave_the_disk(engine: Any) -> None:
    spark, other = engine.client(), engine.client()
    frame = spark.range(3).cache()
    assert frame.count() == 3 and other.range(2).cache().count() == 2
    home, beside = kept(engine, spark), kept(engine, other)
    assert home is not None and beside is not None and home.parent != beside.parent
    assert list(home.iterdir())
    frame.unpersist()
    assert not list(home.iterdir())
    assert frame.persist().count() == 3
    spark.stop()
    assert not home.exists() and list(beside.iterdir())
