"""What can go wrong with a server elsewhere: named, without the password, and over when the server is back."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
from sqlalchemy import create_engine, select, text

from brickyard.errors import UsageError, WorkspaceProcessError
from brickyard.workspace.store import Owner, Store
from brickyard.workspace.store.database_url import parsed, shown
from brickyard.workspace.store.secrets import secret_scopes
from tests.support import LocalWorkspace, WorkspaceHome
from tests.support.postgresql import Cluster
from tests.workspace.store.test_conformance import add_scope, scopes
from tests.workspace.store.test_workspace import started

DEV, UAT = Owner("dev", 11, new=True), Owner("uat", 22, new=True)


def asked(workspace: LocalWorkspace, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and error code of a call that is made once; the SDK would try again until the server is back."""
    authorization = {"Authorization": f"Bearer {workspace.token}"}
    answer = httpx.request(method, workspace.host + path, json=body, headers=authorization, timeout=60)
    return answer.status_code, answer.json().get("error_code")


def refused(place: str, owner: Owner | None = None) -> WorkspaceProcessError:
    """Why a database cannot be opened."""
    with pytest.raises(WorkspaceProcessError) as error:
        Store(place, owner)
    assert error.value.where and error.value.next
    return error.value


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url, DEV)
    yield store
    store.close()


def test_a_server_that_is_not_there_is_named_with_its_address() -> None:
    error = refused("postgresql://me:pa55word@127.0.0.1:1/db")
    assert "cannot be reached" in error.message
    assert error.where == "postgresql://me@127.0.0.1:1/db"
    assert "pa55word" not in str(error)


def test_a_wrong_password_is_named_and_not_shown(cluster: Cluster) -> None:
    error = refused(cluster.url("postgres", password="pa55word"))
    assert "password authentication failed" in error.message
    assert "pa55word" not in str(error) and cluster.password not in str(error)


def test_a_database_that_does_not_exist_is_named(cluster: Cluster) -> None:
    assert 'database "nowhere" does not exist' in refused(cluster.url("nowhere")).message


def test_an_encoding_that_cannot_keep_every_text_is_refused(cluster: Cluster) -> None:
    url = cluster.database("ENCODING 'LATIN1' TEMPLATE template0")
    assert "encoding is LATIN1" in refused(url).message


def test_a_user_who_may_make_no_schema_is_told_what_to_ask_for(cluster: Cluster, url: str) -> None:
    cluster.execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'guest'")
    name = parsed(url).database or ""
    guest = cluster.url(name, "guest", "guest")
    error = refused(guest)
    assert "may not make one" in error.message and "CREATE SCHEMA brickyard AUTHORIZATION guest" in (error.next or "")
    for schema in ("brickyard", "brickyard_mlflow"):
        cluster.execute(f"CREATE SCHEMA {schema} AUTHORIZATION guest", url)
    Store(guest, DEV).close()


def test_a_database_in_use_is_refused_with_the_name_of_who_uses_it(store: Store, url: str) -> None:
    assert "in use: brickyard workspace dev" in refused(url, UAT).message
    add_scope(store, "still")
    assert scopes(store) == ["still"]


def test_a_database_of_another_workspace_is_refused(store: Store, url: str) -> None:
    store.close()
    assert "belongs to another workspace: 'dev' (id 11)" in refused(url, UAT).message
    Store(url, Owner("renamed", 11, new=False)).close()


def test_an_empty_database_does_not_take_the_place_of_a_workspace_s_own(url: str) -> None:
    assert "holds nothing of the workspace 'dev'" in refused(url, Owner("dev", 11, new=False)).message
    Store(url, DEV).close()


def test_a_lost_writer_leaves_the_database_to_others_and_does_not_write_again_unasked(
    cluster: Cluster, store: Store, url: str
) -> None:
    cluster.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())",
        url,
    )
    other = Store(url)
    with pytest.raises(Exception, match="brickyard holds it"):
        add_scope(store, "lost")
    assert scopes(other) == []
    other.close()
    add_scope(store, "back")
    assert scopes(store) == ["back"]


def test_a_server_that_restarts_is_not_noticed_between_two_calls(cluster: Cluster, store: Store) -> None:
    add_scope(store, "before")
    cluster.stop()
    cluster.start()
    assert scopes(store) == ["before"]
    add_scope(store, "after")
    assert scopes(store) == ["after", "before"]


def test_a_connection_lost_in_a_write_undoes_it(cluster: Cluster, store: Store) -> None:
    with pytest.raises(Exception, match=r"connection|terminat"), store.write() as connection:
        connection.execute(select(secret_scopes))
        cluster.stop()
        connection.execute(select(secret_scopes))
    cluster.start()
    add_scope(store, "after")
    assert scopes(store) == ["after"]


