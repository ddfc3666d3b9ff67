"""Statements about the catalog: tags, properties, places, descriptions, what was dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import PermissionDenied
from pyspark.errors import AnalysisException, PySparkException

from brickyard.workspace.catalog import Catalog, undrop
from tests.workspace.compute.engine_support import Engine
from tests.workspace.compute.test_gateway_legacy import client_of, robot_of


@pytest.fixture(scope="module")
def engine(own_engine: Engine) -> Engine:
    """One of its own: it changes what the whole workspace has."""
    return own_engine


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


def test_dropped_tables_come_back(client: Any, engine: Engine) -> None:
    client.sql("CREATE SCHEMA main.undrop")
    client.sql("USE main.undrop")
    client.sql("CREATE TABLE t AS SELECT 1 AS a")
    client.sql("ALTER TABLE t SET TAGS ('k' = 'v')")
    client.sql("DROP TABLE t")
    assert not (engine.data / "tables/main/undrop/t").exists()
    client.sql("CREATE TABLE t AS SELECT 2 AS a")
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        client.sql("UNDROP TABLE t")
    client.sql("ALTER TABLE t RENAME TO u")
    (dropped,) = client.sql("SHOW TABLES DROPPED IN main.undrop").collect()
    assert (dropped.tableName, dropped.tableType) == ("t", "MANAGED")
    kept = Catalog(engine.lab.workspace)  # as after a restart
    assert [one.record.name for one in kept.undrop.of_schema("main.undrop")] == ["t"]
    client.sql(f"UNDROP TABLE WITH ID '{dropped.tableId}'")
    assert (rows(client.table("t")), rows(client.table("u"))) == ([(1,)], [(2,)])
    assert client.table("main.information_schema.table_tags").first().tag_value == "v"
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        client.sql("UNDROP TABLE t")
    client.sql("DROP TABLE t")
    client_of(engine).api_client.do("PATCH", "/api/2.1/unity-catalog/schemas/main.undrop", body={"new_name": "moved"})
    client.sql("UNDROP TABLE main.moved.t")
    assert rows(client.table("main.moved.t")) == [(1,)]
    assert (engine.data / "tables/main/moved/t").is_dir()


def test_dropped_tables_expire(client: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    client.sql("CREATE SCHEMA main.expire")
    client.sql("CREATE TABLE main.expire.t AS SELECT 1 AS a")
    client.sql("DROP TABLE main.expire.t")
    waiting = [one.record.id for one in engine.catalog.undrop.of_schema("main.expire")]
    assert [(engine.data / ".dropped" / one).is_dir() for one in waiting] == [True]
    monkeypatch.setattr(undrop, "_DAYS", -1)
    assert client.sql("SHOW TABLES DROPPED IN main.expire").count() == 0
    client.sql("CREATE TABLE main.expire.next AS SELECT 1 AS a")
    client.sql("DROP TABLE main.expire.next")
    assert not list((engine.data / ".dropped").iterdir())


def test_only_the_owner_takes_a_table_back(client: Any, engine: Engine) -> None:
    w, robot = client_of(engine), robot_of(engine)
    client.sql("CREATE SCHEMA main.owned")
    client.sql("CREATE TABLE main.owned.t AS SELECT 1 AS a")
    name = robot.current_user.me().user_name or ""
    client.sql(f"GRANT USE SCHEMA, CREATE TABLE ON SCHEMA main.owned TO `{name}`")
    w.tables.delete("main.owned.t")
    base, query = "/api/2.1/unity-catalog/dropped-tables", {"catalog_name": "main", "schema_name": "owned"}
    assert robot.api_client.do("GET", base, query=query) == {"tables": []}
    with pytest.raises(PermissionDenied):
        robot.api_client.do("POST", f"{base}/undrop", body={"full_name": "main.owned.t"})


def test_descriptions_and_lists(client: Any, engine: Engine) -> None:
    client.sql("CREATE SCHEMA main.shown COMMENT 'hello' WITH DBPROPERTIES ('a' = 'b')")
    client.sql("CREATE TABLE main.shown.trips (a INT)")
    client.sql("CREATE VOLUME main.shown.raw COMMENT 'files'")
    (engine.data / "volumes/main/shown/raw/x.txt").write_text("hello")
    assert ("Catalog Name", "main") in rows(client.sql("DESCRIBE CATALOG EXTENDED main"))
    described = dict(rows(client.sql("DESCRIBE SCHEMA EXTENDED main.shown")))
    assert (described["Comment"], described["Properties"]) == ("hello", "((a,b))")
    volume = client.sql("DESCRIBE VOLUME main.shown.raw").first()
    assert (volume.database, volume.volumeType, volume.comment) == ("shown", "MANAGED", "files")
    (table,) = client.sql("SHOW TABLE EXTENDED IN main.shown LIKE 'tr*'").collect()
    assert "Type: MANAGED\n" in table.information and " |-- a: integer (nullable = true)" in table.information
    (listed,) = client.sql("LIST '/Volumes/main/shown/raw'").collect()
    assert (listed.path, listed.name, listed.size) == ("/Volumes/main/shown/raw/x.txt", "x.txt", 5)
    me = engine.lab.workspace.identity.owner.user_name
    assert rows(client.sql(f"SHOW USERS LIKE '{me[:3]}*'")) == [(me,)]
    assert rows(client.sql(f"SHOW GROUPS WITH USER `{me}`")) == [("admins", True), ("users", True)]
    with pytest.raises(PySparkException, match="Files API"):
        client.sql("PUT '/a' INTO '/Volumes/main/shown/raw/a'")


def test_external_locations(client: Any, engine: Engine, tmp_path: Path) -> None:
    client_of(engine).storage_credentials.create("mine")
    url = tmp_path.as_uri()
    client.sql(f"CREATE EXTERNAL LOCATION lake URL '{url}' WITH (STORAGE CREDENTIAL mine) COMMENT 'ours'")
    assert rows(client.sql("SHOW EXTERNAL LOCATIONS")) == [("lake", url, "ours")]
    assert rows(client.sql("SHOW STORAGE CREDENTIALS")) == [("mine", None)]
    assert client.sql("DESCRIBE EXTERNAL LOCATION lake").first().credential_name == "mine"
    client.sql("GRANT READ FILES ON EXTERNAL LOCATION lake TO `account users`")
    assert ("account users", "READ FILES", "EXTERNAL_LOCATION", "lake") in rows(
        client.sql("SHOW GRANTS ON EXTERNAL LOCATION lake")
    )
    client.sql(f"CREATE SCHEMA main.placed MANAGED LOCATION '{url}/s'")
    client.sql("CREATE TABLE main.placed.t AS SELECT 1 AS a")
    assert client.sql("DESCRIBE DETAIL main.placed.t").first().location.startswith(f"{url}/s/__unitystorage/")
    client.sql(f"CREATE EXTERNAL VOLUME main.placed.v LOCATION '{url}/v'")
    client.sql("ALTER EXTERNAL LOCATION lake RENAME TO pond")
    client.sql("DROP SCHEMA main.placed CASCADE")
    client.sql("DROP EXTERNAL LOCATION pond")
