"""Copies of a version keep the bytes of every file, within a workspace and across two.

How: download with the client, remove `registered_model_meta` (the client's own marker, not a file of the model),
create a version from the local directory. `copy_model_version` keeps all bytes too, but uploads the marker.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import LocalWorkspace, WorkspaceHome
from tests.workspace.registry.clients import (
    LABELS,
    ensure_schema,
    experiment,
    frame,
    hashes,
    log_sklearn,
    model_name,
    point_to,
)

_MARKER = "registered_model_meta"


def test_copy_model_version_within_a_workspace(mlflow: Any, tmp_path: Path) -> None:
    name, copy = model_name(), model_name()
    log_sklearn(mlflow, experiment(mlflow), registered_model_name=name)
    mlflow.MlflowClient().copy_model_version(f"models:/{name}/1", copy)
    source = hashes(_download(mlflow, f"models:/{name}/1", tmp_path / "source"))
    assert hashes(_download(mlflow, f"models:/{copy}/1", tmp_path / "copy")) == source
    assert mlflow.pyfunc.load_model(f"models:/{copy}/1").predict(frame()).tolist() == LABELS


@pytest.mark.usefixtures("clean_environ")
def test_a_copy_in_another_workspace_has_the_same_files(
    mlflow: Any, workspace: LocalWorkspace, workspaces: WorkspaceHome, tmp_path: Path
) -> None:
    name = model_name()
    info = log_sklearn(mlflow, experiment(mlflow), registered_model_name=name)
    files = _download(mlflow, info.model_uri, tmp_path / "logged")
    source = _download(mlflow, f"models:/{name}/1", tmp_path / "source")
    assert hashes(source) == hashes(files)

    other = workspaces.start("uat")
    ensure_schema(other)
    point_to(other)
    client = mlflow.MlflowClient()
    client.create_registered_model(name)
    version = client.create_model_version(name, str(source), tags={"source": "dev"})
    copied = other.root / "data" / "models" / Path(*name.split(".")) / version.version
    assert hashes(copied) == hashes(source)
    assert mlflow.pyfunc.load_model(f"models:/{name}/1").predict(frame()).tolist() == LABELS


def _download(mlflow: Any, uri: str, directory: Path) -> Path:
    directory.mkdir()
    files = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(directory)))
    (files / _MARKER).unlink(missing_ok=True)
    return files
