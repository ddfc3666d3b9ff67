"""Names that stay: views and tables across schemas, sessions and restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.engine_support import Engine


def test_tables_and_views_are_there_after_a_restart_of_everything(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    engine = Engine(tmp_path / "first", lab)
    try:
        spark = engine.client()
        spark.sql("CREATE SCHEMA main.kept")
        spark.range(3).write.saveAsTable("main.kept.t")
        spark.sql("USE main.kept")
        spark.sql("CREATE VIEW v AS SELECT max(id) AS top FROM t")
        spark.stop()
    finally:
        engine.close()
        lab.close()
    lab = Lab(tmp_path / "lab")
    engine = Engine(tmp_path / "second", lab)
    try:
        spark = engine.client()
        assert [tuple(row) for row in spark.table("main.kept.v").collect()] == [(2,)]
        assert spark.table("main.kept.t").count() == 3
        spark.stop()
    finally:
        engine.close()
        lab.close()


def test_names_may_be_words_of_sql_and_have_quotes(spark: Any) -> None:
    before = spark.catalog.currentDatabase()
    try:
        for statement in (
            f"CREATE SCHEMA main.`{before}_it's`",
            f"USE main.`{before}_it's`",
            "CREATE TABLE `table` (`primary` INT, CONSTRAINT small CHECK (`primary` <> 1))",
            "INSERT INTO `table` VALUES (2)",
            "INSERT INTO `table` REPLACE WHERE `primary` = 2 SELECT 2 AS `from`",
            "UPDATE `table` SET `primary` = 3",
        ):
            spark.sql(statement)
        found = spark.sql("SELECT *, current_schema() FROM `table`")
        assert [tuple(row) for row in found.collect()] == [(3, f"{before}_it's")]
    finally:
        spark.sql(f"USE main.{before}")


def test_no_temporary_view_keeps_the_rows_of_the_moment(spark: Any) -> None:
    recursive = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT b FROM r JOIN e ON a = n) SELECT * FROM r"
    spark.sql("CREATE TABLE e AS SELECT 1 AS a, 2 AS b")
    spark.sql(f"CREATE VIEW v AS {recursive}")
    for frame in (spark.table("v"), spark.sql(recursive), spark.table("information_schema.tables")):
        with pytest.raises(Exception, match=r"UNSUPPORTED_BY_ENGINE.*CACHE TABLE"):
            frame.createOrReplaceTempView("w")
    spark.sql(f"CACHE TABLE w AS {recursive}")
    spark.sql("INSERT INTO e VALUES (2, 3)")
    assert [spark.table(name).count() for name in ("w", "v")] == [2, 3]


def test_a_view_of_another_client_is_read_as_sql_is(spark: Any, engine: Engine) -> None:
    name = f"main.{spark.catalog.currentDatabase()}.v"
    text = "SELECT 'it''s' AS a"
    engine.catalog.create_table(name, "me@localhost", table_type="VIEW", format=None, view_definition=text)
    assert spark.table(name).collect()[0].a == "it's"


def test_a_view_means_the_tables_that_its_maker_saw(spark: Any) -> None:
    own = spark.catalog.currentDatabase()
    spark.sql("CREATE TABLE t AS SELECT 1 AS a")
    spark.sql(f"CREATE SCHEMA main.{own}_gold")
    spark.sql(f"CREATE VIEW main.{own}_gold.v (renamed COMMENT 'of t', `two words`) AS SELECT a, a + 1 FROM t")
    spark.sql(f"USE main.{own}_gold")
    assert spark.table("v").columns == ["renamed", "two words"]
    assert [tuple(row) for row in spark.sql("SELECT * FROM v").collect()] == [(1, 2)]
    assert spark.catalog.getTable("v").tableType == "VIEW"


@pytest.mark.parametrize(
    "statement",
    ["REFRESH TABLE nope", "CACHE TABLE nope", "UNCACHE TABLE nope", "ANALYZE TABLE nope COMPUTE STATISTICS"],
)
def test_statements_that_change_no_result_still_need_their_table(spark: Any, statement: str) -> None:
    with pytest.raises(AnalysisException) as caught:
        spark.sql(statement)
    assert caught.value.getCondition() == "TABLE_OR_VIEW_NOT_FOUND"
    spark.sql("CREATE TABLE nope (a INT)")
    spark.sql(statement)


def test_the_current_user_is_the_one_whose_token_it_is(spark: Any, engine: Engine) -> None:
    owner = engine.lab.workspace.identity.owner.user_name
    assert [tuple(row) for row in spark.sql("SELECT current_user()").collect()] == [(owner,)]


def test_current_names_are_those_of_the_session_in_every_way_to_ask(spark: Any) -> None:
    from pyspark.sql import functions as F

    schema = spark.catalog.currentDatabase()
    frame = spark.range(1)
    found = frame.select(F.current_catalog(), F.current_schema(), F.concat(F.current_database(), F.lit("!")).alias("x"))
    assert found.columns == ["current_catalog()", "current_schema()", "x"]
    assert [tuple(row) for row in found.collect()] == [("main", schema, f"{schema}!")]
    assert [tuple(row) for row in frame.selectExpr("upper(current_catalog())", "id").collect()] == [("MAIN", 0)]
    assert frame.filter(F.current_schema() == schema).filter(f"current_schema() = '{schema}'").count() == 1


def test_a_view_does_not_read_itself(spark: Any) -> None:
    spark.sql("CREATE VIEW v AS SELECT 1 AS a")
    with pytest.raises(AnalysisException, match="RECURSIVE_VIEW"):
        spark.sql("CREATE OR REPLACE VIEW v AS SELECT * FROM v")
    spark.sql("CREATE VIEW w AS SELECT * FROM v")
    with pytest.raises(AnalysisException, match="RECURSIVE_VIEW"):
        spark.sql("ALTER VIEW v AS SELECT * FROM w")
    assert spark.table("w").collect()[0].a == 1
