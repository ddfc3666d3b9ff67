"""Requests that MLflow's server crashes at are the caller's fault, and are named as the vendor names them."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
import uuid
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from databricks.sdk.errors import DatabricksError, InvalidParameterValue, NotImplemented

from tests.support import LocalWorkspace
from tests.workspace.registry.clients import ensure_schema, model_name

_MLFLOW = "/api/2.0/mlflow"
_MLFLOW_3 = "/api/3.0/mlflow"
_HUGE = "9" * 25


def token(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.fixture
def run_id(workspace: LocalWorkspace) -> str:
    api = workspace.client().experiments
    experiment_id = api.create_experiment(name=f"/Shared/{uuid.uuid4().hex}").experiment_id
    run = api.create_run(experiment_id=experiment_id).run
    assert run is not None and run.info is not None and run.info.run_id is not None
    return run.info.run_id


@pytest.mark.parametrize("text", ["ü", "x", token(["a"]), token({"offset": int(_HUGE)})])
def test_a_page_token_that_nobody_gave_out(workspace: LocalWorkspace, run_id: str, text: str) -> None:
    do = workspace.client().api_client.do
    for path in ("experiments/search", "runs/search"):
        with pytest.raises(InvalidParameterValue):
            do("POST", f"{_MLFLOW}/{path}", body={"max_results": 5, "page_token": text})
    query = urlencode({"run_id": run_id, "metric_key": "m", "page_token": text, "max_results": 5})
    with pytest.raises(InvalidParameterValue):
        do("GET", f"{_MLFLOW}/metrics/get-history?{query}")


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        (
            "GET",
            f"{_MLFLOW}/experiments/get?experiment_id={_HUGE}",
            None,
            "experiment_id must be a number of at most 64",
        ),
        ("POST", f"{_MLFLOW}/runs/create", {"experiment_id": _HUGE}, "experiment_id must be a number of at most 64"),
        (
            "POST",
            f"{_MLFLOW}/runs/log-model",
            {"run_id": "x", "model_json": "5"},
            "model_json must be the JSON text of",
        ),
        ("GET", f"{_MLFLOW}/traces?experiment_ids=a", None, "experiment_ids must be the number of an experiment"),
        (
            "POST",
            f"{_MLFLOW}/traces/link-prompts",
            {"trace_id": "t", "prompt_versions": [{"name": "p"}]},
            r"prompt_versions\[0\].version is required",
        ),
        ("PATCH", f"{_MLFLOW_3}/issues/1", {"issue_id": "1", "status": "odd"}, "status must be one of pending"),
        ("GET", f"{_MLFLOW}/model-versions/get?name=a&version={2**63}", None, "version must be a number of at most 64"),
        ("DELETE", f"{_MLFLOW}/model-versions/delete?name=a&version={2**63}", None, "version must be a number of at"),
        ("GET", f"{_MLFLOW}/registered-models/search", {"max_results": {}}, "the request cannot be read"),
    ],
)
def test_what_the_server_stumbles_over_is_named(
    workspace: LocalWorkspace, method: str, path: str, body: Any, message: str
) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        workspace.client().api_client.do(method, path, body=body)


def test_a_batch_without_a_body(workspace: LocalWorkspace) -> None:
    headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{workspace.host}{_MLFLOW}/runs/log-batch", b"", headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        body = json.load(answer)
    assert (answer.code, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "the request is empty; it takes run_id, metrics" in body["message"]


@pytest.mark.parametrize("path", [f"{_MLFLOW_3}/workspaces", f"{_MLFLOW_3}/gateway/endpoints/list"])
def test_what_only_mlflows_own_server_has_is_not_offered(workspace: LocalWorkspace, path: str) -> None:
    with pytest.raises(NotImplemented, match="is not an operation of Databricks"):
        workspace.client().api_client.do("GET", path)


@pytest.mark.parametrize(
    "text", [token([1]), token([]), token(["a", "b", "c"]), token([[1]]), token(["a", int(_HUGE)]), token({}), "ü", "["]
)
def test_a_page_token_of_the_registry(workspace: LocalWorkspace, text: str) -> None:
    ensure_schema(workspace)
    client, name = workspace.client(), model_name()
    catalog, schema, model = name.split(".")
    client.registered_models.create(catalog_name=catalog, schema_name=schema, name=model)
    page = f"page_token={quote(text)}"
    for path in (
        f"{_MLFLOW}/unity-catalog/registered-models/search?{page}",
        f"{_MLFLOW}/unity-catalog/model-versions/search?{page}",
        f"/api/2.1/unity-catalog/models?{page}",
        f"/api/2.1/unity-catalog/models/{name}/versions?{page}",
    ):
        with pytest.raises(InvalidParameterValue, match="page_token is not one that this workspace gave out"):
            client.api_client.do("GET", path)


@pytest.mark.parametrize("number", ["\u00b2", "9" * 5000, "x"])
def test_numbers_of_the_registry(workspace: LocalWorkspace, number: str) -> None:
    client = workspace.client()
    with pytest.raises(InvalidParameterValue, match="max_results"):
        client.api_client.do("GET", f"/api/2.1/unity-catalog/models?max_results={quote(number)}")
    with pytest.raises(DatabricksError, match="not a version number"):
        client.api_client.do("GET", f"/api/2.1/unity-catalog/models/main.default.m/versions/{quote(number)}")


def test_a_version_of_a_workspace_without_a_number_is_answered(workspace: LocalWorkspace) -> None:
    ensure_schema(workspace)
    client, name = workspace.client(), model_name()
    root = f"{_MLFLOW}/unity-catalog"
    client.api_client.do("POST", f"{root}/registered-models/create", body={"name": name})
    body = {"name": name, "source": "s", "run_tracking_server_id": "elsewhere", "description": "kept"}
    client.api_client.do("POST", f"{root}/model-versions/create", body=body)
    client.api_client.do("PATCH", f"{root}/model-versions/update", body={"name": name, "version": "1"})
    found = client.model_versions.get(name, 1)
    assert (found.run_workspace_id, found.comment) == (None, "kept")
