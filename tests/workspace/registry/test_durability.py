"""What registration promises: numbers are used once, a version that is not complete is not loaded, READY is final."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, PermissionDenied

from tests.support import LocalWorkspace, WorkspaceHome, wait_for
from tests.workspace.registry.clients import (
    ensure_schema,
    experiment,
    frame,
    hashes,
    log_sklearn,
    model_name,
    point_to,
    save_python_model,
)

_CREATE = "/api/2.0/mlflow/unity-catalog/model-versions/create"
_FINALIZE = "/api/2.0/mlflow/unity-catalog/model-versions/finalize"


def test_parallel_registrations_get_numbers_of_their_own(mlflow: Any, tmp_path: Path) -> None:
    name = model_name()
    client = mlflow.MlflowClient()
    client.create_registered_model(name)
    source = save_python_model(mlflow, tmp_path / "model")

    def register(_: int) -> str:
        return str(mlflow.MlflowClient().create_model_version(name, str(source)).version)

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(register, range(8)))
    assert sorted(versions, key=int) == [str(number) for number in range(1, 9)]
    assert {found.status for found in client.search_model_versions(f"name='{name}'")} == {"READY"}
    assert mlflow.pyfunc.load_model(f"models:/{name}/8").predict(frame()).tolist() == [1, 1, 3, 3]


def test_parallel_runs_lose_nothing(mlflow: Any) -> None:
    experiment_id = experiment(mlflow)

    def run(number: int) -> None:
        client = mlflow.MlflowClient()
        made = client.create_run(experiment_id)
        for step in range(5):
            client.log_metric(made.info.run_id, "m", number, step=step)
        client.set_terminated(made.info.run_id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(16)))
    found = mlflow.search_runs([experiment_id], output_format="list")
    assert sorted(run.data.metrics["m"] for run in found) == list(range(16))


def test_an_incomplete_version_is_not_loaded_and_blocks_nothing(
    mlflow: Any, workspace: LocalWorkspace, tmp_path: Path
) -> None:
    name = model_name()
    client = mlflow.MlflowClient()
    client.create_registered_model(name)
    source = save_python_model(mlflow, tmp_path / "model")
    sdk = workspace.client()
    sdk.api_client.do("POST", _CREATE, body={"name": name, "source": str(source)})
    _upload(sdk, source, name, 1)

    assert client.get_model_version(name, "1").status == "PENDING_REGISTRATION"
    with pytest.raises(mlflow.MlflowException):
        mlflow.pyfunc.load_model(f"models:/{name}/1")
    with pytest.raises(BadRequest, match="PENDING_REGISTRATION"):
        sdk.registered_models.set_alias(name, "champion", 1)
    assert client.create_model_version(name, str(source)).version == "2"
    sdk.api_client.do("POST", _FINALIZE, body={"name": name, "version": "1"})
    assert mlflow.pyfunc.load_model(f"models:/{name}/1").predict(frame()).tolist() == [1, 1, 3, 3]


def test_the_files_of_a_ready_version_are_final(mlflow: Any, workspace: LocalWorkspace, tmp_path: Path) -> None:
    name = model_name()
    log_sklearn(mlflow, experiment(mlflow), registered_model_name=name)
    directory = _files_path(name, 1)
    files = workspace.client().files
    for attempt in (
        lambda: files.upload(f"{directory}/MLmodel", BytesIO(b"x"), overwrite=True),
        lambda: files.upload(f"{directory}/more", BytesIO(b"x")),
        lambda: files.delete(f"{directory}/MLmodel"),
        lambda: files.upload(f"{_files_path(name, 9)}/MLmodel", BytesIO(b"x")),
    ):
        with pytest.raises(PermissionDenied):
            attempt()


def test_a_version_without_files_is_not_finalized(mlflow: Any, workspace: LocalWorkspace) -> None:
    name = model_name()
    mlflow.MlflowClient().create_registered_model(name)
    api = workspace.client().api_client
    api.do("POST", _CREATE, body={"name": name, "source": "x"})
    with pytest.raises(BadRequest, match="no files"):
        api.do("POST", _FINALIZE, body={"name": name, "version": "1"})


@pytest.mark.usefixtures("clean_environ")
def test_everything_is_there_after_kill_9(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    dev = workspaces.start("dev")
    ensure_schema(dev)
    point_to(dev)
    import mlflow

    client = mlflow.MlflowClient()
    name = model_name()
    info = log_sklearn(mlflow, experiment(mlflow), registered_model_name=name)
    client.set_registered_model_alias(name, "champion", 1)
    source = save_python_model(mlflow, tmp_path / "model")
    sdk = dev.client()
    sdk.api_client.do("POST", _CREATE, body={"name": name, "source": str(source)})
    _upload(sdk, source, name, 2)
    stored = dev.root / "data" / "models" / Path(*name.split(".")) / "1"
    before = hashes(stored)

    _kill(dev)
    point_to(workspaces.start("dev"))

    assert client.get_run(info.run_id).info.status == "FINISHED"
    assert client.get_registered_model(name).aliases == {"champion": "1"}
    assert hashes(stored) == before
    assert mlflow.pyfunc.load_model(f"models:/{name}@champion") is not None
    assert client.get_model_version(name, "2").status == "PENDING_REGISTRATION"
    assert client.create_model_version(name, str(source)).version == "3"


def _files_path(name: str, version: int) -> str:
    return f"/Models/{name.replace('.', '/')}/{version}"


def _upload(sdk: WorkspaceClient, source: Path, name: str, version: int) -> None:
    for file in source.rglob("*"):
        if file.is_file():
            target = f"{_files_path(name, version)}/{file.relative_to(source).as_posix()}"
            sdk.files.upload(target, BytesIO(file.read_bytes()), overwrite=True)


def _kill(workspace: LocalWorkspace) -> None:

    pid = workspace.pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
