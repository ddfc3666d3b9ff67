"""DBFS, and `w.dbutils.fs` outside of a cluster."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, ResourceAlreadyExists
from databricks.sdk.service.files import DbfsAPI

from tests.workspace.calls.conftest import Robot

FAMILIES = (DbfsAPI,)
BLOCK = 1024 * 1024


@pytest.fixture
def folder(name: Callable[[], str]) -> str:
    return f"/{name()}"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_every_operation(w: WorkspaceClient, folder: str) -> None:
    dbfs = DbfsAPI(w.api_client)  # what `w.dbfs` adds to it is used below
    dbfs.mkdirs(folder)
    handle = dbfs.create(f"{folder}/a").handle or 0
    dbfs.add_block(handle, encoded(b"one "))
    dbfs.add_block(handle, encoded(b"two"))
    dbfs.close(handle)
    read = dbfs.read(f"{folder}/a", offset=4, length=9)
    assert (read.data, read.bytes_read) == (encoded(b"two"), 3)
    dbfs.put(f"{folder}/b", contents=encoded(b"three"))
    assert dbfs.get_status(f"{folder}/b").file_size == 5
    dbfs.move(f"{folder}/b", f"{folder}/c")
    assert [one.path for one in dbfs.list(folder)] == [f"{folder}/a", f"{folder}/c"]
    dbfs.delete(folder, recursive=True)
    with pytest.raises(NotFound):
        dbfs.get_status(folder)


def test_what_the_client_adds(w: WorkspaceClient, folder: str) -> None:
    content = bytes(range(256)) * 9000
    assert len(content) > 2 * BLOCK
    w.dbfs.upload(f"{folder}/one/a", io.BytesIO(content))
    with w.dbfs.open(f"{folder}/one/b", write=True) as file:
        file.write(content)
    w.dbfs.copy(f"dbfs:{folder}/one", f"dbfs:{folder}/two", recursive=True)
    assert w.dbfs.download(f"{folder}/two/a").read() == content
    assert {one.path for one in w.dbfs.list(folder, recursive=True)} == {
        f"{folder}/{name}" for name in ("one/a", "one/b", "two/a", "two/b")
    }
    w.dbfs.move_(f"dbfs:{folder}/two/a", f"dbfs:{folder}/three")
    assert w.dbfs.exists(f"{folder}/three") and not w.dbfs.exists(f"{folder}/two/a")
    w.dbfs.delete(folder, recursive=True)
    assert not w.dbfs.exists(folder)


def test_dbutils(w: WorkspaceClient, folder: str) -> None:
    fs = w.dbutils.fs
    assert fs.mkdirs(folder)
    assert fs.put(f"{folder}/a", "ä" * 10, True)
    assert fs.head(f"{folder}/a", 4) == "ää"
    assert fs.cp(f"{folder}/a", f"{folder}/b") and fs.mv(f"{folder}/b", f"{folder}/c")
    assert [(one.name, one.size) for one in fs.ls(folder)] == [("a", 20), ("c", 20)]
    assert fs.rm(folder, True)
    with pytest.raises(NotFound):
        fs.ls(folder)


def test_refusals(w: WorkspaceClient, robot: Robot, folder: str) -> None:
    dbfs = DbfsAPI(w.api_client)
    dbfs.put(f"{folder}/a", contents=encoded(b"a"))
    with pytest.raises(ResourceAlreadyExists):
        dbfs.put(f"{folder}/a", contents="")
    with pytest.raises(ResourceAlreadyExists):
        dbfs.create(f"{folder}/a")
    with pytest.raises(ResourceAlreadyExists):
        dbfs.mkdirs(f"{folder}/a")
    dbfs.put(f"{folder}/b", contents="")
    with pytest.raises(ResourceAlreadyExists):
        dbfs.move(f"{folder}/b", f"{folder}/a")
    with pytest.raises(InvalidParameterValue):
        dbfs.move(folder, f"{folder}/below")
    for missing in (dbfs.get_status, dbfs.read):
        with pytest.raises(NotFound):
            missing(f"{folder}/nothing")
    with pytest.raises(NotFound):
        list(dbfs.list(f"{folder}/nothing"))
    with pytest.raises(NotFound):
        dbfs.add_block(123, "")
    with pytest.raises(NotFound):
        dbfs.close(123)
    with pytest.raises(BadRequest):
        dbfs.delete(folder)
    with pytest.raises(BadRequest) as long:
        dbfs.read(f"{folder}/a", length=2 * BLOCK)
    assert long.value.error_code == "MAX_READ_SIZE_EXCEEDED"
    handle = robot.client.dbfs.create(f"{folder}/c").handle or 0
    with pytest.raises(BadRequest) as large:
        DbfsAPI(robot.client.api_client).add_block(handle, encoded(bytes(BLOCK + 1)))
    assert large.value.error_code == "MAX_BLOCK_SIZE_EXCEEDED"
    with pytest.raises(InvalidParameterValue):
        dbfs.get_status("relative")
    with pytest.raises(InvalidParameterValue):
        dbfs.put("/../a", contents="")
