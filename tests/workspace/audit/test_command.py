"""`brickyard workspace audit`: reads the record of a workspace that runs, and of one that does not."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, PermissionDenied, ResourceDoesNotExist

from tests.support import LocalWorkspace, WorkspaceHome
from tests.support.commands import BRICKYARD
from tests.support.postgresql import Cluster, Unavailable
from tests.workspace.secrets.people import person


@pytest.fixture(params=["sqlite", "postgresql"])
def workspace(request: pytest.FixtureRequest, workspaces: WorkspaceHome) -> Any:
    """A workspace on each kind of database."""
    if request.param == "sqlite":
        yield workspaces.start("dev")
        return
    try:
        cluster = Cluster()
    except Unavailable as reason:
        pytest.skip(f"POSTGRESQL IS NOT TESTED: {reason}")
    workspaces.run("workspace", "start", "dev", extra={"BRICKYARD_DATABASE_URL": cluster.database()})
    yield workspaces.start("dev")
    workspaces.close()
    cluster.close()


def lines(workspaces: WorkspaceHome, *options: str) -> list[dict[str, Any]]:
    shown = workspaces.run("workspace", "audit", "dev", "--output", "json", *options).stdout
    return [json.loads(line) for line in shown.splitlines()]


def actions(workspaces: WorkspaceHome, *options: str) -> list[str]:
    return [line["action"] for line in lines(workspaces, *options)]


def test_filters_while_it_runs_and_afterwards(workspace: LocalWorkspace, workspaces: WorkspaceHome) -> None:
    admin = workspace.client()
    other = person(admin)
    admin.secrets.create_scope("first")
    admin.secrets.create_scope("second")
    with pytest.raises(PermissionDenied):
        other.client.secrets.list_secrets("first").__next__()
    with pytest.raises(ResourceDoesNotExist):
        admin.secrets.delete_scope("third")
    running = lines(workspaces)
    workspaces.run("workspace", "stop", "dev")
    assert lines(workspaces) == running
    assert running[-1].keys() == {
        "time",
        "principal",
        "source_address",
        "action",
        "object",
        "status",
        "error_code",
    }
    secrets = ["secrets.create_scope", "secrets.create_scope", "secrets.list_secrets", "secrets.delete_scope"]
    assert actions(workspaces, "--action", "secrets") == secrets
    assert actions(workspaces, "--action", "secrets.delete_scope") == secrets[-1:]
    assert actions(workspaces, "--refused") == ["secrets.list_secrets"]
    assert actions(workspaces, "--status", "404") == ["secrets.delete_scope"]
    assert actions(workspaces, "--principal", other.name) == ["secrets.list_secrets"]
    assert actions(workspaces, "--object", "scope=second") == ["secrets.create_scope"]
    moments = [line["time"] for line in running]
    assert moments == sorted(moments)
    since = [line for line in running if line["time"] >= moments[-2]]
    assert lines(workspaces, "--since", moments[-2]) == since
    assert lines(workspaces, "--until", moments[-2]) == [line for line in running if line not in since]
    assert lines(workspaces, "--since", "1h") == running
    assert lines(workspaces, "--until", "1h") == []


def test_text_is_a_line_for_each(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    workspace.client().secrets.create_scope("s")
    with pytest.raises(InvalidParameterValue):
        workspace.client().workspace.mkdirs("/Shared/a\n2030\x1b[31m")
    shown = workspaces.run("workspace", "audit", "dev").stdout
    assert "  127.0.0.1  secrets.create_scope  scope=s  200\n" in shown
    assert "path=/Shared/a\\n2030\\x1b[31m" in shown


def test_follow_goes_on_with_what_comes(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    command = [*BRICKYARD, "workspace", "audit", "dev", "-f", "--action", "secrets"]
    with subprocess.Popen(command, env=workspaces.environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for name in ("one", "two"):
            workspace.client().secrets.create_scope(name)
            assert f"scope={name}" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0


def test_what_cannot_be_shown_is_said(workspaces: WorkspaceHome) -> None:
    done = workspaces.run("workspace", "audit", "none", check=False)
    assert (done.returncode != 0, "there is no workspace 'none'" in done.stderr) == (True, True)
    workspaces.start("dev")
    done = workspaces.run("workspace", "audit", "dev", "--since", "yesterday", check=False)
    assert done.returncode == 2
    assert "neither a time (2030-01-31T12:00) nor how long ago" in done.stderr
    workspaces.run("workspace", "stop", "dev")
    root = workspaces.home / "workspaces" / "dev"
    for left in root.glob("workspace.db-*"):
        left.unlink()
    (root / "workspace.db").write_bytes(b"x" * 8192)
    done = workspaces.run("workspace", "audit", "dev", check=False)
    assert done.returncode not in (0, 1)
    assert "cannot be read" in done.stderr and "Traceback" not in done.stderr
