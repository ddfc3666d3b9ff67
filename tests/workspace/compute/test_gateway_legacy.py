"""What there was before Unity Catalog: `hive_metastore`, sessions that begin in it, and mounts into DBFS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, NotImplemented, PermissionDenied
from databricks.sdk.service.catalog import PathOperation, TableOperation
from deltalake import DeltaTable
from pyspark.errors import PySparkException

from brickyard.workspace.catalog import Catalog
from brickyard.workspace.clusters.values import values_of
from brickyard.workspace.compute.initial_catalog import INITIAL_CATALOG, initial_catalog
from tests.workspace.compute.engine_support import Engine

WAREHOUSE = "dbfs/user/hive/warehouse"


@pytest.fixture(scope="module")
def engine(own_engine: Engine) -> Engine:
    """One of its own: `hive_metastore` has no schemas of the test's own."""
    return own_engine


def robot_of(engine: Engine) -> WorkspaceClient:
    """A service principal that was granted nothing."""
    w = client_of(engine)
    name = w.service_principals.create(display_name="robot").application_id or ""
    token = w.token_management.create_obo_token(name, lifetime_seconds=600).token_value
    return WorkspaceClient(host=engine.lab.workspace.url, token=token, auth_type="pat")


def client_of(engine: Engine) -> WorkspaceClient:
    return WorkspaceClient(host=engine.lab.workspace.url, token=engine.lab.token, auth_type="pat")


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in frame.collect())


def test_tables_of_files(client: Any, engine: Engine) -> None:
    client.range(3).write.format("parquet").saveAsTable("hive_metastore.default.pq")
    client.sql(
        "CREATE TABLE hive_metastore.default.semi (a INT, k STRING) USING csv OPTIONS (sep ';') PARTITIONED BY (k)"
    )
    client.sql("INSERT INTO hive_metastore.default.semi SELECT id, 'x' FROM hive_metastore.default.pq")
    (place,) = (engine.data / WAREHOUSE / "semi" / "k=x").iterdir()
    place.with_name("more.csv").write_text("7\n")  # what another program puts there is seen
    assert rows(engine.client().table("hive_metastore.default.semi")) == [(0, "x"), (1, "x"), (2, "x"), (7, "x")]
    found = client_of(engine).tables.get("hive_metastore.default.semi")
    assert found.data_source_format is not None and found.data_source_format.value == "CSV"
    assert [(one.name, one.partition_index) for one in found.columns or []] == [("a", None), ("k", 0)]
    client.sql("TRUNCATE TABLE hive_metastore.default.semi")
    assert rows(client.table("hive_metastore.default.semi")) == []
    client.sql("DROP TABLE hive_metastore.default.semi")
    client.sql("DROP TABLE hive_metastore.default.pq")
    assert not (engine.data / WAREHOUSE / "pq").exists()


def test_tables_are_in_the_warehouse_directory(client: Any, engine: Engine) -> None:
    client.sql("CREATE TABLE hive_metastore.default.t (a INT)")
    client.sql("INSERT INTO hive_metastore.default.t VALUES (1), (2)")
    assert rows(client.sql("SELECT * FROM spark_catalog.default.t")) == [(1,), (2,)]
    assert DeltaTable(engine.data / WAREHOUSE / "t").to_pyarrow_table().num_rows == 2
    assert client.sql("DESCRIBE DETAIL hive_metastore.default.t").first().location == "dbfs:/user/hive/warehouse/t"
    assert rows(client.read.load("dbfs:/user/hive/warehouse/t")) == [(1,), (2,)]
    kept = Catalog(engine.lab.workspace)  # as after a restart
    assert kept.table("hive_metastore.default.t").directory == engine.data / WAREHOUSE / "t"
    client.sql("DROP TABLE hive_metastore.default.t")
    assert not (engine.data / WAREHOUSE / "t").exists()


