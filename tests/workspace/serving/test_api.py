"""The serving-endpoints API of a real workspace, through the official clients."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import pytest
from databricks.sdk.errors import BadRequest, NotFound, NotImplemented, ResourceConflict
from databricks.sdk.service.catalog import ColumnInfo, ColumnTypeName, DataSourceFormat, TableType
from databricks.sdk.service.serving import (
    AiGatewayGuardrailParameters,
    AiGatewayGuardrails,
    AiGatewayRateLimit,
    AiGatewayRateLimitKey,
    AiGatewayRateLimitRenewalPeriod,
    AiGatewayUsageTrackingConfig,
    AutoCaptureConfigInput,
    EndpointCoreConfigInput,
    EndpointTag,
    ExternalFunctionRequestHttpMethod,
    ExternalModel,
    ExternalModelProvider,
    PtEndpointCoreConfig,
    RateLimit,
    RateLimitKey,
    RateLimitRenewalPeriod,
    Route,
    ServedEntityInput,
    TelemetryConfig,
    TrafficConfig,
)

from brickyard.scoring.model import load_model
from tests.scoring import models
from tests.support import LocalWorkspace, WorkspaceHome, wait_for

MODEL = "main.default.delay"
MINUTE = AiGatewayRateLimitRenewalPeriod.MINUTE
EXTERNAL = ExternalModel(ExternalModelProvider.OPENAI, "gpt", "llm/v1/chat")
PROVISIONED = PtEndpointCoreConfig()
TELEMETRY = TelemetryConfig(telemetry_profile_id="1")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    """A workspace of this module's own, in which endpoints come and go."""
    with closing(WorkspaceHome(tmp_path_factory.mktemp("home"))) as home:
        workspace = home.start("serving")
        with patch.dict(os.environ, workspace.environ):
            yield workspace


def registry() -> Any:
    import mlflow

    return mlflow.MlflowClient("databricks", "databricks-uc")


def register(path: Path, alias: str | None = "champion") -> str:
    """Add a version and move the alias to it."""
    if MODEL not in [model.name for model in registry().search_registered_models()]:
        registry().create_registered_model(MODEL)
    version = str(registry().create_model_version(MODEL, source=str(path)).version)
    if alias:
        registry().set_registered_model_alias(MODEL, alias, version)
    return version


def config(*versions: str) -> EndpointCoreConfigInput:
    share = 100 // len(versions)
    entities = [
        ServedEntityInput(entity_name=MODEL, entity_version=version, name=f"v-{version}") for version in versions
    ]
    routes = [Route(served_entity_name=f"v-{version}", traffic_percentage=share) for version in versions]
    return EndpointCoreConfigInput(
        name="endpoint", served_entities=entities, traffic_config=TrafficConfig(routes=routes)
    )


def split(frame: Any) -> Any:
    from databricks.sdk.service.serving import DataframeSplitInput

    plain = frame.astype(object).where(frame.notna(), None)
    return DataframeSplitInput(columns=list(plain), data=plain.to_numpy().tolist())


def post(workspace: LocalWorkspace, name: str, token: str | None) -> tuple[int, Any]:
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    url = f"{workspace.host}/serving-endpoints/{name}/invocations"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers)) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_an_endpoint_waits_for_its_model_then_follows_the_alias(
    served: LocalWorkspace, two_models: tuple[Path, Path]
) -> None:
    client, frame = served.client(), models.rows(4)
    created = client.serving_endpoints.create_and_wait("delay", config=config("champion"))
    assert created.state.ready.value == "NOT_READY"
    with pytest.raises(BadRequest, match="waiting for a version of"):
        client.serving_endpoints.query("delay", dataframe_split=split(frame))
    for path in two_models:
        version = register(path)
        wait_for(lambda wanted=version: serves(client, "delay", wanted), seconds=60)
        answer = client.serving_endpoints.query("delay", dataframe_split=split(frame))
        assert answer.predictions == load_model(path).pyfunc.predict(frame).tolist()
        assert answer.served_model_name == "v-champion"
    assert client.serving_endpoints.get("delay").config.served_entities[0].entity_version == "champion"


def serves(client: Any, name: str, version: str) -> bool:
    return client.serving_endpoints.get(name).config.served_models[0].model_version == version