def test_clients_are_told_to_try_again_while_the_server_is_away(
    cluster: Cluster, workspaces: WorkspaceHome, url: str
) -> None:
    workspace = started(workspaces, "dev", url)
    client = workspace.client()
    client.secrets.create_scope("before")
    client.experiments.create_experiment("/Shared/before")
    cluster.stop()
    between = asked(workspace, "POST", "/api/2.0/secrets/scopes/create", {"scope": "between"})
    logged = asked(workspace, "GET", "/api/2.0/mlflow/experiments/search?max_results=5")
    assert between == logged == (503, "TEMPORARILY_UNAVAILABLE")
    cluster.start()
    client.secrets.create_scope("after")
    assert [one.name for one in client.secrets.list_scopes()] == ["after", "before"]
    assert client.experiments.get_by_name("/Shared/before").experiment


def test_text_that_postgresql_cannot_keep_is_the_caller_s_mistake(workspaces: WorkspaceHome, url: str) -> None:
    client = started(workspaces, "dev", url).client()
    with pytest.raises(InvalidParameterValue):
        client.registered_models.create(catalog_name="main", schema_name="default", name="m", comment="a\x00b")


def test_the_password_is_in_the_settings_only(cluster: Cluster, workspaces: WorkspaceHome, url: str) -> None:
    workspace = started(workspaces, "dev", url)
    workspace.client().experiments.create_experiment("/Shared/mlflow-is-loaded")
    status = workspaces.run("workspace", "status", "dev", "-o", "json").stdout
    assert json.loads(status)["database"] == shown(parsed(url))
    server = psutil.Process(json.loads(status)["pid"])
    family = [server, *server.children(recursive=True)]
    seen = [status, *(" ".join([*one.cmdline(), *one.environ().values()]) for one in family)]
    assert not any(cluster.password in one for one in seen)
    holders = [path for path in workspaces.home.rglob("*") if path.is_file() and holds(path, cluster.password)]
    assert sorted(path.name for path in holders) == ["pgpass", "settings.json"]
    assert {path.stat().st_mode & 0o777 for path in holders} == {0o600}


def test_mlflow_has_a_schema_of_its_own_and_an_address_without_the_password(
    cluster: Cluster, store: Store, url: str, tmp_path: Path
) -> None:
    address = store.address("mlflow", tmp_path)
    assert cluster.password not in address
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE experiments (id int)"))
    engine.dispose()
    query = "SELECT table_schema FROM information_schema.tables WHERE table_name = 'experiments'"
    assert cluster.execute(query, url) == [("brickyard_mlflow",)]


def holds(path: Path, secret: str) -> bool:
    return secret.encode() in path.read_bytes()


def test_a_password_on_the_command_line_is_refused(workspaces: WorkspaceHome) -> None:
    done = workspaces.run("workspace", "start", "dev", "--database-url", "postgresql://u:s3cret@h/d", check=False)
    assert done.returncode == UsageError.exit_code
    assert "BRICKYARD_DATABASE_URL" in done.stderr and "s3cret" not in done.stderr
    assert not (workspaces.home / "workspaces" / "dev").exists()


@pytest.mark.parametrize(
    "url", ["mysql://u:s3cret@h/d", "postgresql://u:s3cret@h", "s3cret", "postgresql://u:s3cret@h:x/d"]
)
def test_an_address_of_nothing_is_refused_without_its_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(UsageError) as error:
        Store(url)
    assert "s3cret" not in str(error.value) + caplog.text


def test_a_workspace_that_has_a_file_does_not_leave_it_for_an_empty_database(
    workspaces: WorkspaceHome, url: str
) -> None:
    before = workspaces.start("dev").client().current_user.me()
    workspaces.run("workspace", "stop", "dev")
    done = workspaces.run("workspace", "start", "dev", check=False, extra={"BRICKYARD_DATABASE_URL": url})
    assert done.returncode == WorkspaceProcessError.exit_code and "keeps its data elsewhere" in done.stderr
    assert workspaces.start("dev").client().current_user.me() == before


def test_a_start_that_failed_is_tried_again_with_another_address(workspaces: WorkspaceHome, url: str) -> None:
    wrong = {"BRICKYARD_DATABASE_URL": "postgresql://me:pa55word@127.0.0.1:1/db"}
    done = workspaces.run("workspace", "start", "dev", check=False, extra=wrong)
    assert done.returncode == WorkspaceProcessError.exit_code
    assert "where: postgresql://me@127.0.0.1:1/db" in done.stderr and "pa55word" not in done.stderr
    assert "Traceback" not in done.stderr
    assert started(workspaces, "dev", url).client().current_user.me()


def test_reset_empties_the_database_and_another_workspace_may_have_it(workspaces: WorkspaceHome, url: str) -> None:
    started(workspaces, "dev", url).client().experiments.create_experiment("/Shared/e")
    workspaces.run("workspace", "reset", "dev", "--yes")
    again = started(workspaces, "uat", url).client()
    with pytest.raises(ResourceDoesNotExist):
        again.experiments.get_by_name("/Shared/e")
