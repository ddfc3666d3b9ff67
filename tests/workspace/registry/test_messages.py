"""The registry's answers are MLflow's own messages: each is parsed strictly with the class that the client uses."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from tests.support import LocalWorkspace
from tests.workspace.registry.clients import model_name

_ROOT = "/api/2.0/mlflow/unity-catalog"


def test_answers_are_the_clients_messages(mlflow: Any, workspace: LocalWorkspace) -> None:
    from mlflow.protos import databricks_uc_registry_messages_pb2 as messages

    client = workspace.client()
    name = model_name()
    version = {"name": name, "version": "1"}
    alias = {"name": name, "alias": "champion"}
    tags = [{"key": "a", "value": "b"}]

    def call(method: str, path: str, message: str, **fields: Any) -> Any:
        sent = {"query": fields} if method == "GET" else {"body": fields}
        answer = client.api_client.do(method, f"{_ROOT}/{path}", **sent)
        return ParseDict(answer, getattr(messages, message)())

    made = call("POST", "registered-models/create", "CreateRegisteredModelResponse", name=name, tags=tags)
    assert (made.registered_model.name, made.registered_model.tags[0].value) == (name, "b")
    pending = call("POST", "model-versions/create", "CreateModelVersionResponse", name=name, source="s", tags=tags)
    assert pending.model_version.status == messages.PENDING_REGISTRATION
    client.files.upload(f"/Models/{name.replace('.', '/')}/1/MLmodel", BytesIO(b"x"))
    ready = call("POST", "model-versions/finalize", "FinalizeModelVersionResponse", **version)
    assert ready.model_version.status == messages.READY
    call("POST", "registered-models/alias", "SetRegisteredModelAliasResponse", **alias, version="1")
    found = call("GET", "registered-models/alias", "GetModelVersionByAliasResponse", **alias)
    assert [(item.alias, item.version) for item in found.model_version.aliases] == [("champion", "1")]
    uri = call("GET", "model-versions/get-download-uri", "GetModelVersionDownloadUriResponse", **version)
    assert uri.artifact_uri == ready.model_version.storage_location
    assert call("GET", "model-versions/get", "GetModelVersionResponse", **version).model_version.version == "1"
    assert call("GET", "registered-models/get", "GetRegisteredModelResponse", name=name).registered_model.name == name
    call("GET", "registered-models/search", "SearchRegisteredModelsResponse", max_results=1)
    listed = call("GET", "model-versions/search", "SearchModelVersionsResponse", filter=f"name='{name}'")
    assert [item.version for item in listed.model_versions] == ["1"]
    call("PATCH", "registered-models/update", "UpdateRegisteredModelResponse", name=name, description="d")
    call("PATCH", "model-versions/update", "UpdateModelVersionResponse", **version, description="d")
    enabled = "registered-models:is-databricks-sdk-models-artifact-repository-enabled"
    flag = call("GET", enabled, "IsDatabricksSdkModelsArtifactRepositoryEnabledResponse")
    assert flag.is_databricks_sdk_models_artifact_repository_enabled
    lineage = {"direction": "UPSTREAM", "entities": [{"job": {"id": "1", "job_run_id": "2"}}]}
    call(
        "POST",
        "model-versions/emit-lineage",
        "EmitModelVersionLineageResponse",
        **version,
        model_version_lineage_info=lineage,
    )
    call("DELETE", "registered-models/alias", "DeleteRegisteredModelAliasResponse", **alias)
    call("DELETE", "model-versions/delete", "DeleteModelVersionResponse", **version)
    call("DELETE", "registered-models/delete", "DeleteRegisteredModelResponse", name=name)


@pytest.mark.parametrize("version", ["0", "-1", "1.5", "x", "99999999999999999999"])
def test_a_version_is_a_positive_number(mlflow: Any, version: str) -> None:
    with pytest.raises(mlflow.MlflowException, match="not a version number"):
        mlflow.MlflowClient().get_model_version(model_name(), version)
