"""Spark reads and writes with the privileges of the task's principal, in a session and in a notebook task."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import PermissionsChange, Privilege, VolumeType
from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.workspace.catalog.conftest import Place, Robot
from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.engine_support import Engine

TABLE, FILES = "main.secret.trips", "/Volumes/main/secret/raw"


@dataclass(frozen=True)
class Sessions:
    """Spark for the owner of a workspace, and for a service principal in the same one."""

    owner: Any
    robot: Any
    data: Path
    change: Callable[..., None]
    share: Callable[..., None]


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    root = tmp_path_factory.mktemp("spark-access")
    lab = Lab(root / "lab")
    w = WorkspaceClient(host=lab.workspace.url, token=lab.token, auth_type="pat")
    name = w.service_principals.create(display_name="robot").application_id or ""
    token = w.token_management.create_obo_token(name, lifetime_seconds=3600).token_value or ""

    def change(kind: str, full_name: str, *, add: str = "", remove: str = "") -> None:
        added, removed = ([Privilege(one) for one in text.split()] for text in (add, remove))
        w.grants.update(kind, full_name, changes=[PermissionsChange(principal=name, add=added, remove=removed)])

    def share(location: str, url: str, *, volume: str = "") -> None:
        w.storage_credentials.create(location)
        w.external_locations.create(location, url, location)
        if volume:
            w.volumes.create(*volume.split("."), VolumeType.EXTERNAL, storage_location=f"{url}/v")

    engines = [Engine(root / "owner", lab), Engine(root / "robot", lab, token)]
    owner, robot = (engine.client() for engine in engines)
    owner.sql("CREATE SCHEMA main.secret")
    owner.sql("CREATE VOLUME main.secret.raw")
    owner.range(3).write.saveAsTable(TABLE)
    owner.range(3).write.parquet(f"{FILES}/numbers")
    owner.sql("CREATE VIEW main.secret.seen AS SELECT * FROM main.secret.trips")
    yield Sessions(owner, robot, lab.workspace.data, change, share)
    for session in (owner, robot):
        session.stop()
    for engine in engines:
        engine.close()
    lab.close()


READS: dict[str, Callable[[Any, Path], Any]] = {
    "table": lambda spark, data: spark.table(TABLE).count(),
    "sql": lambda spark, data: spark.sql(f"SELECT * FROM {TABLE}").count(),
    "subquery": lambda spark, data: spark.sql(f"WITH t AS (SELECT id FROM {TABLE}) SELECT * FROM t").count(),
    "version": lambda spark, data: spark.sql(f"SELECT * FROM {TABLE} VERSION AS OF 0").count(),
    "history": lambda spark, data: spark.sql(f"DESCRIBE HISTORY {TABLE}").count(),
    "directory": lambda spark, data: spark.read.format("delta").load(f"file:{data}/tables/main/secret/trips").count(),
    "in SQL": lambda spark, data: spark.sql(f"SELECT * FROM delta.`file:{data}/tables/main/secret/trips`").count(),
    "copy": lambda spark, data: spark.sql(f"CREATE OR REPLACE TABLE main.default.copy AS SELECT * FROM {TABLE}"),
}
WRITES: dict[str, Callable[[Any, Path], Any]] = {
    "append": lambda spark, data: spark.range(1).write.mode("append").saveAsTable(TABLE),
    "overwrite": lambda spark, data: spark.range(1).write.mode("overwrite").saveAsTable(TABLE),
    "insertInto": lambda spark, data: spark.range(1).write.insertInto(TABLE),
    "writeTo": lambda spark, data: spark.range(1).writeTo(TABLE).append(),
    "INSERT": lambda spark, data: spark.sql(f"INSERT INTO {TABLE} VALUES (7)"),
    "UPDATE": lambda spark, data: spark.sql(f"UPDATE {TABLE} SET id = 1"),
    "DELETE": lambda spark, data: spark.sql(f"DELETE FROM {TABLE}"),
    "MERGE": lambda spark, data: spark.sql(
        f"MERGE INTO {TABLE} t USING (SELECT 1L AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE"
    ),
    "TRUNCATE": lambda spark, data: spark.sql(f"TRUNCATE TABLE {TABLE}"),
    "ALTER": lambda spark, data: spark.sql(f"ALTER TABLE {TABLE} ADD COLUMNS (b INT)"),
    "OPTIMIZE": lambda spark, data: spark.sql(f"OPTIMIZE {TABLE}"),
    "COMMENT": lambda spark, data: spark.sql(f"COMMENT ON TABLE {TABLE} IS 'c'"),
    "to a directory": lambda spark, data: (
        spark.range(1).write.format("delta").mode("append").save(f"file:{data}/tables/main/secret/trips")
    ),
}
MANAGES: dict[str, Callable[[Any, Path], Any]] = {
    "DROP": lambda spark, data: spark.sql(f"DROP TABLE {TABLE}"),
    "CREATE": lambda spark, data: spark.sql("CREATE TABLE main.secret.new (a INT)"),
    "DROP SCHEMA": lambda spark, data: spark.sql("DROP SCHEMA main.secret CASCADE"),
}


def refused(session: Sessions, action: Callable[[Any, Path], Any], what: str) -> None:
    from pyspark.errors import PySparkException

    with pytest.raises(PySparkException, match=f"User does not have {what}") as error:
        action(session.robot, session.data)
    assert error.value.getCondition() == "INSUFFICIENT_PERMISSIONS"


def test_a_session_reads_and_writes_what_was_granted(sessions: Sessions) -> None:
    for action in (READS | WRITES).values():
        refused(sessions, action, "USE SCHEMA on Schema 'main.secret'")
    for action in MANAGES.values():
        refused(sessions, action, "(USE SCHEMA|MANAGE) on Schema 'main.secret'")
    sessions.change("schema", "main.secret", add="USE_SCHEMA")
    for action in (READS | WRITES).values():
        refused(sessions, action, "(SELECT|MODIFY) on Table 'main.secret.trips'")
    sessions.change("table", TABLE, add="SELECT")
    for action in READS.values():
        action(sessions.robot, sessions.data)
    for action in WRITES.values():
        refused(sessions, action, "MODIFY on Table 'main.secret.trips'")
    for action in MANAGES.values():
        refused(sessions, action, "(MANAGE|CREATE TABLE) on")
    assert sessions.owner.table(TABLE).count() == 3
    sessions.change("table", TABLE, add="MODIFY")
    for action in WRITES.values():
        action(sessions.robot, sessions.data)
    sessions.change("table", TABLE, remove="SELECT MODIFY")
    for action in (READS | WRITES).values():
        refused(sessions, action, "(SELECT|MODIFY) on Table 'main.secret.trips'")


def test_a_session_reads_and_writes_files_of_volumes_it_was_granted(sessions: Sessions) -> None:
    def read(spark: Any, data: Path) -> Any:
        return spark.read.parquet(f"{FILES}/numbers").count()

    def write(spark: Any, data: Path) -> None:
        spark.range(1).write.mode("overwrite").parquet(f"{FILES}/mine")

    sessions.change("schema", "main.secret", add="USE_SCHEMA")
    refused(sessions, read, "READ VOLUME on Volume 'main.secret.raw'")
    sessions.change("volume", "main.secret.raw", add="READ_VOLUME")
    assert read(sessions.robot, sessions.data) == 3
    refused(sessions, write, "WRITE VOLUME on Volume 'main.secret.raw'")
    sessions.change("volume", "main.secret.raw", add="WRITE_VOLUME")
    write(sessions.robot, sessions.data)


def test_a_session_uses_an_external_location_that_it_was_granted(sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    where = f"file:{tmp_path}/out"
    sessions.share("out", where)
    sessions.owner.range(3).write.parquet(f"{where}/numbers")
    sessions.owner.range(3).write.format("delta").option("path", f"{where}/t").saveAsTable("main.secret.away")

    def read(spark: Any, data: Path) -> Any:
        return spark.read.parquet(f"{where}/numbers").count()

    def write(spark: Any, data: Path) -> None:
        spark.range(1).write.mode("overwrite").parquet(f"{where}/mine")

    def through(spark: Any, data: Path) -> Any:
        return spark.read.format("delta").load(f"{where}/t").count()

    (tmp_path / "leads").symlink_to(tmp_path / "out")
    refused(sessions, read, "READ FILES on External Location 'out'")
    refused(sessions, lambda spark, data: spark.read.text(f"file:{tmp_path}/leads/numbers").count(), "READ FILES")
    sessions.change("external_location", "out", add="READ_FILES")
    assert read(sessions.robot, sessions.data) == 3
    refused(sessions, write, "WRITE FILES on External Location 'out'")
    sessions.change("external_location", "out", add="WRITE_FILES")
    write(sessions.robot, sessions.data)
    sessions.change("schema", "main.secret", add="USE_SCHEMA")
    refused(sessions, through, "SELECT on Table 'main.secret.away'")
    sessions.change("table", "main.secret.away", add="SELECT")
    assert through(sessions.robot, sessions.data) == 3
    assert sessions.robot.table("main.secret.away").count() == 3
    (tmp_path / "free").mkdir()
    sessions.robot.range(2).write.parquet(f"file:{tmp_path}/free/f")  # the driver's own disk
    sessions.owner.sql("DROP TABLE main.secret.away")


def test_a_session_reads_an_external_volume_that_it_was_granted(sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "vol").mkdir()
    sessions.share("vol", f"file:{tmp_path}/vol", volume="main.secret.linked")
    sessions.owner.range(4).write.parquet("/Volumes/main/secret/linked/n")
    assert (tmp_path / "vol" / "v" / "n").is_dir()

    def read(spark: Any, data: Path) -> Any:
        return spark.read.parquet("/Volumes/main/secret/linked/n").count()

    sessions.change("schema", "main.secret", add="USE_SCHEMA")
    refused(sessions, read, "READ VOLUME on Volume 'main.secret.linked'")
    sessions.change("volume", "main.secret.linked", add="READ_VOLUME")
    assert read(sessions.robot, sessions.data) == 4


def test_a_view_is_read_by_whom_was_granted_it_without_its_tables(sessions: Sessions) -> None:
    def read(spark: Any, data: Path) -> Any:
        return spark.table("main.secret.seen").count()

    sessions.change("schema", "main.secret", add="USE_SCHEMA")
    refused(sessions, read, "SELECT on Table 'main.secret.seen'")
    sessions.change("table", "main.secret.seen", add="SELECT")
    read(sessions.robot, sessions.data)


def test_a_notebook_task_has_the_privileges_of_whom_it_runs_as(robot: Robot, place: Place) -> None:
    table = place.named("table")
    source = f"""# Databricks notebook source
