"""Where a workspace listens, what it may be called, and where its data is."""

from __future__ import annotations

import http.client
import io
import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from databricks.sdk import WorkspaceClient

from brickyard.workspace import tls
from brickyard.workspace.layout import Layout
from tests.support import LocalWorkspace, WorkspaceHome


def answer(layout: Layout, host: str) -> int:
    """The status of an authenticated request that calls the workspace by that name."""
    record = layout.read_process()
    assert record is not None
    address = urlsplit(record.url)
    place = (address.hostname or "", address.port)
    connection: http.client.HTTPConnection = http.client.HTTPConnection(*place, timeout=30)
    if address.scheme == "https":
        context: ssl.SSLContext = tls.client_context(layout)
        connection = http.client.HTTPSConnection(*place, timeout=30, context=context)
    headers = {"Authorization": f"Bearer {layout.token.read_text().strip()}", "Host": host}
    try:
        connection.request("GET", "/api/2.0/preview/scim/v2/Me", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::1", "", "localhost@evil"])
def test_a_page_of_another_site_is_refused(workspace: LocalWorkspace, host: str) -> None:
    assert answer(Layout(workspace.root), host) == 403


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "LOCALHOST.", "[::1]:80"])
def test_names_of_this_machine_are_served(workspace: LocalWorkspace, host: str) -> None:
    assert answer(Layout(workspace.root), host) == 200


def test_an_address_that_others_reach_needs_tls_or_a_flag(workspaces: WorkspaceHome) -> None:
    done = workspaces.run("workspace", "start", "dev", "--address", "0.0.0.0", check=False)
    assert done.returncode == 2 and "add --tls, or --insecure" in done.stderr
    workspace = workspaces.start("dev", "--address", "0.0.0.0", "--insecure")
    layout = Layout(workspace.root)
    workspaces.run("workspace", "restart", "dev")
    assert layout.read_settings().address == "0.0.0.0"
    assert answer(layout, "127.0.0.1") == 200
    assert {answer(layout, host) for host in ("0.0.0.0", "*", "models.example")} == {403}
    workspaces.run("workspace", "stop", "dev")
    done = workspaces.run("workspace", "start", "dev", "--address", "::", check=False)
    assert done.returncode == 2 and "add --tls, or --insecure" in done.stderr


def test_only_the_host_names_that_were_given_are_served(workspaces: WorkspaceHome) -> None:
    names = ["--hostname", "Models.Example", "--hostname", "10.1.2.3"]
    workspace = workspaces.start("dev", "--address", "0.0.0.0", "--tls", *names)
    layout = Layout(workspace.root)
    assert workspace.host.startswith("https://models.example:")
    assert {answer(layout, host) for host in ("models.example", "MODELS.example:9", "10.1.2.3")} == {200}
    assert {answer(layout, host) for host in ("other.example", "a.models.example", "10.1.2.4")} == {403}


@pytest.mark.parametrize("name", ["*", "*.example", "https://models.example", "a b", "models.example:80"])
def test_what_is_no_host_name_is_refused(workspaces: WorkspaceHome, name: str) -> None:
    done = workspaces.run("workspace", "start", "dev", "--hostname", name, check=False)
    assert done.returncode == 2 and "is not a host name" in done.stderr


def test_ipv6(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev", "--address", "::1")
    assert workspace.host.startswith("http://[::1]:")
    assert workspace.client().current_user.me().user_name


def test_what_runs_is_not_started_in_another_way(workspaces: WorkspaceHome) -> None:
    workspaces.start("dev", "--hostname", "models.example")
    same = workspaces.run("workspace", "start", "dev", "--hostname", "Models.Example", "--address", "localhost")
    assert "running" in same.stdout
    done = workspaces.run("workspace", "start", "dev", "--tls", "--port", "1", check=False)
    assert done.returncode == 12 and "running with another port, tls" in done.stderr


def test_data_is_where_it_was_asked_for(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    place = tmp_path / "big disk"
    client = workspaces.start("dev", "--data-dir", str(place)).client()
    client.dbfs.upload("/here.txt", io.BytesIO(b"content"))
    assert (place / "dbfs" / "here.txt").read_bytes() == b"content"
    workspaces.run("workspace", "restart", "dev")
    assert client.dbfs.download("/here.txt").read() == b"content"
    status = json.loads(workspaces.run("workspace", "status", "dev", "-o", "json").stdout)
    assert status["data"] == str(place)
    workspaces.run("workspace", "stop", "dev")
    place.rename(tmp_path / "unmounted")
    done = workspaces.run("workspace", "start", "dev", check=False)
    assert done.returncode == 12 and "the data directory is not there" in done.stderr and not place.exists()
    (tmp_path / "unmounted").rename(place)
    workspaces.run("workspace", "reset", "dev", "--yes")
    assert place.is_dir() and not list(place.iterdir())


def test_a_data_directory_has_one_workspace(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    place = tmp_path / "data"
    workspaces.start("dev", "--data-dir", str(place))
    inside = workspaces.home / "workspaces" / "dev" / "data"
    for other in (place, place / "below", inside):
        done = workspaces.run("workspace", "start", "uat", "--data-dir", str(other), check=False)
        assert done.returncode == 2 and "overlaps with the workspace 'dev'" in done.stderr
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("mine")
    done = workspaces.run("workspace", "start", "uat", "--data-dir", str(tmp_path / "photos"), check=False)
    assert done.returncode == 2 and "has files in it" in done.stderr
    away = WorkspaceHome(tmp_path / "another home")
    done = away.run("workspace", "start", "dev", "--data-dir", str(place), check=False)
    assert done.returncode == 2 and "is another workspace's" in done.stderr


def test_data_does_not_get_lost_by_another_data_directory(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    client: WorkspaceClient = workspaces.start("dev").client()
    client.dbfs.mkdirs("/here")
    workspaces.run("workspace", "stop", "dev")
    done = workspaces.run("workspace", "start", "dev", "--data-dir", str(tmp_path / "new"), check=False)
    assert done.returncode == 2 and "has its data elsewhere" in done.stderr and not (tmp_path / "new").exists()
