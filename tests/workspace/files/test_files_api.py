"""The Files API through the official SDK, over all of its roots."""

from __future__ import annotations

import hashlib
import io
import os
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import AlreadyExists, BadRequest, InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.catalog import VolumeType

from tests.support import LocalWorkspace


@pytest.fixture(scope="module")
def client(workspace: LocalWorkspace) -> WorkspaceClient:
    return workspace.client()


@pytest.fixture(scope="module")
def volume(client: WorkspaceClient) -> str:
    name = f"files_{uuid.uuid4().hex[:8]}"
    client.volumes.create("main", "default", name, VolumeType.MANAGED)
    return f"/Volumes/main/default/{name}"


@pytest.fixture
def folder(volume: str) -> str:
    return f"{volume}/{uuid.uuid4().hex[:8]}"


def http(workspace: LocalWorkspace, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {workspace.token}", **options.pop("headers", {})}
    return requests.request(method, workspace.host + path, headers=headers, timeout=30, **options)


def roots(volume: str) -> list[str]:
    run = uuid.uuid4().hex
    return [
        volume,
        f"/WorkspaceInternal/Mlflow/Artifacts/17/Runs/{run}/artifacts",
        f"/WorkspaceInternal/Mlflow/Artifacts/17/LoggedModels/m-{run}",
        "/Workspace/Shared",
        "/dbfs/tmp",
    ]


def test_every_root_stores_reads_lists_and_deletes(client: WorkspaceClient, volume: str) -> None:
    for root in roots(volume):
        directory = f"{root}/{uuid.uuid4().hex}/deep"
        client.files.upload(f"{directory}/a b ü%25.txt", io.BytesIO(b"hello"))
        meta = client.files.get_metadata(f"{directory}/a b ü%25.txt")
        assert meta.content_length == 5 and meta.last_modified
        answer = client.files.download(f"{directory}/a b ü%25.txt")
        assert answer.contents and answer.contents.read() == b"hello"
        assert (answer.content_length, answer.content_type) == (5, "application/octet-stream")
        (entry,) = client.files.list_directory_contents(directory)
        assert (entry.path, entry.name, entry.file_size, entry.is_directory) == (
            f"{directory}/a b ü%25.txt",
            "a b ü%25.txt",
            5,
            False,
        )
        client.files.get_directory_metadata(directory)
        client.files.delete(f"{directory}/a b ü%25.txt")
        with pytest.raises(NotFound):
            client.files.get_metadata(f"{directory}/a b ü%25.txt")
        client.files.delete_directory(directory)
        with pytest.raises(NotFound):
            client.files.get_directory_metadata(directory)


def test_overwrite_false_keeps_what_is_there(client: WorkspaceClient, folder: str) -> None:
    client.files.upload(f"{folder}/a", io.BytesIO(b"one"), overwrite=False)
    with pytest.raises(AlreadyExists):
        client.files.upload(f"{folder}/a", io.BytesIO(b"two"), overwrite=False)
    client.files.upload(f"{folder}/a", io.BytesIO(b"three"))
    assert client.files.download(f"{folder}/a").contents.read() == b"three"


def test_directories_page_by_name(client: WorkspaceClient, folder: str) -> None:
    names = [f"f{number:02}" for number in range(7)]
    for name in names:
        client.files.upload(f"{folder}/{name}", io.BytesIO(b""))
    client.files.create_directory(f"{folder}/sub/deep")
    found = list(client.files.list_directory_contents(folder, page_size=3))
    assert [one.name for one in found] == [*names, "sub"]
    assert [one.is_directory for one in found] == [False] * 7 + [True]
    with pytest.raises(InvalidParameterValue, match="page_token"):
        client.api_client.do("GET", f"/api/2.0/fs/directories{folder}", query={"page_token": "!!!"})


def test_a_directory_with_entries_is_not_deleted(client: WorkspaceClient, folder: str) -> None:
    client.files.upload(f"{folder}/sub/a", io.BytesIO(b"x"))
    with pytest.raises(BadRequest) as refused:
        client.files.delete_directory(f"{folder}/sub")
    assert [info.reason for info in refused.value.get_error_info()] == ["FILES_API_DIRECTORY_IS_NOT_EMPTY"]
    assert client.files.download(f"{folder}/sub/a").contents.read() == b"x"


def test_files_and_directories_do_not_replace_each_other(client: WorkspaceClient, folder: str) -> None:
    client.files.upload(f"{folder}/a", io.BytesIO(b"x"))
    client.files.create_directory(f"{folder}/d")
    client.files.create_directory(f"{folder}/d")
    for refused, why in ((f"{folder}/a", "exists"), (f"{folder}/a/below", "parent"), (f"{folder}/a/be/low", "parent")):
        with pytest.raises(AlreadyExists, match=why):
            client.files.create_directory(refused)
    for refused, why in ((f"{folder}/d", "directory"), (f"{folder}/a/below", "parent")):
        with pytest.raises(AlreadyExists, match=why):
            client.files.upload(refused, io.BytesIO(b"y"))
    with pytest.raises(InvalidParameterValue):
        client.files.delete(f"{folder}/d")
    with pytest.raises(NotFound):
        client.files.download(f"{folder}/d")


def test_a_volume_must_exist(client: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match="volume"):
        client.files.upload("/Volumes/main/default/no_such_volume/a", io.BytesIO(b"x"))
    with pytest.raises(NotFound):
        list(client.files.list_directory_contents("/Volumes/main/default/no_such_volume"))


@pytest.mark.parametrize("path", ["/etc/passwd", "/Volumes/main/default", "/Volumes/main/default/../../x", "/Models/a"])
def test_paths_outside_of_the_roots_are_refused(client: WorkspaceClient, path: str) -> None:
    with pytest.raises(InvalidParameterValue):
        client.files.upload(path, io.BytesIO(b"x"))


@pytest.mark.parametrize("dots", ["..", "%2e%2e", "%2E.", "..%2f", "%2e%2e%2f"])
def test_encoded_ways_up_are_refused(workspace: LocalWorkspace, volume: str, dots: str) -> None:
    target = f"{workspace.host}/api/2.0/fs/files{volume}/{dots}/{dots}/{dots}/{dots}/{dots}/token"
    request = requests.Request("GET", workspace.host, headers={"Authorization": f"Bearer {workspace.token}"}).prepare()
    request.url = target  # as it is: the library would resolve the dots itself
    answer = requests.Session().send(request, timeout=30)
    assert answer.status_code == 400 and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_link_out_of_a_volume_is_refused(workspace: LocalWorkspace, client: WorkspaceClient, folder: str) -> None:
    client.files.create_directory(folder)
    local = workspace.root / "data" / "volumes" / folder.removeprefix("/Volumes/")
    (local / "out").symlink_to(workspace.root)
    (local / "inside").symlink_to(local)
    with pytest.raises(PermissionDenied, match="leaves"):
        client.files.download(f"{folder}/out/token")
    with pytest.raises(PermissionDenied, match="leaves"):
        client.files.upload(f"{folder}/out/made", io.BytesIO(b"x"))
    client.files.upload(f"{folder}/inside/a", io.BytesIO(b"x"))
    assert (local / "a").read_bytes() == b"x"


def test_ranges_and_conditions(workspace: LocalWorkspace, client: WorkspaceClient, folder: str) -> None:
    client.files.upload(f"{folder}/a", io.BytesIO(b"0123456789"))
    path = f"/api/2.0/fs/files{folder}/a"

    def part(value: str) -> tuple[int, bytes, str | None]:
        answer = http(workspace, "GET", path, headers={"Range": value})
        return answer.status_code, answer.content, answer.headers.get("content-range")

    assert part("bytes=2-4") == (206, b"234", "bytes 2-4/10")
    assert part("bytes=7-") == (206, b"789", "bytes 7-9/10")
    assert part("bytes=-2") == (206, b"89", "bytes 8-9/10")
    assert part("bytes=8-99") == (206, b"89", "bytes 8-9/10")
    assert part("bytes=0-") == (206, b"0123456789", "bytes 0-9/10")
    assert part("bytes=0-1,4-5")[:2] == (200, b"0123456789")
    assert part("bytes=10-")[0] == 416
    seen = http(workspace, "HEAD", path).headers["last-modified"]
    assert http(workspace, "GET", path, headers={"If-Unmodified-Since": seen}).status_code == 200
    long_ago = {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert http(workspace, "GET", path, headers=long_ago).status_code == 412
    assert http(workspace, "HEAD", path, headers=long_ago).status_code == 412


def test_a_large_file_goes_and_comes_in_bounded_memory(
    workspace: LocalWorkspace, client: WorkspaceClient, folder: str, tmp_path: Path
) -> None:
    size = 160 * 1024 * 1024
    source = tmp_path / "large.bin"
    with source.open("wb") as file:
        for _ in range(size // (1024 * 1024)):
            file.write(os.urandom(1024 * 1024))
    server = psutil.Process(workspace.pid)
    before = server.memory_info().rss
    with source.open("rb") as file:
        client.files.upload(f"{folder}/stream.bin", file)
    client.files.upload_from(f"{folder}/file.bin", str(source))
    client.files.download_to(f"{folder}/file.bin", str(tmp_path / "back.bin"))
    assert server.memory_info().rss - before < 64 * 1024 * 1024

    def digest(path: Path) -> str:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    local = workspace.root / "data" / "volumes" / folder.removeprefix("/Volumes/")
    assert {digest(path) for path in (source, tmp_path / "back.bin", local / "stream.bin")} == {digest(source)}


def test_a_broken_upload_leaves_nothing(workspace: LocalWorkspace, client: WorkspaceClient, folder: str) -> None:
    def content() -> object:
        yield b"x" * 2_000_000
        raise ConnectionAbortedError("the client dies")

    with pytest.raises(requests.ConnectionError):
        http(workspace, "PUT", f"/api/2.0/fs/files{folder}/a", data=content())
    with pytest.raises(NotFound):
        client.files.get_metadata(f"{folder}/a")


def test_volume_names_are_case_insensitive(client: WorkspaceClient, folder: str) -> None:
    client.files.upload(f"{folder}/Mixed", io.BytesIO(b"x"))
    catalog_part = folder.replace("/Volumes/main/default", "/Volumes/MAIN/Default")
    assert client.files.download(f"{catalog_part}/Mixed").contents.read() == b"x"


def test_dbutils_reads_volumes(client: WorkspaceClient, folder: str) -> None:
    client.dbutils.fs.put(f"{folder}/note.txt", "written by dbutils", overwrite=True)
    assert client.dbutils.fs.head(f"{folder}/note.txt") == "written by dbutils"
    assert [one.name for one in client.dbutils.fs.ls(folder)] == ["note.txt"]
    client.dbutils.fs.cp(f"{folder}/note.txt", f"{folder}/copy.txt")
    client.dbutils.fs.rm(folder, recurse=True)
    with pytest.raises(NotFound):
        client.files.get_directory_metadata(folder)