import json

def tried(action):
    try:
        return action()
    except Exception as error:
        return str(error)

read = tried(lambda: spark.table("{table}").count())
written = tried(lambda: spark.sql("INSERT INTO {table} VALUES (1)").first()[0])
dbutils.notebook.exit(json.dumps([read, written]))
"""
    path = f"/Users/{robot.name}/reads"
    content = base64.b64encode(source.encode()).decode()
    see = robot.client
    see.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)

    def run() -> list[Any]:
        task = SubmitTask(task_key="reads", notebook_task=NotebookTask(notebook_path=path))
        done = see.jobs.submit(run_name="reads", tasks=[task]).result(timeout=timedelta(minutes=3))
        output = see.jobs.get_run_output((done.tasks or [])[0].run_id or 0)
        result: list[Any] = json.loads((output.notebook_output and output.notebook_output.result) or "")
        return result

    place.grant("catalog", robot, "USE_CATALOG")
    assert all(f"User does not have USE SCHEMA on Schema '{place.schema}'" in text for text in run())
    place.grant("schema", robot, "USE_SCHEMA")
    place.grant("table", robot, "SELECT")
    read, written = run()
    assert read == 0
    assert f"User does not have MODIFY on Table '{table}'" in written
    place.grant("table", robot, "MODIFY")
    assert run() == [0, 1]
