"""Git folders through the official SDK: real clones of real repositories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    ResourceAlreadyExists,
    ResourceConflict,
)
from databricks.sdk.service.workspace import (
    ExportFormat,
    ImportFormat,
    ObjectType,
    SparseCheckout,
    SparseCheckoutUpdate,
)

from tests.support import LocalWorkspace
from tests.support.git_remote import NOTEBOOK, GitRemote, git, tagged_remote


@pytest.fixture
def remote(tmp_path: Path) -> GitRemote:
    return tagged_remote(tmp_path / "remote")


@pytest.fixture
def path(workspace: LocalWorkspace, request: pytest.FixtureRequest) -> Iterator[str]:
    w = workspace.client()
    path = f"/Repos/{w.current_user.me().user_name}/{request.node.name[:60]}"
    yield path
    for repo in w.repos.list(path_prefix=path):
        assert repo.id is not None
        w.repos.delete(repo.id)


def text(workspace: LocalWorkspace, path: str) -> str:
    return workspace.client().workspace.download(path).read().decode()


def test_a_clone_shows_files_and_notebooks(workspace: LocalWorkspace, remote: GitRemote, path: str) -> None:
    w = workspace.client()
    repo = w.repos.create(remote.url, "gitHub", path=path)
    assert (repo.branch, repo.head_commit_id) == ("main", git(remote.directory, "rev-parse", "main"))
    assert w.workspace.get_status(path).object_type is ObjectType.REPO
    assert w.workspace.get_status(f"{path}/notebooks/train").object_type is ObjectType.NOTEBOOK
    assert w.workspace.get_status(f"{path}/notebooks/train.py").path == f"{path}/notebooks/train"
    assert w.workspace.get_status(f"{path}/src/lib.py").object_type is ObjectType.FILE
    assert [one.path for one in w.workspace.list(f"{path}/notebooks")] == [f"{path}/notebooks/train"]
    assert ".git" not in [(one.path or "").rpartition("/")[2] for one in w.workspace.list(path)]
    assert text(workspace, f"{path}/notebooks/train") == NOTEBOOK
    assert repo.id is not None and w.repos.get(repo.id).url == remote.url
    assert [one.id for one in w.repos.list(path_prefix=path)] == [repo.id]


def test_update_follows_branches_and_tags(workspace: LocalWorkspace, remote: GitRemote, path: str) -> None:
    w = workspace.client()
    repo_id = w.repos.create(remote.url, "gitLab", path=path).id
    assert repo_id is not None
    newest = remote.commit({"README.md": "two\n"})
    w.repos.update(repo_id)
    assert (w.repos.get(repo_id).head_commit_id, text(workspace, f"{path}/README.md")) == (newest, "two\n")
    w.repos.update(repo_id, tag="v1")
    assert (w.repos.get(repo_id).branch, text(workspace, f"{path}/README.md")) == (None, "one\n")
    with pytest.raises(InvalidParameterValue, match="at a tag"):
        w.repos.update(repo_id)
    git(remote.directory, "checkout", "--quiet", "-b", "feature/x")
    remote.commit({"new.txt": "new\n"})
    w.repos.update(repo_id, branch="feature/x")
    assert (w.repos.get(repo_id).branch, text(workspace, f"{path}/new.txt")) == ("feature/x", "new\n")
    w.repos.update(repo_id, branch="main")
    with pytest.raises(NotFound, match="nothing"):
        w.repos.update(repo_id, branch="nothing")
    with pytest.raises(InvalidParameterValue):
        w.repos.update(repo_id, branch="--upload-pack=touch x")


def test_notebooks_of_one_name_are_told_apart(workspace: LocalWorkspace, remote: GitRemote, path: str) -> None:
    w = workspace.client()
    jupyter = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    remote.commit({"notebooks/train.ipynb": jupyter})
    w.repos.create(remote.url, "gitHub", path=path)
    names = [f"{path}/notebooks/{name}" for name in ("train", "train.ipynb")]
    listed = {one.path: one.object_id for one in w.workspace.list(f"{path}/notebooks")}
    assert sorted(listed) == names and len(set(listed.values())) == 2
    assert [w.workspace.get_status(one).object_id for one in names] == [listed[one] for one in names]
    w.workspace.delete(names[1])
    for content, ending in ((jupyter, "ipynb"), (NOTEBOOK, "py")):
        w.workspace.upload(f"{names[0]}.{ending}", content.encode(), format=ImportFormat.AUTO, overwrite=True)
        assert w.workspace.download(names[0], format=ExportFormat.AUTO).read() == content.encode()
        assert [one.object_type for one in w.workspace.list(f"{path}/notebooks")] == [ObjectType.NOTEBOOK]
    w.workspace.upload(f"{path}/v1.2.py", NOTEBOOK.encode(), format=ImportFormat.AUTO)
    assert w.workspace.get_status(f"{path}/v1.2").object_type is ObjectType.NOTEBOOK


def test_changes_are_not_lost_silently(workspace: LocalWorkspace, remote: GitRemote, path: str) -> None:
    w = workspace.client()
    repo_id = w.repos.create(remote.url, "gitHub", path=path).id
    assert repo_id is not None
    w.workspace.upload(f"{path}/README.md", b"mine\n", format=ImportFormat.AUTO, overwrite=True)
    remote.commit({"README.md": "theirs\n"})
    with pytest.raises(ResourceConflict, match=r"README\.md") as conflict:
        w.repos.update(repo_id, branch="main")
    assert conflict.value.error_code == "GIT_CONFLICT"
    assert text(workspace, f"{path}/README.md") == "mine\n"
    w.repos.update(repo_id, branch="main", dangerously_force_discard_all=True)
    assert text(workspace, f"{path}/README.md") == "theirs\n"


def test_sparse_checkout(workspace: LocalWorkspace, remote: GitRemote, path: str) -> None:
    w = workspace.client()
    repo = w.repos.create(remote.url, "gitHub", path=path, sparse_checkout=SparseCheckout(["src"]))
    assert repo.id is not None and repo.sparse_checkout == SparseCheckout(["src"])
    names = {(one.path or "").removeprefix(path) for one in w.workspace.list(path)}
    assert names == {"/README.md", "/src"}
    w.repos.update(repo.id, sparse_checkout=SparseCheckoutUpdate(["notebooks"]))
    assert {(one.path or "").removeprefix(path) for one in w.workspace.list(path)} == {"/README.md", "/notebooks"}


def test_delete_leaves_nothing(workspace: LocalWorkspace, remote: GitRemote, path: str) -> None:
    w = workspace.client()
    repo_id = w.repos.create(remote.url, "gitHub", path=path).id
    assert repo_id is not None
    w.repos.delete(repo_id)
    for ask in (lambda: w.repos.get(repo_id), lambda: w.workspace.get_status(path), lambda: w.repos.delete(repo_id)):
        with pytest.raises(NotFound):
            ask()
    assert w.repos.create(remote.url, "gitHub", path=path).id != repo_id


def test_errors_are_clear(workspace: LocalWorkspace, remote: GitRemote, path: str, tmp_path: Path) -> None:
    w = workspace.client()
    with pytest.raises(BadRequest, match="no Git repository"):
        w.repos.create((tmp_path / "nothing").as_uri(), "gitHub", path=path)
    with pytest.raises(BadRequest, match="cannot be reached") as unreachable:  # at once, without trying again
        w.repos.create("https://127.0.0.1:1/a/b", "gitHub", path=path)
    assert unreachable.value.error_code == "GIT_REMOTE_ERROR"
    with pytest.raises(NotFound):
        w.workspace.get_status(path)
    for url in ("ext::sh -c touch% x", "git@host:a/b", "http://host/a", "https://u:secret@host/a", "https://", "-x"):
        with pytest.raises(InvalidParameterValue) as caught:
            w.repos.create(url, "gitHub", path=path)
        assert "secret" not in str(caught.value)
    with pytest.raises(InvalidParameterValue, match="provider"):
        w.repos.create(remote.url, "sourceforge", path=path)
    with pytest.raises(InvalidParameterValue, match="form"):
        w.repos.create(remote.url, "gitHub", path="/Repos/toplevel")
    with pytest.raises(NotFound, match="Parent"):
        w.repos.create(remote.url, "gitHub", path="/Repos/nobody/x")
    w.repos.create(remote.url, "gitHub", path=path)
    with pytest.raises(ResourceAlreadyExists):
        w.repos.create(remote.url, "gitHub", path=path)


def test_a_git_folder_may_be_anywhere_but_in_another(workspace: LocalWorkspace, remote: GitRemote) -> None:
    w = workspace.client()
    path = f"/Users/{w.current_user.me().user_name}/git folder"
    repo = w.repos.create(remote.url, "gitHub", path=path)
    with pytest.raises(InvalidParameterValue, match="inside"):
        w.repos.create(remote.url, "gitHub", path=f"{path}/src/inner")
    assert [one.id for one in w.repos.list(path_prefix=path)] == [repo.id]
    w.workspace.delete(path, recursive=True)
    assert repo.id is not None
    with pytest.raises(NotFound):
        w.repos.get(repo.id)


def test_a_notebook_of_a_git_folder_runs(workspace: LocalWorkspace, remote: GitRemote, path: str) -> None:
    from databricks.sdk.service.jobs import NotebookTask, RunResultState, SubmitTask

    w = workspace.client()
    w.repos.create(remote.url, "gitHub", path=path)
    task = SubmitTask("train", notebook_task=NotebookTask(f"{path}/notebooks/train"))
    run = w.jobs.submit(run_name="git", tasks=[task]).result()
    assert run.state is not None and run.state.result_state is RunResultState.SUCCESS
