"""Command execution: every operation, and its refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, NotImplemented, PermissionDenied
from databricks.sdk.service.compute import (
    ClusterAccessControlRequest,
    ClusterPermissionLevel,
    CommandExecutionAPI,
    CommandStatus,
    ContextStatus,
    Language,
)

from tests.support import wait_for
from tests.workspace.calls.conftest import Robot

FAMILIES = (CommandExecutionAPI,)


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    family, version = w.command_execution, "16.4.x-scala2.12"
    made = w.clusters.create(version, cluster_name=name(), node_type_id="Standard_DS3_v2", num_workers=0)
    cluster = made.cluster_id
    with pytest.raises(NotFound, match="Cluster not found: nothing"):
        family.create(cluster_id="nothing", language=Language.PYTHON)
    wait_for(lambda: w.clusters.get(cluster).state.value == "RUNNING")
    with pytest.raises(NotImplemented, match="no scala"):
        family.create(cluster_id=cluster, language=Language.SCALA)
    context = family.create(cluster_id=cluster, language=Language.PYTHON).response.id or ""
    wait_for(lambda: family.context_status(cluster, context).status is ContextStatus.RUNNING)
    command = _execute(family, cluster, context, "6 * 7")
    done = wait_for(lambda: family.command_status(cluster, context, command).results)
    assert done.data == "42"
    _refusals(w, robot, cluster, context)
    command = _execute(family, cluster, context, "import time; time.sleep(1000)")
    family.cancel(cluster_id=cluster, context_id=context, command_id=command)
    wait_for(lambda: family.command_status(cluster, context, command).status is CommandStatus.CANCELLED)
    family.destroy(cluster, context)
    with pytest.raises(NotFound, match="ContextNotFound"):
        family.context_status(cluster, context)
    _end_of_cluster(w, cluster)


def _execute(family: CommandExecutionAPI, cluster: str, context: str, code: str) -> str:
    made = family.execute(cluster_id=cluster, context_id=context, command=code, language=Language.PYTHON)
    return str(made.command_id)


def _refusals(w: WorkspaceClient, robot: Robot, cluster: str, context: str) -> None:
    theirs = robot.client.command_execution
    with pytest.raises(PermissionDenied):
        theirs.create(cluster_id=cluster, language=Language.SQL)
    level = ClusterPermissionLevel.CAN_ATTACH_TO
    entry = ClusterAccessControlRequest(service_principal_name=robot.name, permission_level=level)
    w.clusters.update_permissions(cluster, access_control_list=[entry])
    own = theirs.create(cluster_id=cluster, language=Language.SQL).response.id or ""
    with pytest.raises(NotFound, match="ContextNotFound"):
        theirs.context_status(cluster, context)
    w.clusters.set_permissions(cluster, access_control_list=[])
    with pytest.raises(PermissionDenied):
        _execute(theirs, cluster, own, "1")
    theirs.destroy(cluster, own)
    with pytest.raises(NotFound, match="CommandNotFound"):
        w.command_execution.command_status(cluster, context, "1")
    with pytest.raises(BadRequest, match="requirement failed: missing command"):
        w.command_execution.execute(cluster_id=cluster, context_id=context, language=Language.PYTHON)
    answer = w.api_client.do("POST", "/api/1.2/contexts/create", body={"clusterId": cluster, "language": "SQL"})
    w.command_execution.destroy(cluster, answer["id"])


def _end_of_cluster(w: WorkspaceClient, cluster: str) -> None:
    family = w.command_execution
    context = family.create(cluster_id=cluster, language=Language.PYTHON).response.id or ""
    w.clusters.delete(cluster)
    wait_for(lambda: family.context_status(cluster, context).status is ContextStatus.ERROR)
    with pytest.raises(BadRequest, match="has ended"):
        _execute(family, cluster, context, "1")
    wait_for(lambda: w.clusters.get(cluster).state.value == "TERMINATED")
    with pytest.raises(BadRequest, match="unexpected state Terminated"):
        family.create(cluster_id=cluster, language=Language.PYTHON)
    w.clusters.permanent_delete(cluster)