def test_only_a_token_of_the_workspace_is_answered(served: LocalWorkspace) -> None:
    status, body = post(served, "delay", None)
    assert (status, body["error_code"]) == (401, "UNAUTHENTICATED")
    assert post(served, "delay", "dapi0000")[0] in (401, 403)
    assert post(served, "nothing", served.token)[0] == 404


def test_a_bad_request_gets_the_answer_of_mlflow(served: LocalWorkspace) -> None:
    status, body = post(served, "delay", served.token)
    assert (status, body["error_code"]) == (400, "BAD_REQUEST")
    assert "exactly one of the input fields" in body["message"]


def test_a_new_configuration_takes_over(served: LocalWorkspace, two_models: tuple[Path, Path]) -> None:
    client = served.client()
    one, two = register(two_models[0], None), register(two_models[1], None)
    client.serving_endpoints.create_and_wait("split", config=config(one))
    updated = client.serving_endpoints.update_config_and_wait(
        "split", served_entities=config(one, two).served_entities, traffic_config=config(one, two).traffic_config
    )
    assert updated.config.config_version == 2
    names = {
        client.serving_endpoints.query("split", dataframe_split=split(models.rows(1))).served_model_name
        for _ in range(8)
    }
    assert names == {f"v-{one}", f"v-{two}"}


def test_the_inference_table_is_queried_with_sql(served: LocalWorkspace, two_models: tuple[Path, Path]) -> None:
    client, version = served.client(), register(two_models[0], None)
    kept = config(version)
    kept.auto_capture_config = AutoCaptureConfigInput("main", True, "default", "kept")
    made = client.serving_endpoints.create_and_wait("kept", config=kept)
    assert made.config.auto_capture_config.state.payload_table.name == "kept_payload"
    answer = client.serving_endpoints.query("kept", dataframe_split=split(models.rows(2)), client_request_id="mine")
    kept.auto_capture_config.enabled = False
    client.serving_endpoints.update_config_and_wait(
        "kept", served_entities=kept.served_entities, auto_capture_config=kept.auto_capture_config
    )
    warehouse = next(iter(client.warehouses.list())).id
    columns = "client_request_id, status_code, request_metadata['model_version'], response"
    text = f"SELECT {columns} FROM main.default.kept_payload WHERE date = current_date()"
    (row,) = client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s").result.data_array
    assert row[:3] == ["mine", "200", version]
    assert json.loads(row[3])["predictions"] == answer.predictions
    written_to(client, kept)
    taken = EndpointCoreConfigInput("second", AutoCaptureConfigInput("main", True, "default", "kept"))
    taken.served_entities = kept.served_entities
    with pytest.raises(BadRequest, match="already exists"):
        client.serving_endpoints.create("second", config=taken)
    assert "second" not in [one.name for one in client.serving_endpoints.list()]


def written_to(client: Any, kept: EndpointCoreConfigInput) -> None:
    """The table is written to again as soon as it is turned on, and not where another has taken its place."""
    kept.auto_capture_config.enabled = True
    update = {"served_entities": kept.served_entities, "auto_capture_config": kept.auto_capture_config}
    client.serving_endpoints.update_config_and_wait("kept", **update)
    client.tables.delete("main.default.kept_payload")
    columns = [ColumnInfo(name="x", type_text="int", type_name=ColumnTypeName.INT, position=0)]
    client.tables.create(
        "kept_payload", "main", "default", TableType.MANAGED, DataSourceFormat.DELTA, "", columns=columns
    )
    client.serving_endpoints.query("kept", dataframe_split=split(models.rows(1)))

    def message() -> str:
        table = client.serving_endpoints.get("kept").config.auto_capture_config.state.payload_table
        return str(table.status_message) if table.status == "FAILED" else ""

    assert "is not the one that was made for this endpoint" in wait_for(message, seconds=30)


def test_tags_list_and_delete(served: LocalWorkspace) -> None:
    client = served.client()
    client.serving_endpoints.create("gone", config=config("9999"), tags=[EndpointTag("team", "ops")])
    patched = client.serving_endpoints.patch("gone", add_tags=[EndpointTag("cost", "7")], delete_tags=["team"])
    assert patched.tags == [EndpointTag("cost", "7")]
    assert "gone" in [endpoint.name for endpoint in client.serving_endpoints.list()]
    with pytest.raises(ResourceConflict):
        client.serving_endpoints.create("gone", config=config("9999"))
    client.serving_endpoints.delete("gone")
    with pytest.raises(NotFound):
        client.serving_endpoints.get("gone")


