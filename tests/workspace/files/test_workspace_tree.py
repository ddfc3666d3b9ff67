"""The workspace tree through the official SDK."""

from __future__ import annotations

import base64
import concurrent.futures
import io
import json
import uuid
import zipfile
from typing import Any

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.errors import NotImplemented as NotImplementedByServer
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

from tests.support import LocalWorkspace

SOURCE = b"# Databricks notebook source\nprint(1)\n\n# COMMAND ----------\n\n# MAGIC %md\n# MAGIC # Title\n"


@pytest.fixture(scope="module")
def client(workspace: LocalWorkspace) -> WorkspaceClient:
    return workspace.client()


@pytest.fixture
def folder(client: WorkspaceClient) -> str:
    path = f"/Users/{client.current_user.me().user_name}/tree-{uuid.uuid4().hex[:8]}"
    client.workspace.mkdirs(path)
    return path


def import_file(workspace: LocalWorkspace, path: str, content: bytes, *, overwrite: bool = False) -> requests.Response:
    return requests.post(
        f"{workspace.host}/api/2.0/workspace-files/import-file/{path.lstrip('/')}",
        params={"overwrite": str(overwrite).lower()},
        data=content,
        headers={"Authorization": f"Bearer {workspace.token}"},
        timeout=30,
    )


def test_home_directories_are_there_from_the_start(client: WorkspaceClient) -> None:
    me = client.current_user.me().user_name
    assert {one.path for one in client.workspace.list("/")} >= {"/Users", "/Shared"}
    status = client.workspace.get_status(f"/Workspace/Users/{me}")
    assert status.path == f"/Users/{me}" and status.object_type is ObjectType.DIRECTORY
    with pytest.raises(BadRequest, match="protected"):
        client.workspace.delete("/Shared", recursive=True)


def test_source_becomes_a_notebook_with_header_at_its_own_path(client: WorkspaceClient, folder: str) -> None:
    path = f"{folder}/notebook.py"
    client.workspace.upload(path, io.BytesIO(b"print(1)"))
    assert client.workspace.download(path).read() == b"# Databricks notebook source\nprint(1)"
    status = client.workspace.get_status(path)
    assert (status.object_type, status.language, status.size) == (ObjectType.NOTEBOOK, Language.PYTHON, 37)
    assert status.object_id and status.resource_id == str(status.object_id)
    assert status.created_at and status.modified_at and status.modified_at >= status.created_at


def test_auto_tells_notebooks_from_files_by_content(client: WorkspaceClient, folder: str) -> None:
    client.workspace.upload(f"{folder}/plain.py", io.BytesIO(b"print(1)"), format=ImportFormat.AUTO)
    client.workspace.upload(f"{folder}/book.py", io.BytesIO(SOURCE), format=ImportFormat.AUTO)
    client.workspace.upload(f"{folder}/query.sql", b"-- Databricks notebook source\nselect 1", format=ImportFormat.AUTO)
    client.workspace.upload(f"{folder}/data.bin", bytes(range(256)), format=ImportFormat.AUTO)
    found = {one.path.removeprefix(folder): (one.object_type, one.language) for one in client.workspace.list(folder)}
    assert found == {
        "/plain.py": (ObjectType.FILE, None),
        "/book": (ObjectType.NOTEBOOK, Language.PYTHON),
        "/query": (ObjectType.NOTEBOOK, Language.SQL),
        "/data.bin": (ObjectType.FILE, None),
    }
    assert client.workspace.download(f"{folder}/data.bin").read() == bytes(range(256))
    assert client.workspace.download(f"{folder}/book").read() == SOURCE


def test_raw_keeps_a_file_a_file(client: WorkspaceClient, folder: str) -> None:
    client.workspace.upload(f"{folder}/book.py", io.BytesIO(SOURCE), format=ImportFormat.RAW)
    assert client.workspace.get_status(f"{folder}/book.py").object_type is ObjectType.FILE


