"""Notebooks, files and folders."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service.workspace import (
    ExportFormat,
    ImportFormat,
    Language,
    ObjectType,
    WorkspaceAPI,
    WorkspaceObjectAccessControlRequest,
    WorkspaceObjectPermissionLevel,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (WorkspaceAPI,)
NOTEBOOK = "# Databricks notebook source\nprint(1)\n"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def folder(w: WorkspaceClient, name: Callable[[], str]) -> str:
    path = f"/Users/{w.current_user.me().user_name}/{name()}"
    w.workspace.mkdirs(path)
    return path


def test_every_operation(w: WorkspaceClient, robot: Robot, folder: str) -> None:
    w.workspace.mkdirs(f"{folder}/below")
    notebook = f"{folder}/below/notebook"
    w.workspace.import_(notebook, content=encoded(NOTEBOOK), format=ImportFormat.SOURCE, language=Language.PYTHON)
    status = w.workspace.get_status(notebook)
    assert (status.object_type, status.language) == (ObjectType.NOTEBOOK, Language.PYTHON)
    assert w.workspace.export(notebook, format=ExportFormat.SOURCE).content == encoded(NOTEBOOK)
    assert [one.path for one in w.workspace.list(f"{folder}/below")] == [notebook]
    permissions(w, robot, str(status.object_id), notebook)
    w.workspace.delete(folder, recursive=True)
    with pytest.raises(NotFound):
        w.workspace.get_status(notebook)


def permissions(w: WorkspaceClient, robot: Robot, number: str, path: str) -> None:
    assert w.workspace.get_permission_levels("notebooks", number).permission_levels
    entry = WorkspaceObjectAccessControlRequest(
        service_principal_name=robot.name, permission_level=WorkspaceObjectPermissionLevel.CAN_READ
    )
    w.workspace.update_permissions("notebooks", number, access_control_list=[entry])
    found = w.workspace.get_permissions("notebooks", number).access_control_list or []
    assert robot.name in {one.service_principal_name for one in found}
    assert robot.client.workspace.download(path).read().decode() == NOTEBOOK
    w.workspace.set_permissions("notebooks", number, access_control_list=[])
    with pytest.raises(PermissionDenied):
        robot.client.workspace.export(path)


@pytest.mark.parametrize("language", list(Language))
def test_formats_of_every_language(w: WorkspaceClient, folder: str, language: Language) -> None:
    ending = {Language.PYTHON: "py", Language.SQL: "sql", Language.R: "r", Language.SCALA: "scala"}[language]
    comment = {Language.PYTHON: "#", Language.SQL: "--", Language.R: "#", Language.SCALA: "//"}[language]
    source = f"{comment} Databricks notebook source\n1\n"
    w.workspace.upload(f"{folder}/a", io.BytesIO(source.encode()), format=ImportFormat.SOURCE, language=language)
    w.workspace.upload(f"{folder}/b.{ending}", io.BytesIO(source.encode()), format=ImportFormat.AUTO)
    w.workspace.upload(f"{folder}/c.{ending}", io.BytesIO(source.encode()), format=ImportFormat.RAW)
    kinds = {one.path: (one.object_type, one.language) for one in w.workspace.list(folder)}
    assert kinds[f"{folder}/a"] == kinds[f"{folder}/b"] == (ObjectType.NOTEBOOK, language)
    assert kinds[f"{folder}/c.{ending}"][0] is ObjectType.FILE
    jupyter = w.workspace.export(f"{folder}/a", format=ExportFormat.JUPYTER).content
    w.workspace.import_(f"{folder}/d", content=jupyter, format=ImportFormat.JUPYTER)
    w.workspace.upload(f"{folder}/e.ipynb", base64.b64decode(jupyter or ""), format=ImportFormat.AUTO)
    for path in (f"{folder}/d", f"{folder}/e"):
        assert w.workspace.get_status(path).language is language
    assert w.workspace.download(f"{folder}/d", format=ExportFormat.SOURCE).read().decode().strip() == source.strip()
    assert w.workspace.download(f"{folder}/c.{ending}").read().decode() == source


def test_recursive_lists(w: WorkspaceClient, folder: str) -> None:
    w.workspace.mkdirs(f"{folder}/one/two")
    w.workspace.upload(f"{folder}/one/two/a.txt", io.BytesIO(b"a"), format=ImportFormat.AUTO)
    found = {one.path for one in w.workspace.list(folder, recursive=True)}
    assert f"{folder}/one/two/a.txt" in found


def test_refusals(w: WorkspaceClient, robot: Robot, folder: str) -> None:
    path = f"{folder}/a.txt"
    w.workspace.upload(path, io.BytesIO(b"a"), format=ImportFormat.AUTO)
    with pytest.raises(ResourceAlreadyExists):
        w.workspace.upload(path, io.BytesIO(b"b"), format=ImportFormat.AUTO)
    with pytest.raises(ResourceAlreadyExists):
        w.workspace.mkdirs(path)
    for missing in (w.workspace.get_status, w.workspace.export, w.workspace.delete):
        with pytest.raises(ResourceDoesNotExist):
            missing(f"{folder}/nothing")
    with pytest.raises(ResourceDoesNotExist):
        list(w.workspace.list(f"{folder}/nothing"))
    with pytest.raises(BadRequest) as full:
        w.workspace.delete(folder)
    assert full.value.error_code == "DIRECTORY_NOT_EMPTY"
    with pytest.raises(InvalidParameterValue):
        w.workspace.get_status("relative/path")
    with pytest.raises(BadRequest):
        w.workspace.import_(f"{folder}/b", content="no base64!", format=ImportFormat.SOURCE, language=Language.SQL)
    with pytest.raises(BadRequest):
        w.workspace.import_(f"{folder}/b", content=encoded("x"), format=ImportFormat.SOURCE)
    for refused in (robot.client.workspace.get_status, robot.client.workspace.export, robot.client.workspace.delete):
        with pytest.raises(PermissionDenied):
            refused(path)