def test_schemas_views_names_and_external_tables(client: Any, engine: Engine) -> None:
    client.sql("CREATE SCHEMA hive_metastore.legacy")
    client.sql("USE hive_metastore.legacy")
    client.range(3).write.saveAsTable("u")
    client.sql("ALTER TABLE u RENAME TO w")
    assert (engine.data / WAREHOUSE / "legacy.db" / "w" / "_delta_log").is_dir()
    client.sql("CREATE VIEW v AS SELECT id + 1 AS y FROM w")
    client.sql("CREATE TABLE e USING delta LOCATION 'dbfs:/data/e' AS SELECT 7 AS a")
    assert (rows(client.table("legacy.v")), rows(client.table("e"))) == ([(1,), (2,), (3,)], [(7,)])
    assert "LOCATION 'dbfs:/data/e'" in client.sql("SHOW CREATE TABLE e").first()[0]
    client.sql("DROP SCHEMA legacy CASCADE")
    assert not (engine.data / WAREHOUSE / "legacy.db" / "w").exists()
    assert rows(client.read.format("delta").load("/data/e")) == [(7,)]
    client.sql("USE main.default")


def test_spark_lists_it_and_the_metastore_does_not(client: Any, engine: Engine) -> None:
    assert rows(client.sql("SHOW CATALOGS")) == [("dev",), ("hive_metastore",), ("main",)]
    assert [one.name for one in client.catalog.listCatalogs()] == ["dev", "hive_metastore", "main"]
    assert ("default",) in rows(client.sql("SHOW SCHEMAS IN hive_metastore"))
    w = client_of(engine)
    assert [one.name for one in w.catalogs.list()] == ["dev", "main"]
    assert [one.name for one in w.schemas.list("hive_metastore")] == ["default"]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("GRANT SELECT ON SCHEMA hive_metastore.default TO `account users`", "table access control"),
        ("CREATE VOLUME hive_metastore.default.v", "only supported in Unity Catalog"),
        ("DROP CATALOG hive_metastore CASCADE", "always there"),
        ("DROP SCHEMA hive_metastore.default CASCADE", "always there"),
        ("SELECT * FROM hive_metastore.information_schema.tables", "cannot be found"),
    ],
)
def test_what_it_does_not_have_is_refused(client: Any, statement: str, why: str) -> None:
    with pytest.raises(PySparkException, match=why):
        client.sql(statement).collect()


def test_everybody_may_use_it(engine: Engine) -> None:
    w, robot = client_of(engine), robot_of(engine)
    robot.schemas.create("robots", "hive_metastore")
    columns = [{"name": "a", "type_text": "int"}]
    made = engine.catalog.create_table("hive_metastore.robots.t", "me@localhost", columns=columns)
    given = robot.temporary_table_credentials.generate_temporary_table_credentials(
        operation=TableOperation.READ_WRITE, table_id=made.id
    )
    assert given.url == made.directory.as_uri()
    robot.schemas.delete("hive_metastore.robots", force=True)
    with pytest.raises(NotFound):
        w.schemas.get("hive_metastore.robots")
    with pytest.raises(InvalidParameterValue, match="Unity Catalog"):
        w.registered_models.create(catalog_name="hive_metastore", schema_name="default", name="m")


def test_clusters_and_the_workspace_say_where_sessions_begin(engine: Engine) -> None:
    def values(**cluster: Any) -> str:
        found = values_of(engine.lab.workspace, cluster, "me@localhost", "test")
        return initial_catalog(found.spark_conf, "main")

    assert values() == values(data_security_mode="SINGLE_USER") == "main"
    assert values(data_security_mode="NONE") == values(data_security_mode="LEGACY_SINGLE_USER") == "hive_metastore"
    named = {INITIAL_CATALOG: "dev"}
    assert values(data_security_mode="NONE", spark_conf=named) == "dev"
    assert values(spark_conf={"spark.sql.defaultCatalog": "spark_catalog"}) == "hive_metastore"


