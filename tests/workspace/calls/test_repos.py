"""Git folders, cloned from a repository by its `file:` address, and Git credentials."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.workspace import (
    GitCredentialsAPI,
    RepoAccessControlRequest,
    RepoPermissionLevel,
    ReposAPI,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (ReposAPI, GitCredentialsAPI)


@pytest.fixture
def remote(tmp_path: Path) -> str:
    """The address of a repository with the branches `main` and `other`."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    directory = tmp_path / "remote"
    directory.mkdir()
    (directory / "a.py").write_text("# Databricks notebook source\n1\n")
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        [*who, "commit", "-q", "-m", "first"],
        ["branch", "other"],
    ):
        subprocess.run(["git", *words], cwd=directory, check=True, capture_output=True)
    return directory.as_uri()


@pytest.fixture
def folder(w: WorkspaceClient, name: Callable[[], str]) -> str:
    path = f"/Users/{w.current_user.me().user_name}/{name()}"
    w.workspace.mkdirs(path)
    return path


def test_every_operation(w: WorkspaceClient, robot: Robot, remote: str, folder: str) -> None:
    made = w.repos.create(remote, "gitHub", path=f"{folder}/clone")
    assert made.id is not None and made.branch == "main"
    w.repos.update(made.id, branch="other")
    assert w.repos.get(made.id).branch == "other"
    assert [one.id for one in w.repos.list(path_prefix=folder)] == [made.id]
    number = str(made.id)
    assert w.repos.get_permission_levels(number).permission_levels
    entry = RepoAccessControlRequest(service_principal_name=robot.name, permission_level=RepoPermissionLevel.CAN_READ)
    w.repos.update_permissions(number, access_control_list=[entry])
    found = w.repos.get_permissions(number).access_control_list or []
    assert robot.name in {one.service_principal_name for one in found}
    assert robot.client.repos.get(made.id).branch == "other"
    w.repos.set_permissions(number, access_control_list=[])
    with pytest.raises(PermissionDenied):
        robot.client.repos.get(made.id)
    w.repos.delete(made.id)
    with pytest.raises(NotFound):
        w.repos.get(made.id)
    credentials(robot.client)


def credentials(client: WorkspaceClient) -> None:
    made = client.git_credentials.create("gitHub", git_username="one", personal_access_token="ghp_canary")
    client.git_credentials.update(made.credential_id, "gitLab", git_username="two", personal_access_token="glpat")
    found = client.git_credentials.get(made.credential_id)
    assert (found.git_provider, found.git_username) == ("gitLab", "two")
    assert [one.credential_id for one in client.git_credentials.list()] == [made.credential_id]
    client.git_credentials.delete(made.credential_id)
    assert not list(client.git_credentials.list())


def test_more_than_a_page(w: WorkspaceClient, remote: str, folder: str) -> None:
    ids = {w.repos.create(remote, "gitHub", path=f"{folder}/clone{number:02}").id for number in range(21)}
    first = w.api_client.do("GET", "/api/2.0/repos", query={"path_prefix": folder})
    assert isinstance(first, dict) and len(first["repos"]) == 20 and first["next_page_token"]
    assert {one.id for one in w.repos.list(path_prefix=folder)} == ids


def test_refusals(w: WorkspaceClient, robot: Robot, remote: str, folder: str) -> None:
    repo_id = w.repos.create(remote, "gitHub", path=f"{folder}/clone").id or 0
    with pytest.raises(ResourceAlreadyExists):
        w.repos.create(remote, "gitHub", path=f"{folder}/clone")
    with pytest.raises(InvalidParameterValue):
        w.repos.create("ftp://host/a", "gitHub", path=f"{folder}/other")
    with pytest.raises(BadRequest):
        w.repos.create(f"{remote}-none", "gitHub", path=f"{folder}/other")
    with pytest.raises(NotFound):
        w.repos.update(repo_id, branch="nothing")
    for missing in (w.repos.get, w.repos.delete):
        with pytest.raises(NotFound):
            missing(123)
    with pytest.raises(PermissionDenied):
        robot.client.repos.delete(repo_id)
    with pytest.raises(NotFound):
        w.git_credentials.get(123)
    with pytest.raises(NotFound):
        w.git_credentials.delete(123)
    with pytest.raises(InvalidParameterValue):
        w.git_credentials.create("svn", git_username="a", personal_access_token="b")