UNSUPPORTED: dict[str, Callable[[Any], object]] = {
    "ai_gateway.usage_tracking_config": lambda e: e.put_ai_gateway(
        "named", usage_tracking_config=AiGatewayUsageTrackingConfig(enabled=True)
    ),
    "ai_gateway.guardrails": lambda e: e.put_ai_gateway(
        "named", guardrails=AiGatewayGuardrails(input=AiGatewayGuardrailParameters(safety=True))
    ),
    "rate_limits.0..tokens": lambda e: e.put_ai_gateway("named", rate_limits=[AiGatewayRateLimit(MINUTE, tokens=5)]),
    "rate_limits.0..key user_group": lambda e: e.put_ai_gateway(
        "named", rate_limits=[AiGatewayRateLimit(MINUTE, 5, AiGatewayRateLimitKey.USER_GROUP, "team")]
    ),
    "endpoint.route_optimized": lambda e: e.create("other", config=config("1"), route_optimized=True),
    "endpoint.budget_policy_id": lambda e: e.create("other", config=config("1"), budget_policy_id="1"),
    "endpoint.telemetry_config": lambda e: e.create("other", config=config("1"), telemetry_config=TELEMETRY),
    "telemetry-config": lambda e: e.patch_telemetry_config("named"),
    "served_entities.external_model": lambda e: e.update_config(
        "named", served_entities=[ServedEntityInput(name="x", external_model=EXTERNAL)]
    ),
    "served_entities.max_provisioned_throughput": lambda e: e.update_config(
        "named", served_entities=[ServedEntityInput(name="x", max_provisioned_throughput=9)]
    ),
    "ServingEndpoints.chat-completions": lambda e: e._api.do("POST", "/serving-endpoints/chat/completions", body={}),
    "ServingEndpoints.stop": lambda e: e._api.do("POST", "/api/2.0/serving-endpoints/named/config:stop", body={}),
    "served_entities.instance_profile_arn": lambda e: e.update_config(
        "named", served_entities=[ServedEntityInput(name="x", instance_profile_arn="arn:aws:x")]
    ),
    "POST /api/2.0/serving-endpoints/pt": lambda e: e.create_provisioned_throughput_endpoint("pt", PROVISIONED),
    "PUT /api/2.0/serving-endpoints/pt/named/config": lambda e: e.update_provisioned_throughput_endpoint_config(
        "named", PROVISIONED
    ),
    "POST /api/2.0/external-function": lambda e: e.http_request("c", ExternalFunctionRequestHttpMethod.GET, "/"),
}


def test_what_is_not_supported_is_named(served: LocalWorkspace) -> None:
    endpoints = served.client().serving_endpoints
    endpoints.create("named", config=config("9999"))
    for what, call in UNSUPPORTED.items():
        with pytest.raises(NotImplemented, match=what):
            call(endpoints)
    assert "other" not in [one.name for one in endpoints.list()]
    endpoints.delete("named")


def test_a_call_over_the_limit_is_told_when_to_come_again(served: LocalWorkspace) -> None:
    client = served.client()
    limit = RateLimit(calls=0, key=RateLimitKey.ENDPOINT, renewal_period=RateLimitRenewalPeriod.MINUTE)
    client.serving_endpoints.create("limited", config=config("9999"), rate_limits=[limit])
    url = f"{served.host}/serving-endpoints/limited/invocations"
    request = urllib.request.Request(url, b"{}", {"authorization": f"Bearer {served.token}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as error:
        assert (error.code, error.headers["retry-after"]) == (429, "60")
        assert json.load(error)["error_code"] == "REQUEST_LIMIT_EXCEEDED"


def test_no_process_outlives_a_killed_workspace_and_endpoints_come_back(
    workspaces: WorkspaceHome, two_models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspaces.start("dev")
    for name, value in workspace.environ.items():
        monkeypatch.setenv(name, value)
    version = register(two_models[0])
    workspace.client().serving_endpoints.create_and_wait("delay", config=config("champion"))
    server = psutil.Process(workspace.pid)
    every = server.children(recursive=True)
    scoring = [child for child in every if "brickyard.scoring.online" in " ".join(child.cmdline())]
    assert len(scoring) == 2  # the template, and what was forked from it
    server.kill()
    psutil.wait_procs(scoring, timeout=10)
    assert not any(process.is_running() for process in scoring)
    client = workspaces.start("dev").client()
    wait_for(lambda: serves(client, "delay", version), seconds=60)