def test_sessions_begin_where_the_cluster_or_the_workspace_says(engine: Engine) -> None:
    lab = engine.lab
    source = lab.notebook("begins", "dbutils.notebook.exit(spark.sql('SELECT current_catalog()').first()[0])")
    conf = {INITIAL_CATALOG: "dev"}
    lab.workspace.identity.settings.choose_catalog("hive_metastore")
    try:
        ended = [lab.run("notebook", source, spark_conf=one).outcome.result for one in ({}, conf)]
        assert ended == ["hive_metastore", "dev"]
        w = client_of(engine)
        warehouse = next(w.warehouses.list()).id or ""
        begun = w.statement_execution.execute_statement("SELECT current_catalog()", warehouse, wait_timeout="50s")
        assert begun.result and begun.result.data_array == [["hive_metastore"]]
    finally:
        lab.workspace.identity.settings.choose_catalog(None)


def mounted(w: WorkspaceClient, source: str, point: str = "/mnt/lake", **more: Any) -> None:
    w.api_client.do("POST", "/api/2.0/dbfs/mounts", body={"source": source, "point": point, **more})


@pytest.fixture
def lake(engine: Engine, tmp_path: Path) -> Any:
    """A directory that is mounted at /mnt/lake."""
    (tmp_path / "a.txt").write_text("hello")
    mounted(client_of(engine), tmp_path.as_uri())
    yield tmp_path
    client_of(engine).api_client.do("DELETE", "/api/2.0/dbfs/mounts", query={"point": "/mnt/lake"})


def test_a_mount_is_a_directory_of_dbfs(client: Any, engine: Engine, lake: Path) -> None:
    w = client_of(engine)
    client.range(3).write.save("/mnt/lake/t")
    assert DeltaTable(lake / "t").to_pyarrow_table().num_rows == 3
    assert client.read.text("/mnt/*/a.txt").first().value == "hello"
    client.sql("CREATE TABLE hive_metastore.default.lake USING delta LOCATION 'dbfs:/mnt/lake/t'")
    assert client.sql("DESCRIBE DETAIL hive_metastore.default.lake").first().location == "dbfs:/mnt/lake/t"
    assert client.table("hive_metastore.default.lake").count() == 3
    client.sql("DROP TABLE hive_metastore.default.lake")
    assert [one.path for one in w.dbfs.list("/mnt/lake")] == ["/mnt/lake/a.txt", "/mnt/lake/t"]
    with pytest.raises(InvalidParameterValue, match="mounted"):
        w.dbfs.delete("/mnt", recursive=True)
    assert (lake / "t").is_dir()


def test_everybody_may_use_a_mount_and_administrators_mount(engine: Engine, lake: Path) -> None:
    robot, w, path = robot_of(engine), client_of(engine), PathOperation.PATH_READ_WRITE
    credentials = robot.temporary_path_credentials
    assert credentials.generate_temporary_path_credentials(f"{lake.as_uri()}/a.txt", path).url
    with pytest.raises(NotFound):  # no external location
        credentials.generate_temporary_path_credentials(lake.parent.as_uri(), path)
    with pytest.raises(PermissionDenied):
        mounted(robot, lake.as_uri(), "/mnt/other")
    for source, error in {
        "abfss://c@account.dfs.core.windows.net/": NotImplemented,
        engine.data.as_uri(): InvalidParameterValue,
        f"{lake.as_uri()}/nothing": InvalidParameterValue,
    }.items():
        with pytest.raises(error):
            mounted(w, source, "/mnt/other")
    with pytest.raises(InvalidParameterValue, match="already mounted"):
        mounted(w, lake.as_uri(), "/mnt/lake/below")


def test_tasks_mount_and_unmount(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("from a mount")
    cells = (
        f"dbutils.fs.mount(source='{tmp_path.as_uri()}', mount_point='/mnt/task', extra_configs={{}})",
        "text = open('/dbfs/mnt/task/b.txt').read() + '|' + dbutils.fs.head('/mnt/task/b.txt')",
        "names = [one.mountPoint for one in dbutils.fs.mounts()]",
        "gone = dbutils.fs.unmount('/mnt/task')",
        "dbutils.notebook.exit(f'{text} {names} {gone} ' + str(dbutils.fs.ls('/mnt')))",
    )
    found = engine.lab.cells("\n".join(cells)).ok().outcome.result
    assert found == "from a mount|from a mount ['/mnt/task', '/Volumes', '/'] True []"
    assert (tmp_path / "b.txt").exists()
