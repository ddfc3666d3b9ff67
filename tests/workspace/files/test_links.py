"""Links that a task has made: they lead within what they are in, and nowhere else, whoever asks."""

from __future__ import annotations

import io
import os
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, PermissionDenied
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.workspace import ExportFormat, ImportFormat

from tests.support import LocalWorkspace
from tests.support.git_remote import tagged_remote

ARTIFACTS = "/WorkspaceInternal/Mlflow/Artifacts"
DIRECTORIES = {"Volumes": "volumes", "Models": "models", "dbfs": "dbfs", "Workspace": "workspace"}


@pytest.fixture(scope="module")
def w(workspace: LocalWorkspace) -> WorkspaceClient:
    return workspace.client()


@pytest.fixture(scope="module")
def robot(workspace: LocalWorkspace, w: WorkspaceClient) -> WorkspaceClient:
    """A service principal that was granted nothing."""
    principal = w.service_principals_v2.create(display_name="links")
    token = w.token_management.create_obo_token(principal.application_id or "", lifetime_seconds=3600).token_value
    return WorkspaceClient(host=workspace.host, token=token, auth_type="pat")


def local(workspace: LocalWorkspace, path: str) -> Path:
    """Where a path of the Files API is kept."""
    data = workspace.root / "data"
    if path.startswith(ARTIFACTS):
        return data / "mlflow" / "artifacts" / path.removeprefix(ARTIFACTS).lstrip("/")
    first, _, rest = path.lstrip("/").partition("/")
    return data / DIRECTORIES[first] / rest


def volume(w: WorkspaceClient) -> str:
    name = f"links_{uuid.uuid4().hex[:8]}"
    w.volumes.create("main", "default", name, VolumeType.MANAGED)
    return f"/Volumes/main/default/{name}"


def from_volume(w: WorkspaceClient) -> tuple[str, str]:
    return volume(w), volume(w)


def from_experiment(w: WorkspaceClient) -> tuple[str, str]:
    return f"{ARTIFACTS}/71/Runs/a/artifacts", f"{ARTIFACTS}/72/Runs/a/artifacts"


def from_dbfs(w: WorkspaceClient) -> tuple[str, str]:
    return f"/dbfs/{uuid.uuid4().hex}", volume(w)


def from_folder(w: WorkspaceClient) -> tuple[str, str]:
    me = w.current_user.me().user_name
    return f"/Workspace/Shared/{uuid.uuid4().hex}", f"/Workspace/Users/{me}/{uuid.uuid4().hex}"


def from_home(w: WorkspaceClient) -> tuple[str, str]:
    me = w.current_user.me().user_name
    return f"/Workspace/Users/{me}/{uuid.uuid4().hex}", f"/Workspace/Users/links-{uuid.uuid4().hex}"


@pytest.mark.parametrize("places", [from_volume, from_experiment, from_dbfs, from_folder, from_home])
def test_no_link_leads_to_where_other_permissions_count(
    workspace: LocalWorkspace, w: WorkspaceClient, places: Callable[[WorkspaceClient], tuple[str, str]]
) -> None:
    here, there = places(w)
    for place in (here, there):
        w.files.upload(f"{place}/inner/a.txt", io.BytesIO(b"content"), overwrite=True)
    place, other = local(workspace, here), local(workspace, there)
    (place / "file").symlink_to(other / "inner/a.txt")
    (place / "up").symlink_to(os.path.relpath(other, place))
    (place / "nothing").symlink_to(other / "nothing")
    (place / "own").symlink_to("inner")
    assert w.files.download(f"{here}/own/a.txt").contents.read() == b"content"
    for refused in (
        lambda: w.files.download(f"{here}/file"),
        lambda: w.files.download(f"{here}/up/inner/a.txt"),
        lambda: w.files.get_metadata(f"{here}/file"),
        lambda: w.files.get_directory_metadata(f"{here}/up"),
        lambda: list(w.files.list_directory_contents(f"{here}/up")),
        lambda: w.files.upload(f"{here}/up/made", io.BytesIO(b"x")),
        lambda: w.files.upload(f"{here}/nothing", io.BytesIO(b"x"), overwrite=False),
        lambda: w.files.create_directory(f"{here}/up/made"),
        lambda: w.files.delete(f"{here}/up/inner/a.txt"),
        lambda: w.files.delete_directory(f"{here}/up/inner"),
    ):
        with pytest.raises(PermissionDenied):
            refused()
    assert sorted(path.name for path in other.rglob("*")) == ["a.txt", "inner"]
    listed = {one.name: one.is_directory for one in w.files.list_directory_contents(here)}
    assert listed == {"file": False, "inner": True, "nothing": False, "own": True, "up": False}


