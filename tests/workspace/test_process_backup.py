"""A workspace in a file, and back: what is in it works afterwards, and what is wrong with a file changes nothing."""

from __future__ import annotations

import base64
import gzip
import io
import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.jobs import NotebookTask, RunLifeCycleState, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.support import LocalWorkspace, WorkspaceHome, wait_for

MANIFEST = {"workspace": "dev", "workspace_id": 7, "data": "/nowhere", "schema": 1, "format": 1}


def filled(workspace: LocalWorkspace) -> WorkspaceClient:
    """A workspace with something of every kind."""
    client = workspace.client()
    client.secrets.create_scope("scope")
    client.secrets.put_secret("scope", "key", string_value="of the backup")
    client.volumes.create("main", "default", "v", VolumeType.MANAGED)
    client.files.upload("/Volumes/main/default/v/a.txt", io.BytesIO(b"content"))
    return client


def check(client: WorkspaceClient) -> None:
    """All of that works."""
    assert base64.b64decode(client.secrets.get_secret("scope", "key").value or "") == b"of the backup"
    content = client.files.download("/Volumes/main/default/v/a.txt").contents
    assert content is not None and content.read() == b"content"
    client.files.upload("/Volumes/main/default/v/b.txt", io.BytesIO(b"more"))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> LocalWorkspace:
    """The workspace that was copied while it ran; it has ended."""
    home = WorkspaceHome(tmp_path_factory.mktemp("copied") / "home")
    workspace = home.start("dev")
    filled(workspace).experiments.create_experiment("/Shared/experiment")
    home.run("workspace", "backup", "dev", str(home.home / "dev.tar.gz"), "--restart")
    home.close()
    return workspace


@pytest.fixture
def archive(copied: LocalWorkspace) -> Path:
    """Its backup."""
    return copied.home / "dev.tar.gz"


