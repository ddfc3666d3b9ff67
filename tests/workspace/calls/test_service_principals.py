"""Service principals, their secrets, and machines that sign in with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service.iam import Patch, PatchOp, ServicePrincipalsAPI, ServicePrincipalsV2API
from databricks.sdk.service.oauth2 import ServicePrincipalSecretsProxyAPI

from tests.support import LocalWorkspace
from tests.workspace.calls.conftest import Robot

FAMILIES = (ServicePrincipalsAPI, ServicePrincipalsV2API, ServicePrincipalSecretsProxyAPI)


def machine(w: WorkspaceClient, robot: Robot, secret: str | None) -> WorkspaceClient:
    return WorkspaceClient(host=w.config.host, client_id=robot.name, client_secret=secret, auth_type="oauth-m2m")


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    for family in (w.service_principals, w.service_principals_v2):
        made = family.create(display_name=name())
        assert made.id is not None and family.get(made.id) == made
        family.patch(made.id, operations=[Patch(PatchOp.REPLACE, "active", "false")])
        assert family.get(made.id).active is False
        family.update(made.id, application_id=made.application_id, display_name="two", active=True)
        [found] = family.list(filter=f"applicationId eq {made.application_id}")
        assert (found.display_name, found.active) == ("two", True)
        family.delete(made.id)
        assert not list(family.list(filter=f"applicationId eq {made.application_id}"))
    secrets = w.service_principal_secrets_proxy
    made_secret = secrets.create(robot.id, lifetime="3600s")
    assert made_secret.id in {one.id for one in secrets.list(robot.id)}
    secrets.delete(robot.id, made_secret.id or "")
    assert not list(secrets.list(robot.id))


def test_machine_to_machine(server: LocalWorkspace, w: WorkspaceClient, robot: Robot) -> None:
    made = w.service_principal_secrets_proxy.create(robot.id)
    client = machine(w, robot, made.secret)
    assert client.current_user.me().user_name == robot.name
    client.workspace.mkdirs(f"/Users/{robot.name}/by-oauth")
    variables = {"DATABRICKS_HOST": server.host, "DATABRICKS_CLIENT_ID": robot.name}
    program = "from databricks.sdk import WorkspaceClient; w = WorkspaceClient(); print(w.current_user.me().user_name)"
    environ = {k: v for k, v in server.environ.items() if not k.startswith("DATABRICKS_")}
    environ |= variables | {"DATABRICKS_CLIENT_SECRET": made.secret or ""}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == robot.name, done.stderr[-2000:]
    w.service_principal_secrets_proxy.delete(robot.id, made.id or "")
    with pytest.raises(ValueError, match="invalid_client"):
        machine(w, robot, made.secret).current_user.me()


def test_more_than_a_page(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    prefix = name()
    for number in range(5):
        w.service_principals.create(display_name=f"{prefix}-{number}")
    found = [one.display_name for one in w.service_principals.list(filter=f'displayName sw "{prefix}-"', count=2)]
    assert sorted(map(str, found)) == [f"{prefix}-{number}" for number in range(5)]
    ids = {w.service_principal_secrets_proxy.create(robot.id).id for _ in range(5)}
    assert {one.id for one in w.service_principal_secrets_proxy.list(robot.id, page_size=2)} == ids


def test_refusals(w: WorkspaceClient, robot: Robot) -> None:
    for family in (w.service_principals, w.service_principals_v2):
        with pytest.raises(ResourceConflict):
            family.create(application_id=robot.name)
        with pytest.raises(BadRequest):
            family.create(application_id="no uuid")
        for refused in (family.get, family.delete, family.update):
            with pytest.raises(NotFound):
                refused("123")
    secrets = w.service_principal_secrets_proxy
    with pytest.raises(NotFound):
        secrets.create("123")
    with pytest.raises(NotFound):
        secrets.delete(robot.id, "123")
    with pytest.raises(InvalidParameterValue):
        secrets.create(robot.id, lifetime="long")
    with pytest.raises(PermissionDenied):
        robot.client.service_principals.create(display_name="x")
    with pytest.raises(PermissionDenied):
        robot.client.service_principal_secrets_proxy.create(robot.id)
