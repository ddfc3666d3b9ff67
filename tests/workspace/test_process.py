"""Starting, stopping and looking at local workspaces, as a user does."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import Unauthenticated

from brickyard.workspace import process, process_tree
from tests.support import LocalWorkspace, WorkspaceHome, wait_for


@pytest.fixture
def workspaces(tmp_path: Path) -> Iterator[WorkspaceHome]:
    """A home whose servers start as a user's do."""
    home = WorkspaceHome(tmp_path / "home", fork=False)
    yield home
    home.close()


def test_client_signs_in_and_reads_who_it_is(workspace: LocalWorkspace) -> None:
    client = workspace.client()
    me = client.current_user.me()
    assert me.user_name and me.user_name.endswith("@localhost")
    assert client.get_workspace_id() > 0


def test_token_of_one_workspace_is_refused_by_the_other(workspaces: WorkspaceHome) -> None:
    dev, prod = workspaces.start("dev"), workspaces.start("prod")
    assert dev.host != prod.host
    with pytest.raises(Unauthenticated):
        WorkspaceClient(host=prod.host, token=dev.token, auth_type="pat").current_user.me()


def test_restart_keeps_address_token_and_identity(workspaces: WorkspaceHome) -> None:
    before = workspaces.start("dev")
    me = before.client().current_user.me()
    assert "stopped" in workspaces.run("workspace", "stop", "dev").stdout
    after = workspaces.start("dev")
    assert (after.host, after.token) == (before.host, before.token)
    assert after.client().current_user.me() == me


def test_killed_workspace_is_seen_as_stopped_and_starts_again(workspaces: WorkspaceHome) -> None:
    before = workspaces.start("dev")
    pid = json.loads(workspaces.run("workspace", "status", "dev", "-o", "json").stdout)["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid))
    seen = workspaces.run("workspace", "status", "dev", check=False)
    assert seen.returncode == 3 and "stopped" in seen.stdout
    assert workspaces.start("dev").client().current_user.me() == before.client().current_user.me()


def test_nothing_outlives_stop(workspaces: WorkspaceHome) -> None:
    workspaces.start("dev")
    pid = json.loads(workspaces.run("workspace", "status", "dev", "-o", "json").stdout)["pid"]
    tree = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    workspaces.run("workspace", "stop", "dev")
    assert [one for one in tree if psutil.pid_exists(one)] == []


def test_taken_port_is_named(workspaces: WorkspaceHome) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = workspaces.run("workspace", "start", "dev", "--port", port, check=False)
    assert done.returncode == 12
    assert f"port {port} cannot be used" in done.stderr and "Traceback" not in done.stderr


def test_damaged_database_is_named(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    workspace = workspaces.start("dev")
    workspaces.run("workspace", "stop", "dev")
    for path in workspace.root.glob("workspace.db-*"):
        path.unlink()
    (workspace.root / "workspace.db").write_bytes(b"this is not a database" * 1000)
    done = workspaces.run("workspace", "start", "dev", check=False)
    assert done.returncode == 12
    assert "database cannot be read" in done.stderr and "Traceback" not in done.stderr
    for damage in (lambda path: path.write_bytes(b""), Path.unlink):  # not taken for a new workspace
        damage(workspace.root / "workspace.db")
        done = workspaces.run("workspace", "start", "dev", check=False)
        assert done.returncode == 12 and "is empty: what it held is lost" in done.stderr
        done = workspaces.run("workspace", "backup", "dev", str(tmp_path / "b.tgz"), check=False)
        assert done.returncode == 12 and "holds nothing of a workspace" in done.stderr


def test_who_starts_it_a_moment_too_late_gets_the_one_that_runs(
    workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRICKYARD_HOME", str(workspace.home))
    monkeypatch.setattr(process, "_is_running", lambda layout: False)
    assert process.start(workspace.name).url == workspace.host
    assert workspace.client().current_user.me() and process.status(workspace.name).pid


def test_token_and_database_are_for_the_owner_only(workspace: LocalWorkspace) -> None:
    assert stat.S_IMODE(workspace.root.stat().st_mode) == 0o700
    assert stat.S_IMODE((workspace.root / "token").stat().st_mode) == 0o600
    assert workspace.token.encode() not in (workspace.root / "workspace.db").read_bytes()


def test_reset_deletes_everything(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    (workspace.root / "settings.json").write_text("{")  # damaged while it runs
    workspaces.run("workspace", "reset", "dev", "--yes")
    assert not Path(workspace.root).exists()
    assert "no workspaces yet" in workspaces.run("workspace", "list").stdout


def test_tokens_are_created_listed_and_end(workspace: LocalWorkspace) -> None:
    client = workspace.client()
    made = client.tokens.create(comment="for a test", lifetime_seconds=600)
    assert made.token_value and made.token_info
    other = WorkspaceClient(host=workspace.host, token=made.token_value, auth_type="pat")
    assert other.current_user.me().user_name
    assert made.token_info.token_id in {one.token_id for one in client.tokens.list()}
    client.tokens.delete(made.token_info.token_id or "")
    with pytest.raises(Unauthenticated):
        other.current_user.me()


def test_what_is_not_there_says_so_by_name(workspace: LocalWorkspace) -> None:
    from databricks.sdk.errors import NotImplemented as NotImplementedByServer

    with pytest.raises(NotImplementedByServer, match=r"GET /api/2\.0/instance-profiles/list"):
        list(workspace.client().instance_profiles.list())


def test_a_server_whose_parent_does_not_ask_for_its_end_is_stopped() -> None:
    # As the first process of many containers, to which a server's processes are left.
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    server = psutil.Process(int(parent.stdout.readline()))
    process_tree.end(server.pid, "dev")
    assert server.status() == psutil.STATUS_ZOMBIE
    parent.communicate("\n", timeout=30)
