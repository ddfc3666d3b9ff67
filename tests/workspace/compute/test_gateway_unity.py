"""Statements about the catalog: tags, properties, places, descriptions, what was dropped."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import AnalysisException, PySparkException

from tests.workspace.compute.engine_support import Engine


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in frame.collect())


def test_tags_and_their_relations(client: Any) -> None:
    for statement in (
        "CREATE CATALOG tagged",
        "CREATE SCHEMA tagged.s",
        "CREATE TABLE tagged.s.t (a INT, b STRING)",
        "ALTER TABLE tagged.s.t SET TAGS ('cost' = 'high', 'plain')",
        "ALTER TABLE tagged.s.t ALTER COLUMN a SET TAGS ('pii' = 'yes')",
        "ALTER SCHEMA tagged.s SET TAGS ('team' = 'x')",
        "SET TAG ON CATALOG tagged env = dev",
        "ALTER TABLE tagged.s.t SET TAGS ('cost' = 'low')",
        "ALTER TABLE tagged.s.t UNSET TAGS ('plain')",
    ):
        client.sql(statement)
    schema = "tagged.information_schema"
    assert rows(client.table(f"{schema}.table_tags")) == [("tagged", "s", "t", "cost", "low")]
    assert rows(client.table(f"{schema}.column_tags")) == [("tagged", "s", "t", "a", "pii", "yes")]
    assert rows(client.table(f"{schema}.schema_tags")) == [("tagged", "s", "team", "x")]
    assert rows(client.table(f"{schema}.catalog_tags")) == [("tagged", "env", "dev")]
    client.sql("UNSET TAG ON COLUMN tagged.s.t.a pii")
    assert client.table("system.information_schema.column_tags").count() == 0
    with pytest.raises(AnalysisException, match="no column"):
        client.sql("ALTER TABLE tagged.s.t ALTER COLUMN c SET TAGS ('x')")


def test_schemas_have_properties_and_places(client: Any, engine: Engine) -> None:
    client.sql("CREATE SCHEMA main.described COMMENT 'hello' WITH DBPROPERTIES ('a' = 'b', c.d = 1)")
    client.sql("ALTER SCHEMA main.described SET DBPROPERTIES ('e' = 'f')")
    assert engine.catalog.schema("main.described").properties == {"a": "b", "c.d": "1", "e": "f"}
    client.sql("CREATE SCHEMA hive_metastore.placed LOCATION 'dbfs:/my/place'")
    client.sql("CREATE TABLE hive_metastore.placed.t AS SELECT 1 AS a")
    assert client.sql("DESCRIBE DETAIL hive_metastore.placed.t").first().location == "dbfs:/my/place/t"
    with pytest.raises(PySparkException, match="LOCATION when creating"):
        client.sql("CREATE SCHEMA main.placed LOCATION 'dbfs:/my/place'")
