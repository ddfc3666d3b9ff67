"""Files in volumes and the other roots, small ones and large ones."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    AlreadyExists,
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
)
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.files import FilesAPI

from tests.support import LocalWorkspace
from tests.workspace.calls.conftest import Robot

FAMILIES = (FilesAPI,)
MIB = 1024 * 1024


@pytest.fixture
def volume(w: WorkspaceClient, name: Callable[[], str]) -> str:
    """A volume in a schema of its own, which is the administrator's."""
    schema = name()
    w.schemas.create(schema, "main")
    w.volumes.create("main", schema, "files", VolumeType.MANAGED)
    return f"/Volumes/main/{schema}/files"


def test_every_operation(w: WorkspaceClient, volume: str) -> None:
    for files in (w.files, FilesAPI(w.api_client)):  # with and without what `w.files` adds to it
        directory = f"{volume}/ä b/c"
        files.create_directory(directory)
        files.get_directory_metadata(directory)
        files.upload(f"{directory}/a#1.bin", io.BytesIO(b"\x00\xff"), overwrite=True)
        assert files.get_metadata(f"{directory}/a#1.bin").content_length == 2
        contents = files.download(f"{directory}/a#1.bin").contents
        assert contents is not None and contents.read() == b"\x00\xff"
        [entry] = files.list_directory_contents(directory)
        assert (entry.path, entry.file_size, entry.is_directory) == (f"{directory}/a#1.bin", 2, False)
        files.delete(f"{directory}/a#1.bin")
        files.delete_directory(directory)
        with pytest.raises(NotFound):
            files.get_directory_metadata(directory)


def test_dbutils_sees_volumes(w: WorkspaceClient, volume: str) -> None:
    fs = w.dbutils.fs
    assert fs.mkdirs(f"{volume}/one") and fs.put(f"{volume}/one/a", "text", True)
    assert fs.cp(f"{volume}/one", f"{volume}/two", True)
    assert [one.name for one in fs.ls(f"{volume}/two")] == ["a"]
    assert fs.head(f"{volume}/two/a") == "text"
    assert fs.rm(f"{volume}/one", True)
    with pytest.raises(NotFound):
        w.files.get_directory_metadata(f"{volume}/one")


def test_more_than_a_page(w: WorkspaceClient, volume: str) -> None:
    names = [f"f{number}" for number in range(7)]
    for one in names:
        w.files.upload(f"{volume}/{one}", io.BytesIO(b""))
    assert [one.name for one in w.files.list_directory_contents(volume, page_size=3)] == names


def test_refusals(w: WorkspaceClient, robot: Robot, volume: str) -> None:
    w.files.upload(f"{volume}/a/b", io.BytesIO(b"x"))
    with pytest.raises(AlreadyExists):
        w.files.upload(f"{volume}/a/b", io.BytesIO(b"y"), overwrite=False)
    with pytest.raises(AlreadyExists):
        w.files.create_directory(f"{volume}/a/b")
    for missing in (w.files.download, w.files.get_metadata, w.files.delete, w.files.delete_directory):
        with pytest.raises(NotFound):
            missing(f"{volume}/nothing")
    with pytest.raises(NotFound):
        list(w.files.list_directory_contents(f"{volume}/nothing"))
    with pytest.raises(NotFound):
        w.files.upload(f"{volume}-nothing/a", io.BytesIO(b""))
    with pytest.raises(BadRequest):
        w.files.delete_directory(f"{volume}/a")
    with pytest.raises(InvalidParameterValue):
        w.files.upload("/etc/passwd", io.BytesIO(b""))
    for refused in (robot.client.files.download, robot.client.files.delete):
        with pytest.raises(PermissionDenied):
            refused(f"{volume}/a/b")
    with pytest.raises(PermissionDenied):
        robot.client.files.upload(f"{volume}/c", io.BytesIO(b""))


class Memory:
    """The memory of a server's process, by the kernel's own mark of the highest."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._process = Path("/proc", str(workspace.pid))
        (self._process / "clear_refs").write_text("5")  # the mark starts again from what is in use now
        self._before = self._bytes("VmHWM")

    def grown(self) -> int:
        return self._bytes("VmHWM") - self._before

    def _bytes(self, field: str) -> int:
        found = re.search(rf"{field}:\s+(\d+) kB", (self._process / "status").read_text())
        assert found is not None
        return int(found[1]) * 1024


def made(path: Path, size: int) -> str:
    """Writes a file of which no two blocks are the same, and answers its digest."""
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(size // MIB):
            file.write(number.to_bytes(8, "big") + block[8:])
    with path.open("rb") as written:
        return digest(written)


def digest(file: IO[bytes]) -> str:
    found = hashlib.blake2b()
    while block := file.read(MIB):
        found.update(block)
    return found.hexdigest()


def goes_and_comes(workspace: LocalWorkspace, volume: str, directory: Path, size: int) -> None:
    """A file goes up from a stream and from the disk, comes back both ways, and the server holds little of it."""
    w, source, back = workspace.client(), directory / "source", directory / "back"
    expected = made(source, size)
    memory = Memory(workspace)
    with source.open("rb") as file:
        w.files.upload(f"{volume}/stream", file)
    w.files.upload_from(f"{volume}/file", str(source), overwrite=True)
    contents = w.files.download(f"{volume}/file").contents
    assert contents is not None and digest(contents) == expected
    w.files.download_to(f"{volume}/stream", str(back))
    with back.open("rb") as file:
        assert digest(file) == expected
    assert memory.grown() < 40 * MIB
    for one in ("stream", "file"):
        w.files.delete(f"{volume}/{one}")
    source.unlink()
    back.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of another process' memory is the Linux kernel's to say")
def test_a_large_file_in_little_memory(server: LocalWorkspace, volume: str, tmp_path: Path) -> None:
    goes_and_comes(server, volume, tmp_path, 256 * MIB)


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of another process' memory is the Linux kernel's to say")
def test_a_file_of_one_gibibyte_in_little_memory(server: LocalWorkspace, volume: str, tmp_path: Path) -> None:
    goes_and_comes(server, volume, tmp_path, 1024 * MIB)