def test_jupyter_and_source_convert_into_each_other(client: WorkspaceClient, folder: str) -> None:
    client.workspace.upload(f"{folder}/book.py", io.BytesIO(SOURCE), format=ImportFormat.AUTO)
    jupyter = client.workspace.download(f"{folder}/book", format=ExportFormat.JUPYTER).read()
    cells = json.loads(jupyter)["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == [
        ("code", "print(1)"),
        ("markdown", "# Title"),
    ]
    client.workspace.upload(f"{folder}/again.ipynb", io.BytesIO(jupyter), format=ImportFormat.AUTO)
    status = client.workspace.get_status(f"{folder}/again")
    assert (status.object_type, status.language) == (ObjectType.NOTEBOOK, Language.PYTHON)
    assert client.workspace.download(f"{folder}/again").read() == SOURCE.rstrip(b"\n")
    assert client.workspace.download(f"{folder}/again", format=ExportFormat.AUTO).read() == jupyter


def test_export_answers_base64_and_extension(client: WorkspaceClient, folder: str) -> None:
    content = base64.b64encode(SOURCE).decode()
    client.workspace.import_(f"{folder}/book", content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    answer = client.workspace.export(f"{folder}/book")
    assert (base64.b64decode(answer.content or ""), answer.file_type) == (SOURCE, "py")
    assert client.workspace.export(f"{folder}/book", format=ExportFormat.JUPYTER).file_type == "ipynb"


def test_what_is_not_supported_is_named(client: WorkspaceClient, folder: str) -> None:
    client.workspace.upload(f"{folder}/book.py", io.BytesIO(SOURCE), format=ImportFormat.AUTO)
    with pytest.raises(NotImplementedByServer, match="HTML"):
        client.workspace.export(f"{folder}/book", format=ExportFormat.HTML)
    with pytest.raises(InvalidParameterValue, match="directory"):
        client.workspace.export(folder, format=ExportFormat.JUPYTER)
    with pytest.raises(NotImplementedByServer, match="zip"):
        client.workspace.upload(f"{folder}/x", b"PK\x03\x04", format=ImportFormat.SOURCE)
    with pytest.raises(NotImplementedByServer, match="DBC"):
        client.workspace.import_(f"{folder}/x", content="AAAA", format=ImportFormat.DBC)


def test_a_directory_is_exported_as_a_zip(client: WorkspaceClient, folder: str) -> None:
    name = folder.rpartition("/")[2]
    client.workspace.mkdirs(f"{folder}/deep/er")
    client.workspace.upload(f"{folder}/deep/er/book.py", io.BytesIO(SOURCE), format=ImportFormat.AUTO)
    client.workspace.upload(f"{folder}/a.txt", b"a", format=ImportFormat.AUTO)
    answer = client.workspace.export(folder)
    assert answer.file_type == "zip"
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(answer.content or ""))) as notebooks:
        assert notebooks.namelist() == [f"{name}/deep/er/book.py"]
        assert notebooks.read(f"{name}/deep/er/book.py") == SOURCE
    everything = client.workspace.download(folder, format=ExportFormat.AUTO).read()
    assert set(zipfile.ZipFile(io.BytesIO(everything)).namelist()) == {f"{name}/deep/er/book.py", f"{name}/a.txt"}


def test_wrong_content_is_refused(client: WorkspaceClient, folder: str) -> None:
    with pytest.raises(InvalidParameterValue, match="Jupyter"):
        client.workspace.import_(f"{folder}/x", content="AAAA", format=ImportFormat.JUPYTER)
    with pytest.raises(InvalidParameterValue, match="language"):
        client.workspace.import_(f"{folder}/x", content="AAAA", format=ImportFormat.SOURCE)
    with pytest.raises(BadRequest, match="base64"):
        client.workspace.import_(f"{folder}/x", content="%%%", format=ImportFormat.AUTO)
    with pytest.raises(NotFound):
        client.workspace.get_status(f"{folder}/x")


