"""DBFS through the official SDK: `w.dbfs`, and `w.dbutils.fs` outside a cluster."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal

import pytest
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, ResourceAlreadyExists
from databricks.sdk.service.files import DbfsAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import LocalWorkspace, WorkspaceHome


@pytest.fixture
def folder(workspace: LocalWorkspace, request: pytest.FixtureRequest) -> str:
    return f"/tests/{request.node.name}"


def test_a_file_goes_up_in_blocks_and_comes_back(workspace: LocalWorkspace, folder: str) -> None:
    w = workspace.client()
    content = os.urandom(3 * 1024 * 1024 + 17)
    w.dbfs.upload(f"{folder}/a.bin", io.BytesIO(content))
    with w.dbfs.download(f"{folder}/a.bin") as file:
        assert file.read() == content
    assert w.dbfs.get_status(f"dbfs:{folder}/a.bin").file_size == len(content)


def test_a_file_is_not_there_before_it_is_closed(workspace: LocalWorkspace, folder: str) -> None:
    w = workspace.client()
    handle = w.dbfs.create(f"{folder}/b").handle
    assert handle is not None
    w.dbfs.add_block(handle, "YWJj")
    with pytest.raises(NotFound):
        w.dbfs.get_status(f"{folder}/b")
    w.dbfs.close(handle)
    assert w.dbfs.read(f"{folder}/b").data == "YWJj"
    with pytest.raises(NotFound):
        w.dbfs.add_block(handle, "YWJj")


def test_errors_are_the_vendors(workspace: LocalWorkspace, folder: str) -> None:
    w = workspace.client()
    w.dbfs.put(f"{folder}/c", contents="YWJj")
    with pytest.raises(ResourceAlreadyExists):
        w.dbfs.put(f"{folder}/c", contents="YWJj")
    with pytest.raises(ResourceAlreadyExists):
        w.dbfs.create(f"{folder}/c")
    with pytest.raises(ResourceAlreadyExists):
        w.dbfs.mkdirs(f"{folder}/c/below")
    with pytest.raises(NotFound):
        list(w.dbfs.list(f"{folder}/nothing"))
    with pytest.raises(InvalidParameterValue):
        w.dbfs.read(f"{folder}/c", offset=-1)
    with pytest.raises(InvalidParameterValue):
        w.dbfs.read(folder)
    with pytest.raises(BadRequest, match="at most"):
        w.dbfs.read(f"{folder}/c", length=2 * 1024 * 1024)
    with pytest.raises(BadRequest, match="bytes"):
        w.dbfs.put(f"{folder}/large", contents="A" * 2_000_000)
    with pytest.raises(BadRequest, match="not empty"):
        DbfsAPI(w.api_client).delete(folder)  # without the check that `w.dbfs` makes before it asks
    with pytest.raises(InvalidParameterValue):
        w.dbfs.put("/../outside", contents="")
    with pytest.raises(InvalidParameterValue, match="Files API"):
        w.dbfs.read("dbfs:/Volumes/main/default/v/a")


def test_directories_are_listed_moved_and_deleted(workspace: LocalWorkspace, folder: str) -> None:
    w = workspace.client()
    w.dbfs.mkdirs(f"{folder}/old/deep")
    w.dbfs.put(f"{folder}/old/deep/x", contents="YQ==")
    assert [(one.path, one.is_dir) for one in w.dbfs.list(f"{folder}/old")] == [(f"{folder}/old/deep", True)]
    w.dbfs.move(f"{folder}/old", f"{folder}/new")
    assert w.dbfs.read(f"{folder}/new/deep/x").bytes_read == 1
    w.dbfs.put(f"{folder}/y", contents="YQ==")
    with pytest.raises(ResourceAlreadyExists):
        w.dbfs.move(f"{folder}/new", f"{folder}/y")
    w.dbfs.delete(folder, recursive=True)
    assert not w.dbfs.exists(folder)


def test_dbutils_outside_a_cluster(workspace: LocalWorkspace, folder: str) -> None:
    fs = workspace.client().dbutils.fs
    assert fs.mkdirs(f"dbfs:{folder}")
    assert fs.put(f"dbfs:{folder}/a.txt", "héllo", True)
    assert fs.head(f"dbfs:{folder}/a.txt") == "héllo"
    assert fs.cp(f"dbfs:{folder}/a.txt", f"dbfs:{folder}/b.txt")
    assert fs.mv(f"dbfs:{folder}/b.txt", f"dbfs:{folder}/c.txt")
    assert sorted(one.name for one in fs.ls(f"dbfs:{folder}")) == ["a.txt", "c.txt"]
    assert fs.rm(f"dbfs:{folder}", True)


def test_a_task_and_the_files_api_see_the_same(workspace: LocalWorkspace, folder: str) -> None:
    w = workspace.client()
    w.dbfs.put(f"{folder}/seen", contents="YWJj")
    contents = w.files.download(f"/dbfs{folder}/seen").contents
    assert contents is not None and contents.read() == b"abc"


def test_a_kill_leaves_no_half_file(workspaces: WorkspaceHome) -> None:
    started = workspaces.start("dev")
    w = started.client()
    handle = w.dbfs.create("/half").handle
    assert handle is not None
    w.dbfs.add_block(handle, "YWJj")
    w.dbfs.put("/whole", contents="YWJj")
    os.kill(json.loads(workspaces.run("workspace", "status", "dev", "--output", "json").stdout)["pid"], signal.SIGKILL)
    w = workspaces.start("dev").client()
    assert w.dbfs.read("/whole").data == "YWJj"
    assert [one.path for one in w.dbfs.list("/")] == ["/whole"]


@settings(max_examples=40, deadline=None)
@given(path=st.text(max_size=40), offset=st.integers(), length=st.integers())
def test_no_path_and_no_number_breaks_the_server(
    workspace: LocalWorkspace, path: str, offset: int, length: int
) -> None:
    w = workspace.client()
    for ask in (
        lambda: w.dbfs.read(f"/{path}", length=length, offset=offset),
        lambda: w.dbfs.get_status(path),
        lambda: w.dbfs.put(f"/fuzz/{path}", contents=path, overwrite=True),
        lambda: w.dbfs.add_block(offset, path),
    ):
        with contextlib.suppress(BadRequest, NotFound, ResourceAlreadyExists):
            ask()
