"""Models of the workspace's own registry (`databricks`) with the unmodified client: stages, files, who may read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from databricks.sdk.service.ml import RegisteredModelAccessControlRequest, RegisteredModelPermissionLevel

from tests.support import LocalWorkspace
from tests.workspace.registry.clients import frame, model_name, save_python_model


@pytest.fixture
def registered(mlflow: Any, tmp_path: Path, workspace: LocalWorkspace) -> str:
    """A model with one version in production, of a run that is its owner's alone."""
    mlflow.set_registry_uri("databricks")
    name = model_name().rpartition(".")[2]
    home = f"/Users/{workspace.client().current_user.me().user_name}"
    with mlflow.start_run(experiment_id=mlflow.MlflowClient().create_experiment(f"{home}/{name}")) as run:
        mlflow.log_artifacts(str(save_python_model(mlflow, tmp_path / "model")), "model")
    version = mlflow.register_model(f"runs:/{run.info.run_id}/model", name).version
    mlflow.MlflowClient().transition_model_version_stage(name, version, "Production")
    return name


def test_a_version_is_loaded_by_number_and_by_stage(mlflow: Any, registered: str, workspace: LocalWorkspace) -> None:
    for place in ("1", "Production"):
        model = mlflow.pyfunc.load_model(f"models:/{registered}/{place}")
        assert model.predict(frame()).tolist() == [1.0, 1.0, 3.0, 3.0]
    headers = {"Authorization": f"Bearer {workspace.token}"}
    with httpx.Client(base_url=f"{workspace.host}/api/2.0/mlflow/model-versions", headers=headers) as client:
        version = {"name": registered, "version": "1"}
        listed = client.get("list-artifacts", params=version).json()["files"]
        assert {"path": "MLmodel", "is_dir": False} in [{k: one[k] for k in ("path", "is_dir")} for one in listed]
        signed = client.get("get-signed-download-uri", params={**version, "path": "MLmodel"}).json()["signed_uri"]
        assert b"python_function" in httpx.get(signed).content  # without a token
        assert httpx.get(f"{signed}x").status_code == 404
        for path, status in (("nowhere", 404), ("../../x", 400), ("", 404)):
            answer = client.get("get-signed-download-uri", params={**version, "path": path})
            assert answer.status_code == status, answer.text


def test_who_may_not_read_the_run_may_not_read_its_files(registered: str, workspace: LocalWorkspace) -> None:
    w = workspace.client()
    robot = w.service_principals.create(display_name="reader", active=True)
    token = w.token_management.create_obo_token(str(robot.application_id)).token_value
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{workspace.host}/api/2.0/mlflow/model-versions/list-artifacts?name={registered}&version=1"
    assert httpx.get(url, headers=headers).status_code == 403
    found = w.model_registry.get_model(registered).registered_model_databricks
    assert found is not None
    entry = RegisteredModelAccessControlRequest(
        service_principal_name=robot.application_id, permission_level=RegisteredModelPermissionLevel.CAN_READ
    )
    w.model_registry.update_permissions(str(found.id), access_control_list=[entry])
    assert httpx.get(url, headers=headers).json()["error_code"] == "PERMISSION_DENIED"  # not of the run