def test_a_new_workspace_is_what_was_copied(workspaces: WorkspaceHome, copied: LocalWorkspace, archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    workspaces.run("workspace", "restore", "copy", str(archive))
    copy = workspaces.start("copy")
    assert copy.token == copied.token
    check(copy.client())
    assert copy.client().experiments.get_by_name("/Shared/experiment").experiment
    place = copy.client().volumes.read("main.default.v").storage_location or ""
    assert place.startswith((copy.root / "data").resolve().as_uri())


def test_with_its_data_elsewhere(workspaces: WorkspaceHome, archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    workspaces.run("workspace", "restore", "copy", str(archive), "--data-dir", str(place))
    client = workspaces.start("copy").client()
    check(client)
    (written,) = place.rglob("b.txt")
    assert client.volumes.read("main.default.v").storage_location == written.parent.resolve().as_uri()
    assert not (workspaces.home / "workspaces/copy/data").exists()


def test_a_workspace_becomes_what_was_copied_where_it_was(workspaces: WorkspaceHome, archive: Path) -> None:
    client = workspaces.start("dev").client()
    client.secrets.create_scope("later")
    client.volumes.create("main", "default", "later", VolumeType.MANAGED)
    host = client.config.host
    refused = workspaces.run("workspace", "restore", "dev", str(archive), check=False)
    assert refused.returncode == 1 and "Replace everything" in refused.stderr
    workspaces.run("workspace", "restore", "dev", str(archive), "--yes")
    again = workspaces.start("dev")
    assert again.host == host
    check(again.client())
    assert [scope.name for scope in again.client().secrets.list_scopes()] == ["scope"]
    with pytest.raises(NotFound):
        again.client().volumes.read("main.default.later")
    assert {path.name for path in (workspaces.home / "workspaces").iterdir()} == {"dev"}


def test_a_workspace_that_runs_is_not_copied_behind_its_back(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    client = workspaces.start("dev").client()
    file = tmp_path / "dev.tar.gz"
    done = workspaces.run("workspace", "backup", "dev", str(file), check=False)
    assert done.returncode == 12 and "add --restart" in done.stderr
    wait_here = base64.b64encode(b"# Databricks notebook source\nimport threading\nthreading.Event().wait()").decode()
    client.workspace.import_("/w", content=wait_here, format=ImportFormat.SOURCE, language=Language.PYTHON)
    task = SubmitTask(task_key="t", notebook_task=NotebookTask(notebook_path="/w"))
    run = client.jobs.submit(run_name="active", tasks=[task]).bind()["run_id"]
    done = workspaces.run("workspace", "backup", "dev", str(file), "--restart", check=False)
    assert done.returncode == 12 and f"are active, and the copy would end them: {run}" in done.stderr
    assert client.current_user.me() and not file.exists()
    workspaces.run("workspace", "backup", "dev", str(file), "--restart", "--force")
    assert file.exists()

    def state() -> RunLifeCycleState | None:
        found = client.jobs.get_run(run or 0).state
        return found.life_cycle_state if found else None

    wait_for(lambda: state() in (RunLifeCycleState.TERMINATED, RunLifeCycleState.INTERNAL_ERROR))


def packed(file: Path, *members: tarfile.TarInfo, manifest: object = MANIFEST) -> None:
    """An archive that somebody else has made."""
    with tarfile.open(file, "w:gz") as tar:
        for member in (tarfile.TarInfo("brickyard-backup.json"), *members, tarfile.TarInfo("complete")):
            content = json.dumps(manifest).encode() if member.name.endswith(".json") else b""
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """A link in an archive."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member


def timed(name: str, time: str) -> tarfile.TarInfo:
    """A file of an archive with a time that is none."""
    member = tarfile.TarInfo(name)
    member.pax_headers = {"mtime": time}
    return member


LEAVING = {
    "parent": (tarfile.TarInfo("data/../../../escaped"),),
    "absolute": (tarfile.TarInfo("/escaped"),),
    "link": (link("data/escape", "../../../../escaped"),),
    "link by a later link": (link("data/a/b/escape", "up/../.."), link("data/a/b/up", "../..")),
    "absolute link": (link("data/escape", "/etc/passwd"),),
    "hard link": (link("data/escape", "data/../../escaped", tarfile.LNKTYPE),),
    "device": (link("data/device", "", tarfile.CHRTYPE),),
    "another file": (tarfile.TarInfo("settings.json"),),
}


@pytest.mark.parametrize("members", LEAVING.values(), ids=LEAVING)
def test_no_archive_leaves_the_workspace(
    workspaces: WorkspaceHome, tmp_path: Path, members: tuple[tarfile.TarInfo, ...]
) -> None:
    packed(tmp_path / "bad.tar.gz", *members)
    done = workspaces.run("workspace", "restore", "dev", str(tmp_path / "bad.tar.gz"), check=False)
    assert done.returncode == 12 and "it has what no backup has" in done.stderr and "Traceback" not in done.stderr
    assert not list((workspaces.home / "workspaces").iterdir())
    assert not list(tmp_path.rglob("escaped"))


def test_nothing_is_written_through_a_link(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    packed(tmp_path / "bad.tar.gz", link("data/inside", "runs"), tarfile.TarInfo("data/inside/file"))
    done = workspaces.run("workspace", "restore", "dev", str(tmp_path / "bad.tar.gz"), check=False)
    assert done.returncode == 12 and "Traceback" not in done.stderr
    assert not (workspaces.home / "workspaces/dev").exists()


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def checksum(content: bytes) -> bytes:
    return content[:-8] + b"\0\0\0\0" + content[-4:]


def newer(content: bytes) -> bytes:
    return gzip.compress(gzip.decompress(content).replace(b'"format": 1', b'"format": 9'))


DAMAGES: list[tuple[Callable[[bytes], bytes], str]] = [
    (cut, "damaged"),
    (flipped, "damaged"),
    (checksum, "damaged"),
    (newer, "a newer Brickyard wrote it"),
    (lambda _: b"hello", "damaged, or no backup"),
    (lambda _: b"", "damaged, or no backup"),
]


def test_a_file_that_is_no_whole_backup_changes_nothing(
    workspaces: WorkspaceHome, archive: Path, tmp_path: Path
) -> None:
    filled(workspaces.start("dev"))
    workspaces.run("workspace", "stop", "dev")
    bad = tmp_path / "bad.tar.gz"
    for damage, said in DAMAGES:
        bad.write_bytes(damage(archive.read_bytes()))
        for name in ("dev", "copy"):
            done = workspaces.run("workspace", "restore", name, str(bad), "--yes", check=False)
            assert done.returncode == 12 and said in done.stderr and "Traceback" not in done.stderr
    check(workspaces.start("dev").client())
    assert {path.name for path in (workspaces.home / "workspaces").iterdir()} == {"dev"}


def test_what_is_no_archive_of_a_workspace_is_named(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    packed(tmp_path / "a.tar.gz", manifest=["something", "else"])
    packed(tmp_path / "b.tar.gz", manifest=MANIFEST | {"schema": 99})
    packed(tmp_path / "c.tar.gz")
    packed(tmp_path / "e.tar.gz", manifest=MANIFEST | {"schema": "2"})
    packed(tmp_path / "f.tar.gz", timed("data/f", "1e300"))
    expected = {
        "a": "it is not a backup",
        "b": "of a newer Brickyard",
        "c": "workspace.db, token is missing",
        "d": "No such",
        "e": "it is damaged",
        "f": "it is damaged",
    }
    for name, said in expected.items():
        done = workspaces.run("workspace", "restore", "dev", str(tmp_path / f"{name}.tar.gz"), check=False)
        assert done.returncode == 12 and said in done.stderr and "Traceback" not in done.stderr


def test_a_restore_that_was_killed_at_its_end_is_undone(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    filled(workspace)
    workspaces.run("workspace", "stop", "dev")
    workspace.root.rename(workspace.root.with_name(".dev.replaced"))
    check(workspaces.start("dev").client())


def test_a_link_that_leads_out_of_the_workspace_is_left_out_and_named(
    workspaces: WorkspaceHome, tmp_path: Path
) -> None:
    workspace = workspaces.start("dev")
    workspace.client().dbfs.mkdirs("/links")
    (workspace.root / "data/dbfs/links/out").symlink_to("/etc/passwd")
    (workspace.root / "data/dbfs/links/in").symlink_to("../links")
    file = tmp_path / "dev.tar.gz"
    done = workspaces.run("workspace", "backup", "dev", str(file), "--restart")
    assert "links/out is a link that leads out" in done.stderr and "links/in" not in done.stderr
    workspaces.run("workspace", "restore", "copy", str(file))
    links = workspaces.home / "workspaces/copy/data/dbfs/links"
    assert [path.name for path in links.iterdir()] == ["in"] and (links / "in").resolve() == links.resolve()


def test_a_backup_is_not_written_into_what_it_copies(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    done = workspaces.run("workspace", "backup", "dev", str(workspace.root / "b.tgz"), "--restart", check=False)
    assert done.returncode == 2 and "would be in what it copies" in done.stderr
    assert workspace.client().current_user.me()
