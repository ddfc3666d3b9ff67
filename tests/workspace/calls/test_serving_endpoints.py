"""Serving endpoints, from the first configuration to an answer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.serving import (
    AiGatewayRateLimit,
    AiGatewayRateLimitKey,
    AiGatewayRateLimitRenewalPeriod,
    AutoCaptureConfigInput,
    EmailNotifications,
    EndpointCoreConfigInput,
    EndpointTag,
    RateLimit,
    RateLimitKey,
    RateLimitRenewalPeriod,
    ServedEntityInput,
    ServingEndpointAccessControlRequest,
    ServingEndpointDetailedPermissionLevel,
    ServingEndpointPermissionLevel,
    ServingEndpointsAPI,
)

from tests.support import LocalWorkspace, wait_for
from tests.workspace.calls.conftest import Robot

ARROW = "application/vnd.apache.arrow.stream"
FAMILIES = (ServingEndpointsAPI,)
DOUBLE = """import mlflow


class Double(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        return [2 * one for one in model_input["x"]]


mlflow.models.set_model(Double())
"""


@pytest.fixture
def model(
    server: LocalWorkspace, w: WorkspaceClient, name: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A model of which version 1 doubles the column `x`."""
    for variable, value in server.environ.items():
        if variable not in os.environ:
            monkeypatch.setenv(variable, value)
    import mlflow
    from mlflow.models import infer_signature

    full_name = f"main.default.{name()}"
    (tmp_path / "double.py").write_text(DOUBLE)
    signature = infer_signature([{"x": 1.0}], [2.0])
    mlflow.pyfunc.save_model(
        str(tmp_path / "model"), python_model=str(tmp_path / "double.py"), signature=signature, pip_requirements=[]
    )
    registry = mlflow.MlflowClient("databricks", "databricks-uc")
    registry.create_registered_model(full_name)
    registry.create_model_version(full_name, source=str(tmp_path / "model"))
    return full_name


def entity(model: str, version: str = "1") -> ServedEntityInput:
    return ServedEntityInput(entity_name=model, entity_version=version, name="double")


def test_every_operation(w: WorkspaceClient, robot: Robot, model: str, name: Callable[[], str]) -> None:
    endpoint, family = name(), w.serving_endpoints
    config = EndpointCoreConfigInput(name=endpoint, served_entities=[entity(model)])
    made = family.create_and_wait(endpoint, config=config)
    assert family.get(endpoint).id == made.id
    assert endpoint in {one.name for one in family.list()}
    wait_for(lambda: answers(w, endpoint), seconds=60)
    assert family.query(endpoint, dataframe_records=[{"x": 2.0}]).predictions == [4.0]
    in_and_out_as_arrow(w, endpoint)
    by_mlflow(endpoint)
    changed = family.update_config_and_wait(endpoint, served_entities=[entity(model)])
    assert changed.config is not None and changed.config.config_version == 2
    assert family.patch(endpoint, add_tags=[EndpointTag("team", "a")]).tags == [EndpointTag("team", "a")]
    operations(w, endpoint)
    permissions(w, robot, made.id or "", endpoint)
    family.delete(endpoint)
    with pytest.raises(NotFound):
        family.get(endpoint)


def in_and_out_as_arrow(w: WorkspaceClient, endpoint: str) -> None:
    sink = pa.BufferOutputStream()
    table = pa.table({"x": [2.0, 3.0]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    path, headers = f"/serving-endpoints/{endpoint}/invocations", {"Content-Type": ARROW, "Accept": ARROW}
    answer = w.api_client.do("POST", path, headers=headers, data=sink.getvalue().to_pybytes(), raw=True)
    assert isinstance(answer, dict)
    assert pa.ipc.open_stream(answer["contents"].read()).read_all().to_pydict() == {"predictions": [4.0, 6.0]}


def by_mlflow(endpoint: str) -> None:
    from mlflow.deployments import get_deploy_client

    client = get_deploy_client("databricks")
    assert endpoint in {one["name"] for one in client.list_endpoints()}
    assert client.get_endpoint(endpoint)["state"]["ready"] == "READY"
    split = {"dataframe_split": {"columns": ["x"], "data": [[5.0]]}}
    assert client.predict(endpoint=endpoint, inputs=split)["predictions"] == [10.0]


def operations(w: WorkspaceClient, endpoint: str) -> None:
    family, minute = w.serving_endpoints, RateLimitRenewalPeriod.MINUTE
    assert "the libraries of the workspace" in family.build_logs(endpoint, "double").logs
    assert isinstance(family.logs(endpoint, "double").logs, str)
    metrics = family.export_metrics(endpoint).contents
    assert metrics is not None and b"request_count_total{" in metrics.read()
    document = family.get_open_api(endpoint).contents
    assert document is not None and f"/serving-endpoints/{endpoint}/invocations" in json.load(document)["paths"]
    limit = RateLimit(1000, minute, RateLimitKey.USER)
    assert family.put(endpoint, rate_limits=[limit]).rate_limits == [limit]
    each = AiGatewayRateLimit(AiGatewayRateLimitRenewalPeriod.MINUTE, 1000, AiGatewayRateLimitKey.USER)
    assert family.put_ai_gateway(endpoint, rate_limits=[each]).rate_limits == [each]
    found = family.get(endpoint).ai_gateway
    assert found is not None and found.rate_limits == [each]
    mails = EmailNotifications(on_update_failure=["me@example.net"])
    assert family.update_notifications(endpoint, email_notifications=mails).email_notifications == mails
    assert family.get(endpoint).email_notifications == mails
    events = w.api_client.do("GET", f"/api/2.0/serving-endpoints/{endpoint}/events")
    assert isinstance(events, dict) and events["events"][-1]["type"] == "CREATED"


def answers(w: WorkspaceClient, endpoint: str) -> bool:
    state = w.serving_endpoints.get(endpoint).state
    return state is not None and state.ready is not None and state.ready.value == "READY"


def permissions(w: WorkspaceClient, robot: Robot, number: str, endpoint: str) -> None:
    family, view = w.serving_endpoints, ServingEndpointPermissionLevel.CAN_VIEW
    assert family.get_permission_levels(number).permission_levels
    entry = ServingEndpointAccessControlRequest(service_principal_name=robot.name, permission_level=view)
    family.update_permissions(number, access_control_list=[entry])
    found = family.get_permissions(number).access_control_list or []
    assert robot.name in {one.service_principal_name for one in found}
    seen = robot.client.serving_endpoints.get(endpoint)
    assert (seen.name, seen.permission_level) == (endpoint, ServingEndpointDetailedPermissionLevel.CAN_VIEW)
    with pytest.raises(PermissionDenied):
        robot.client.serving_endpoints.query(endpoint, dataframe_records=[{"x": 1.0}])
    with pytest.raises(PermissionDenied):
        robot.client.serving_endpoints.put(endpoint, rate_limits=[])
    with pytest.raises(PermissionDenied):
        robot.client.serving_endpoints.put_ai_gateway(endpoint)
    family.set_permissions(number, access_control_list=[])
    with pytest.raises(PermissionDenied):
        robot.client.serving_endpoints.get(endpoint)


def test_refusals(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    endpoint, family = name(), w.serving_endpoints
    model = f"main.default.{name()}"
    w.registered_models.create(catalog_name="main", schema_name="default", name=model.split(".")[2])
    config = EndpointCoreConfigInput(name=endpoint, served_entities=[entity(model)])
    family.create(endpoint, config=config)
    with pytest.raises(ResourceAlreadyExists):
        family.create(endpoint, config=config)
    with pytest.raises(InvalidParameterValue):
        family.create("no/such name", config=config)
    for missing in (family.get, family.delete, family.query):
        with pytest.raises(NotFound):
            missing("nothing")
    with pytest.raises(NotFound):
        family.update_config("nothing", served_entities=[entity(model)])
    with pytest.raises(BadRequest):  # there is no version 1
        family.query(endpoint, dataframe_records=[{"x": 1.0}])
    for refused in (robot.client.serving_endpoints.get, robot.client.serving_endpoints.delete):
        with pytest.raises(PermissionDenied):
            refused(endpoint)
    w.schemas.create(schema := name(), "main")
    table = AutoCaptureConfigInput(catalog_name="main", schema_name=schema)
    kept = EndpointCoreConfigInput(name="kept", served_entities=[entity(model)], auto_capture_config=table)
    with pytest.raises(PermissionDenied, match=schema):  # who may not make tables there
        robot.client.serving_endpoints.create("kept", config=kept)
    table.schema_name = "nothing"
    with pytest.raises(NotFound, match="nothing"):
        family.create("kept", config=kept)
    with pytest.raises(NotFound):
        family.get("kept")
    family.delete(endpoint)
