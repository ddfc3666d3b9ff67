"""Permissions of any object."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel, PermissionsAPI

from tests.workspace.calls.conftest import Robot

FAMILIES = (PermissionsAPI,)


@pytest.fixture
def folder(w: WorkspaceClient, name: Callable[[], str]) -> tuple[str, str]:
    """The path and the number of a folder that is the administrator's."""
    path = f"/Users/{w.current_user.me().user_name}/{name()}"
    w.workspace.mkdirs(path)
    return path, str(w.workspace.get_status(path).object_id)


def entry(robot: Robot, level: PermissionLevel) -> AccessControlRequest:
    return AccessControlRequest(service_principal_name=robot.name, permission_level=level)


def test_every_operation(w: WorkspaceClient, robot: Robot, folder: tuple[str, str]) -> None:
    path, number = folder
    levels = w.permissions.get_permission_levels("directories", number).permission_levels or []
    assert [one.permission_level.value for one in levels if one.permission_level] == [
        "CAN_READ",
        "CAN_RUN",
        "CAN_EDIT",
        "CAN_MANAGE",
    ]
    w.permissions.update("directories", number, access_control_list=[entry(robot, PermissionLevel.CAN_READ)])
    found = w.permissions.get("directories", number)
    assert (found.object_id, found.object_type) == (f"/directories/{number}", "directory")
    assert robot.name in {one.service_principal_name for one in found.access_control_list or []}
    assert list(robot.client.workspace.list(path)) == []
    w.permissions.set("directories", number, access_control_list=[])
    with pytest.raises(PermissionDenied):
        list(robot.client.workspace.list(path))


def test_refusals(w: WorkspaceClient, robot: Robot, folder: tuple[str, str]) -> None:
    _, number = folder
    with pytest.raises(NotFound):
        w.permissions.get("directories", "123")
    with pytest.raises(ResourceDoesNotExist):
        w.permissions.get("jobs", "123")
    with pytest.raises(BadRequest):
        w.permissions.get("castles", "123")
    with pytest.raises(BadRequest):
        w.permissions.update("directories", number, access_control_list=[entry(robot, PermissionLevel.CAN_QUERY)])
    nobody = AccessControlRequest(group_name="nobody at all", permission_level=PermissionLevel.CAN_READ)
    with pytest.raises(NotFound):
        w.permissions.set("directories", number, access_control_list=[nobody])
    for refused in (robot.client.permissions.get, robot.client.permissions.get_permission_levels):
        with pytest.raises(PermissionDenied):
            refused("directories", number)
    with pytest.raises(PermissionDenied):
        robot.client.permissions.set("directories", number, access_control_list=[])