def test_links_in_dbfs(workspace: LocalWorkspace, w: WorkspaceClient) -> None:
    name = uuid.uuid4().hex
    w.dbfs.put(f"/{name}/a", contents="YWJj")
    place = local(workspace, f"/dbfs/{name}")
    (place / "own").symlink_to("a")
    (place / "away").symlink_to(workspace.root / "token")
    (place / "loop").symlink_to("loop")
    os.mkfifo(place / "pipe")
    assert w.dbfs.read(f"/{name}/own").data == "YWJj"
    for ask in (w.dbfs.read, w.dbfs.get_status):
        with pytest.raises(PermissionDenied):
            ask(f"/{name}/away")
    with pytest.raises(PermissionDenied):
        w.dbfs.put(f"/{name}/away", contents="eA==", overwrite=True)
    for odd in ("loop", "pipe"):
        with pytest.raises(DatabricksError) as caught:
            w.dbfs.read(f"/{name}/{odd}")
        assert caught.value.error_code in ("INVALID_PARAMETER_VALUE", "NOT_FOUND")
    sizes = {one.path: one.file_size for one in w.dbfs.list(f"/{name}")}
    assert sizes[f"/{name}/own"] == 3 and len(sizes) == 5


def test_links_in_the_tree_are_neither_read_nor_exported(
    workspace: LocalWorkspace, w: WorkspaceClient, robot: WorkspaceClient
) -> None:
    me, name = w.current_user.me().user_name, uuid.uuid4().hex
    here = f"/Shared/{name}"
    w.workspace.mkdirs(here)
    secret = f"/Users/{me}/{name}.py"
    w.workspace.upload(secret, b"# Databricks notebook source\nsecret\n", format=ImportFormat.RAW)
    w.workspace.upload(f"{here}/plain.txt", b"plain", format=ImportFormat.AUTO)
    place = local(workspace, f"/Workspace{here}")
    (place / "away").symlink_to(local(workspace, f"/Workspace{secret}"))
    (place / "loop").symlink_to(place)
    (place / "round").symlink_to("round")
    os.mkfifo(place / "pipe")
    (place / os.fsdecode(b"\xff")).write_text("no name")
    for client in (w, robot):
        for ask in (client.workspace.download, client.workspace.get_status, client.workspace.delete):
            with pytest.raises((PermissionDenied, DatabricksError), match="leaves"):
                ask(f"{here}/away")
        content = client.workspace.download(here, format=ExportFormat.AUTO).read()
        assert zipfile.ZipFile(io.BytesIO(content)).namelist() == [f"{name}/plain.txt"]
        assert f"{here}/plain.txt" in {one.path for one in client.workspace.list(here)}
    assert f"{here}/away" not in {one.path for one in robot.workspace.list(here)}
    w.workspace.delete(here, recursive=True)
    assert w.workspace.download(secret).read().endswith(b"secret\n")


def test_a_notebook_of_a_git_folder_is_no_link(
    workspace: LocalWorkspace, w: WorkspaceClient, robot: WorkspaceClient, tmp_path: Path
) -> None:
    me, name = w.current_user.me().user_name, uuid.uuid4().hex
    w.workspace.upload(f"/Users/{me}/{name}.py", b"# Databricks notebook source\nsecret\n", format=ImportFormat.RAW)
    repo = w.repos.create(tagged_remote(tmp_path / "remote").url, "gitHub", path=f"/Shared/{name}")
    target = local(workspace, f"/Workspace/Users/{me}/{name}.py")
    (local(workspace, f"/Workspace{repo.path}") / "linked.py").symlink_to(target)
    for client in (w, robot):
        for path in (f"{repo.path}/linked", f"{repo.path}/linked.py"):
            with pytest.raises(PermissionDenied):
                client.workspace.download(path)
    w.repos.delete(repo.id or 0)