def test_existing_content_is_kept_without_overwrite(client: WorkspaceClient, folder: str) -> None:
    path = f"{folder}/a.txt"
    client.workspace.upload(path, b"one", format=ImportFormat.AUTO)
    before = client.workspace.get_status(path)
    with pytest.raises(ResourceAlreadyExists) as refused:
        client.workspace.upload(path, b"two", format=ImportFormat.AUTO)
    assert refused.value.error_code == "RESOURCE_ALREADY_EXISTS"
    client.workspace.upload(path, b"two", format=ImportFormat.AUTO, overwrite=True)
    after = client.workspace.get_status(path)
    assert client.workspace.download(path).read() == b"two"
    assert (after.object_id, after.created_at) == (before.object_id, before.created_at)


def test_a_notebook_does_not_replace_a_file(client: WorkspaceClient, folder: str) -> None:
    client.workspace.upload(f"{folder}/book", b"a file", format=ImportFormat.RAW)
    with pytest.raises(Exception, match="type mismatch"):
        client.workspace.upload(f"{folder}/book.py", SOURCE, format=ImportFormat.AUTO, overwrite=True)
    assert client.workspace.download(f"{folder}/book").read() == b"a file"


def test_parent_must_exist(client: WorkspaceClient, folder: str) -> None:
    with pytest.raises(ResourceDoesNotExist, match="parent folder"):
        client.workspace.upload(f"{folder}/none/a.txt", b"one", format=ImportFormat.AUTO)


def test_delete_asks_for_recursive(client: WorkspaceClient, folder: str) -> None:
    client.workspace.mkdirs(f"{folder}/sub/deep")
    with pytest.raises(BadRequest) as refused:
        client.workspace.delete(f"{folder}/sub")
    assert refused.value.error_code == "DIRECTORY_NOT_EMPTY"
    client.workspace.delete(f"{folder}/sub", recursive=True)
    with pytest.raises(ResourceDoesNotExist):
        client.workspace.delete(f"{folder}/sub")
    assert list(client.workspace.list(folder)) == []


def test_deleted_identity_is_not_given_again(client: WorkspaceClient, folder: str) -> None:
    client.workspace.upload(f"{folder}/a.txt", b"one", format=ImportFormat.AUTO)
    first = client.workspace.get_status(f"{folder}/a.txt").object_id
    client.workspace.delete(f"{folder}/a.txt")
    client.workspace.upload(f"{folder}/a.txt", b"one", format=ImportFormat.AUTO)
    assert client.workspace.get_status(f"{folder}/a.txt").object_id != first


def test_mkdirs_over_a_file_is_refused(client: WorkspaceClient, folder: str) -> None:
    client.workspace.upload(f"{folder}/a.txt", b"one", format=ImportFormat.AUTO)
    for path in (f"{folder}/a.txt", f"{folder}/a.txt/b"):
        with pytest.raises(ResourceAlreadyExists):
            client.workspace.mkdirs(path)


@pytest.mark.parametrize(
    "path", ["relative", "/Users/../../etc/passwd", "/Users/a\u0000b", "/x" * 4000, "/" + "y" * 300]
)
def test_paths_that_are_none_are_refused(client: WorkspaceClient, path: str) -> None:
    with pytest.raises(InvalidParameterValue):
        client.workspace.get_status(path)


def test_recursive_listing(client: WorkspaceClient, folder: str) -> None:
    for name in ("a", "b/c", "b/d/e"):
        client.workspace.mkdirs(f"{folder}/{name}")
        client.workspace.upload(f"{folder}/{name}/x.txt", b"1", format=ImportFormat.AUTO)
    found = {one.path for one in client.workspace.list(folder, recursive=True)}
    assert found == {f"{folder}/{name}/x.txt" for name in ("a", "b/c", "b/d/e")}


