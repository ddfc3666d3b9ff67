"""Secret scopes, secrets and who may read them; `w.dbutils.secrets` outside of a cluster."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service.workspace import AclPermission, SecretsAPI

from tests.workspace.calls.conftest import Robot

FAMILIES = (SecretsAPI,)


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    scope = name()
    w.secrets.create_scope(scope)
    assert scope in {one.name for one in w.secrets.list_scopes()}
    w.secrets.put_secret(scope, "key", string_value="väl")
    w.secrets.put_secret(scope, "raw", bytes_value=base64.b64encode(b"\x00\xff").decode())
    assert base64.b64decode(w.secrets.get_secret(scope, "raw").value or "") == b"\x00\xff"
    assert [one.key for one in w.secrets.list_secrets(scope)] == ["key", "raw"]
    w.secrets.put_acl(scope, robot.name, AclPermission.READ)
    assert w.secrets.get_acl(scope, robot.name).permission is AclPermission.READ
    assert robot.name in {one.principal for one in w.secrets.list_acls(scope)}
    assert robot.client.dbutils.secrets.get(scope, "key") == "väl"
    w.secrets.delete_acl(scope, robot.name)
    with pytest.raises(PermissionDenied):
        robot.client.secrets.get_secret(scope, "key")
    w.secrets.delete_secret(scope, "raw")
    assert [one.key for one in w.secrets.list_secrets(scope)] == ["key"]
    w.secrets.delete_scope(scope)
    assert scope not in {one.name for one in w.secrets.list_scopes()}


def test_dbutils(w: WorkspaceClient, name: Callable[[], str]) -> None:
    scope = name()
    w.secrets.create_scope(scope)
    w.secrets.put_secret(scope, "key", string_value="väl")
    secrets = w.dbutils.secrets
    assert secrets.get(scope, "key") == "väl" and secrets.getBytes(scope, "key") == "väl".encode()
    assert [one.key for one in secrets.list(scope)] == ["key"]
    assert scope in {one.name for one in secrets.listScopes()}
    with pytest.raises(ResourceDoesNotExist):
        secrets.get(scope, "nothing")


def test_refusals(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    scope, nothing = name(), name()
    w.secrets.create_scope(scope)
    with pytest.raises(ResourceAlreadyExists):
        w.secrets.create_scope(scope)
    with pytest.raises(InvalidParameterValue):
        w.secrets.create_scope("no/such/name")
    with pytest.raises(ResourceDoesNotExist):
        w.secrets.delete_scope(nothing)
    with pytest.raises(ResourceDoesNotExist):
        w.secrets.put_secret(nothing, "key", string_value="a")
    for missing in (w.secrets.get_secret, w.secrets.delete_secret):
        with pytest.raises(ResourceDoesNotExist):
            missing(scope, "nothing")
    with pytest.raises(ResourceDoesNotExist):
        w.secrets.get_acl(scope, robot.name)
    with pytest.raises(ResourceDoesNotExist):
        list(w.secrets.list_secrets(nothing))
    with pytest.raises(InvalidParameterValue):
        w.secrets.put_secret(scope, "key", bytes_value="no base64!")
    for refused in (robot.client.secrets.list_secrets, robot.client.secrets.list_acls):
        with pytest.raises(PermissionDenied):
            list(refused(scope))
    with pytest.raises(PermissionDenied):
        robot.client.secrets.put_acl(scope, robot.name, AclPermission.MANAGE)
