"""Who is answered, and with whose rights: through the official client, with a model that has a secret."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from databricks.sdk.service.serving import (
    EndpointCoreConfigInput,
    ServedEntityInput,
    ServingEndpointAccessControlRequest,
    ServingEndpointPermissionLevel,
)
from databricks.sdk.service.workspace import AclPermission

from tests.support import LocalWorkspace, WorkspaceHome, wait_for

MODEL = "main.default.teller"
SECRET = "secret-of-the-teller-4711"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    with closing(WorkspaceHome(tmp_path_factory.mktemp("home"))) as home:
        workspace = home.start("rights")
        with patch.dict(os.environ, workspace.environ):
            yield workspace


def robot(workspace: LocalWorkspace, name: str) -> tuple[str, WorkspaceClient]:
    """A service principal that was granted nothing."""
    w = workspace.client()
    who = w.service_principals_v2.create(display_name=name).application_id or ""
    token = w.token_management.create_obo_token(who, lifetime_seconds=3600).token_value
    return who, WorkspaceClient(host=workspace.host, token=token, auth_type="pat")


def register(path: Path) -> None:
    import mlflow

    client = mlflow.MlflowClient("databricks", "databricks-uc")
    version = client.create_model_version(MODEL, source=str(path)).version
    client.set_registered_model_alias(MODEL, "champion", version)


def serving(w: WorkspaceClient) -> str:
    (model,) = w.serving_endpoints.get("teller").config.served_models
    return str(model.model_version)


def test_a_model_with_a_secret_answers_whom_it_may(own: LocalWorkspace, teller: Path) -> None:
    w = own.client()
    (maker, making), (caller, calling), (viewer, viewing), (_, strange) = (robot(own, name) for name in "abcd")
    w.secrets.create_scope("bank")
    w.secrets.put_secret("bank", "pin", string_value=SECRET)
    w.secrets.put_acl("bank", maker, AclPermission.READ)
    w.registered_models.create(catalog_name="main", schema_name="default", name="teller")
    register(teller)
    entity = ServedEntityInput(
        name="teller", entity_name=MODEL, entity_version="champion", environment_vars={"PIN": "{{secrets/bank/pin}}"}
    )
    asked = EndpointCoreConfigInput("teller", served_entities=[entity])
    with pytest.raises(PermissionDenied):
        making.serving_endpoints.create("teller", config=asked)
    w.grants.update("function", MODEL, changes=[PermissionsChange(add=[Privilege.EXECUTE], principal=maker)])
    made = making.serving_endpoints.create("teller", config=asked).response
    wait_for(lambda: serving(making) == "1", seconds=60)
    levels = {caller: ServingEndpointPermissionLevel.CAN_QUERY, viewer: ServingEndpointPermissionLevel.CAN_VIEW}
    making.serving_endpoints.update_permissions(
        made.id or "",
        access_control_list=[
            ServingEndpointAccessControlRequest(service_principal_name=who, permission_level=level)
            for who, level in levels.items()
        ],
    )
    for client in (making, calling, w):
        found = client.serving_endpoints.query("teller", dataframe_records=[{"a": 1.0}])
        assert found.predictions == [sum(SECRET.encode())]
    for client in (viewing, strange):
        with pytest.raises(PermissionDenied, match="does not have Query permissions"):
            client.serving_endpoints.query("teller", dataframe_records=[{"a": 1.0}])
    with pytest.raises(PermissionDenied):
        strange.serving_endpoints.get("teller")
    url, token = f"{own.host}/serving-endpoints/teller/invocations", {"authorization": f"Bearer {calling.config.token}"}
    failed = httpx.post(url, json={"dataframe_records": [{"a": -1.0}]}, headers=token)
    assert failed.status_code == 400 and SECRET not in failed.text and "asked with [REDACTED]" in failed.text
    refused = httpx.post(url, json={"dataframe_records": [{"a": 1.0}]})
    assert (refused.status_code, refused.json()["error_code"]) == (401, "UNAUTHENTICATED")
    shown = [viewing.serving_endpoints.get("teller").as_dict(), viewing.serving_endpoints.logs("teller", "teller").logs]
    assert SECRET not in json.dumps(shown) and "loading with [REDACTED]" in str(shown[1])
    _loses_the_right(w, maker, teller)


def _loses_the_right(w: WorkspaceClient, maker: str, teller: Path) -> None:
    """What serves goes on; another version is not served until its maker has the right again."""
    w.grants.update("function", MODEL, changes=[PermissionsChange(remove=[Privilege.EXECUTE], principal=maker)])
    register(teller)
    second = ServedEntityInput(entity_name=MODEL, entity_version="2")
    with pytest.raises(PermissionDenied, match="rights of who made it"):
        w.serving_endpoints.update_config("teller", served_entities=[second])
    assert serving(w) == "1"
    w.grants.update("function", MODEL, changes=[PermissionsChange(add=[Privilege.EXECUTE], principal=maker)])
    wait_for(lambda: serving(w) == "2", seconds=60)