def test_import_file_lets_one_of_many_win(workspace: LocalWorkspace, client: WorkspaceClient, folder: str) -> None:
    path = f"{folder}/deploy.lock"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: import_file(workspace, path, f"caller {n}".encode()), range(8)))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 7
    lost = next(one for one in answers if one.status_code == 409).json()
    assert lost["error_code"] == "RESOURCE_ALREADY_EXISTS"
    winner = next(n for n, one in enumerate(answers) if one.status_code == 200)
    assert client.workspace.download(path).read() == f"caller {winner}".encode()
    assert import_file(workspace, path, b"forced", overwrite=True).status_code == 200
    raw = requests.get(
        f"{workspace.host}/api/2.0/workspace-files{path}",
        headers={"Authorization": f"Bearer {workspace.token}"},
        timeout=30,
    )
    assert raw.content == b"forced"


def test_import_file_recognises_notebooks_and_missing_parents(
    workspace: LocalWorkspace, client: WorkspaceClient, folder: str
) -> None:
    assert import_file(workspace, f"{folder}/none/a.txt", b"").status_code == 404
    assert import_file(workspace, f"{folder}/book.py", SOURCE).status_code == 200
    assert client.workspace.get_status(f"{folder}/book").object_type is ObjectType.NOTEBOOK
    assert import_file(workspace, f"{folder}/odd name ü%.txt", b"x").status_code == 200


def test_files_written_by_a_task_are_seen(workspace: LocalWorkspace, client: WorkspaceClient, folder: str) -> None:
    local = workspace.root / "data" / "workspace" / folder.lstrip("/")
    (local / "made").mkdir()
    (local / "made" / "out.txt").write_text("by a task")
    assert [one.object_type for one in client.workspace.list(folder)] == [ObjectType.DIRECTORY]
    first = client.workspace.get_status(f"{folder}/made/out.txt")
    assert first.object_type is ObjectType.FILE
    assert client.workspace.get_status(f"{folder}/made/out.txt").object_id == first.object_id
    assert client.workspace.download(f"{folder}/made/out.txt").read() == b"by a task"


def test_a_link_out_of_the_tree_is_refused(workspace: LocalWorkspace, client: WorkspaceClient, folder: str) -> None:
    (workspace.root / "data" / "workspace" / folder.lstrip("/") / "out").symlink_to(workspace.root)
    with pytest.raises(PermissionDenied, match="leaves"):
        client.workspace.download(f"{folder}/out/token")
    assert [one.object_type for one in client.workspace.list(folder)] == [ObjectType.FILE]


def test_notebooks_have_a_size_limit(client: WorkspaceClient, folder: str) -> None:
    big = SOURCE + b"#" * (10 * 1024 * 1024)
    with pytest.raises(BadRequest, match="larger"):
        client.workspace.upload(f"{folder}/book.py", big, format=ImportFormat.AUTO)
    client.workspace.upload(f"{folder}/file.txt", big, format=ImportFormat.AUTO)
    assert client.workspace.get_status(f"{folder}/file.txt").size == len(big)
    assert client.workspace.download(f"{folder}/file.txt").read() == big
    encoded = base64.b64encode(big).decode()
    for ask in (
        lambda: client.workspace.import_(f"{folder}/json.txt", content=encoded, format=ImportFormat.AUTO),
        lambda: client.workspace.export(f"{folder}/file.txt"),
        lambda: client.workspace.export(folder, format=ExportFormat.AUTO),
    ):
        with pytest.raises(BadRequest) as refused:
            ask()
        assert refused.value.error_code == "MAX_NOTEBOOK_SIZE_EXCEEDED"


def test_the_format_of_a_notebook_is_told_to_who_asks(client: WorkspaceClient, folder: str) -> None:
    client.workspace.upload(f"{folder}/plain.py", SOURCE, format=ImportFormat.AUTO)
    empty = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    client.workspace.upload(f"{folder}/book.ipynb", empty, format=ImportFormat.AUTO)

    def status(name: str) -> Any:
        query = {"path": f"{folder}/{name}", "return_export_info": "true"}
        return client.api_client.do("GET", "/api/2.0/workspace/get-status", query=query)

    assert status("plain")["repos_export_format"] == "SOURCE"
    assert status("book")["repos_export_format"] == "JUPYTER"
