"""Databases of earlier versions: brought to what is known here, or left as they were."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from brickyard.workspace.store import Store, metadata
from brickyard.workspace.store.base import SCHEMA_VERSION, schema_version
from tests.support import LocalWorkspace, WorkspaceHome
from tests.support.postgresql import Cluster
from tests.workspace.store.conftest import Opener, Place

# Written by the last commit of version 1, by its own server, from calls of the official SDK.
VERSION_1 = (Path(__file__).parent / "version_1.sql").read_text()
TOKEN_OF_VERSION_1 = "dapi551055b04b9a7b02800cfbb516551292"
ID_OF_VERSION_1 = 4880512016944623

# Opens a database while no file may grow beyond a size, and says what it was told.
OPEN_WITHIN = """
import pathlib, resource, signal, sys
from brickyard.errors import WorkspaceProcessError
from brickyard.workspace.store import Store
import alembic.operations, alembic.migration
import brickyard.workspace.store.migrations.to_2
size = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    Store(pathlib.Path(sys.argv[1]))
except WorkspaceProcessError as error:
    print(error)
"""


def old_file(path: Path) -> Path:
    """A database as version 1 left it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
        connection.execute("PRAGMA journal_mode=WAL")
    return path


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def differences(store: Store) -> object:
    """What alembic would change to get from the database to the tables of the code."""
    with store.read() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def test_a_new_database_has_the_tables_of_the_code(store: Store) -> None:
    assert differences(store) == []


def test_text_columns_are_ordered_by_bytes_whatever_the_database_s_language(cluster: Cluster) -> None:
    url = cluster.database()
    Store(url).close()
    query = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'brickyard' "
        "AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
    )
    assert cluster.execute(query, url) == []


def test_a_migrated_database_has_the_tables_of_the_code(
    place: Place, opened: Opener, request: pytest.FixtureRequest
) -> None:
    if isinstance(place, Path):
        old_file(place)
    else:
        tables = [one for one in VERSION_1.replace("BLOB", "BYTEA").split(";\n") if one.startswith("CREATE")]
        schema = ["CREATE SCHEMA brickyard", "SET search_path TO brickyard"]
        text = [one.replace("VARCHAR", 'VARCHAR COLLATE "C"').replace("TEXT", 'TEXT COLLATE "C"') for one in tables]
        cluster: Cluster = request.getfixturevalue("session_cluster")
        cluster.execute(";\n".join([*schema, *text, "INSERT INTO schema_version VALUES (1)"]), place)
    store = opened()
    assert differences(store) == []
    with store.read() as connection:
        assert connection.execute(select(schema_version.c.version)).scalars().all() == [SCHEMA_VERSION]


def test_a_workspace_of_version_1_starts_with_all_it_had(workspaces: WorkspaceHome) -> None:
    root = workspaces.home / "workspaces" / "old"
    old_file(root / "workspace.db")
    (root / "settings.json").write_text(json.dumps({"port": 0, "workspace_id": ID_OF_VERSION_1}))
    (root / "token").write_text(TOKEN_OF_VERSION_1)
    old: LocalWorkspace = workspaces.start("old")
    assert old.token == TOKEN_OF_VERSION_1
    client = old.client()
    assert client.get_workspace_id() == ID_OF_VERSION_1
    assert client.current_user.me().user_name == "root@localhost"
    (job,) = client.jobs.list()
    (run,) = client.jobs.list_runs(job_id=job.job_id)
    assert job.settings and job.settings.name == "old job"
    assert "does not exist" in (client.jobs.get_run_output(client.jobs.get_run(run.run_id).tasks[0].run_id).error or "")
    assert [scope.name for scope in client.secrets.list_scopes()] == ["old"]
    assert client.registered_models.get("old_catalog.s.m").full_name == "old_catalog.s.m"


def test_a_step_that_fails_leaves_the_database_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from brickyard.workspace.store.migrations import to_2

    path = old_file(tmp_path / "workspace.db")
    before, upgrade = content(path), to_2.upgrade

    def fails(operations: object) -> None:
        upgrade(operations)
        raise RuntimeError("half-way")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(to_2, "upgrade", fails)
        Store(path)
    assert content(path) == before
    store = Store(path)
    assert differences(store) == []
    store.close()


@pytest.mark.parametrize("room", [0, 34_000, 60_000])
def test_a_full_disk_during_a_migration_is_named_and_leaves_the_database_as_it_was(tmp_path: Path, room: int) -> None:
    path = old_file(tmp_path / "workspace.db")
    before = content(path)
    command = [sys.executable, "-c", OPEN_WITHIN, str(path), str(room)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "cannot be written" in said.stdout and "make room" in said.stdout and str(path) in said.stdout
    assert said.stderr == ""
    assert content(path) == before
    store = Store(path)
    assert differences(store) == []
    store.close()
