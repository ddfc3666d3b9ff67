"""Settings of the workspace."""

from __future__ import annotations

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotImplemented, PermissionDenied
from databricks.sdk.service.settings import WorkspaceConfAPI

from tests.workspace.calls.conftest import Robot

FAMILIES = (WorkspaceConfAPI,)


def test_every_operation(w: WorkspaceClient) -> None:
    w.workspace_conf.set_status({"maxTokenLifetimeDays": "30"})
    found = w.workspace_conf.get_status("maxTokenLifetimeDays,enableTokensConfig")
    assert found == {"maxTokenLifetimeDays": "30", "enableTokensConfig": "true"}
    w.workspace_conf.set_status({"maxTokenLifetimeDays": "0"})


def test_refusals(w: WorkspaceClient, robot: Robot) -> None:
    with pytest.raises(BadRequest):
        w.workspace_conf.get_status("enableMagic")
    with pytest.raises(InvalidParameterValue):
        w.workspace_conf.get_status("")
    with pytest.raises(BadRequest):
        w.workspace_conf.set_status({"maxTokenLifetimeDays": "many"})
    with pytest.raises(NotImplemented):
        w.workspace_conf.set_status({"enforceUserIsolation": "true"})
    with pytest.raises(PermissionDenied):
        robot.client.workspace_conf.get_status("enableTokensConfig")
    with pytest.raises(PermissionDenied):
        robot.client.workspace_conf.set_status({"enableTokensConfig": "true"})
