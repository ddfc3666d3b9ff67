"""Libraries of clusters, through the SDK: installed on one that runs, when it starts, and uninstalled."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, PermissionDenied
from databricks.sdk.service.compute import (
    Language,
    LibrariesAPI,
    Library,
    LibraryInstallStatus,
    MavenLibrary,
    RCranLibrary,
    ResultType,
    State,
)
from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat
from databricks.sdk.service.workspace import Language as NotebookLanguage

from tests.support import wait_for
from tests.workspace.calls.conftest import Robot
from tests.workspace.calls.test_clusters import SIZE
from tests.workspace.compute.test_environment import wheel

FAMILIES = (LibrariesAPI,)
MISSING = Library(whl="/Workspace/Shared/nowhere/gone-1.0-py3-none-any.whl")
IMPORTING = "import brickyard_greeting_data as data\ndata.WORD"
IN_FUNCTION = """
from pyspark.sql.functions import udf

@udf("string")
def word(_):
    import brickyard_greeting_data
    return brickyard_greeting_data.WORD

spark.range(1).select(word("id")).first()[0]
"""
INSTALLED, FAILED, PENDING = LibraryInstallStatus.INSTALLED, LibraryInstallStatus.FAILED, LibraryInstallStatus.PENDING


@pytest.fixture
def greeting(w: WorkspaceClient, tmp_path: Path, name: Callable[[], str]) -> Library:
    """A wheel in the workspace."""
    path, folder = wheel(tmp_path), f"/Shared/{name()}"
    w.workspace.mkdirs(folder)
    w.workspace.upload(f"{folder}/{path.name}", io.BytesIO(path.read_bytes()), format=ImportFormat.AUTO)
    return Library(whl=f"/Workspace{folder}/{path.name}")


@pytest.fixture
def cluster_id(w: WorkspaceClient, name: Callable[[], str]) -> Iterator[str]:
    """A cluster that runs."""
    made = w.clusters.create(cluster_name=name(), **SIZE).response.cluster_id or ""
    wait_for(lambda: w.clusters.get(made).state is State.RUNNING)
    yield made
    w.clusters.permanent_delete(made)


def statuses(w: WorkspaceClient, cluster_id: str) -> dict[str, LibraryInstallStatus | None]:
    return {one.library.whl or "": one.status for one in w.libraries.cluster_status(cluster_id) if one.library}


def said(w: WorkspaceClient, cluster_id: str, code: str) -> str:
    """The result of code that a new context on the cluster executes."""
    family, python = w.command_execution, Language.PYTHON
    context = family.create_and_wait(cluster_id=cluster_id, language=python).id or ""
    done = family.execute_and_wait(cluster_id=cluster_id, context_id=context, command=code, language=python)
    family.destroy(cluster_id, context)
    assert done.results and done.results.result_type is ResultType.TEXT, done.results
    return str(done.results.data)


def test_every_operation(w: WorkspaceClient, robot: Robot, cluster_id: str, greeting: Library) -> None:
    with pytest.raises(PermissionDenied):
        robot.client.libraries.install(cluster_id, [greeting])
    assert not statuses(w, cluster_id)
    w.libraries.install(cluster_id, [greeting, MISSING])
    both = {greeting.whl: INSTALLED, MISSING.whl: FAILED}
    wait_for(lambda: statuses(w, cluster_id) == both)
    (failed,) = [one for one in w.libraries.cluster_status(cluster_id) if one.status is FAILED]
    assert f"node of cluster {cluster_id} and failed" in (failed.messages or [""])[0]
    assert f"the library {MISSING.whl} does not exist" in (failed.messages or [""])[0]

    assert said(w, cluster_id, IMPORTING) == "'hello'"
    every = {one.cluster_id: one.library_statuses for one in w.libraries.all_cluster_statuses()}
    assert len(every[cluster_id] or []) == 2
    assert cluster_id not in {one.cluster_id for one in robot.client.libraries.all_cluster_statuses()}
    w.libraries.uninstall(cluster_id, [MISSING])
    assert statuses(w, cluster_id)[MISSING.whl or ""] is LibraryInstallStatus.UNINSTALL_ON_RESTART
    w.clusters.restart(cluster_id)
    wait_for(lambda: w.clusters.get(cluster_id).state is State.RUNNING)
    assert statuses(w, cluster_id) == {greeting.whl: INSTALLED}
    assert said(w, cluster_id, IN_FUNCTION) == "'hello'"
    w.clusters.delete(cluster_id)
    wait_for(lambda: w.clusters.get(cluster_id).state is State.TERMINATED)
    assert statuses(w, cluster_id) == {greeting.whl: PENDING}
    w.libraries.uninstall(cluster_id, [greeting])
    assert not statuses(w, cluster_id)


def test_a_task_on_the_cluster_imports_them(
    w: WorkspaceClient, cluster_id: str, greeting: Library, name: Callable[[], str]
) -> None:
    w.libraries.install(cluster_id, [greeting])
    wait_for(lambda: statuses(w, cluster_id) == {greeting.whl: INSTALLED})
    path = f"/Shared/{name()}"
    code = b"# Databricks notebook source\nimport brickyard_greeting_data as data\ndbutils.notebook.exit(data.WORD)"
    w.workspace.upload(path, io.BytesIO(code), format=ImportFormat.SOURCE, language=NotebookLanguage.PYTHON)
    task = SubmitTask("t", notebook_task=NotebookTask(path), existing_cluster_id=cluster_id)
    run_id = w.jobs.submit(run_name=name(), tasks=[task]).response.run_id or 0
    run = wait_for(lambda: (found := w.jobs.get_run(run_id)).state.result_state and found, seconds=60)
    output = w.jobs.get_run_output(run.tasks[0].run_id)
    assert output.notebook_output and output.notebook_output.result == "hello", output.error


def test_libraries_for_java_and_r_fail_and_keep_nothing_from_running(w: WorkspaceClient, cluster_id: str) -> None:
    for_java = Library(maven=MavenLibrary("org.example:shapes:1.0"))
    w.libraries.install(cluster_id, [for_java, Library(cran=RCranLibrary("shapes"))])
    found = wait_for(lambda: (s := list(w.libraries.cluster_status(cluster_id))) and s[1].status is FAILED and s)
    assert [one.status for one in found] == [FAILED, FAILED] and found[0].library == for_java
    assert "loads no libraries for Java and Scala" in (found[0].messages or [""])[0]
    assert "does not execute R" in (found[1].messages or [""])[0]
    w.libraries.uninstall(cluster_id, [for_java])
    assert [one.status for one in w.libraries.cluster_status(cluster_id)][
        1
    ] is LibraryInstallStatus.UNINSTALL_ON_RESTART


def test_what_there_cannot_be(w: WorkspaceClient, cluster_id: str) -> None:
    wrongs: list[tuple[str, Any]] = [
        ("maven.coordinates is required", Library(maven=MavenLibrary(""))),
        ("a library has one of", Library()),
    ]
    for message, wrong in wrongs:
        with pytest.raises(InvalidParameterValue, match=message):
            w.libraries.install(cluster_id, [wrong])
    with pytest.raises(InvalidParameterValue, match="at least one library"):
        w.libraries.install(cluster_id, [])
    with pytest.raises(InvalidParameterValue, match="does not exist"):
        w.libraries.install("0101-000000-abcdefgh", [MISSING])
