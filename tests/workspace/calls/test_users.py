"""Users, and who the caller is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service.iam import (
    CurrentUserAPI,
    PasswordAccessControlRequest,
    PasswordPermissionLevel,
    Patch,
    PatchOp,
    UsersAPI,
    UsersV2API,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (CurrentUserAPI, UsersAPI, UsersV2API)


@pytest.fixture(params=["users", "users_v2"])
def users(w: WorkspaceClient, request: pytest.FixtureRequest) -> UsersAPI:
    """Both of the SDK's classes for users."""
    found: UsersAPI = getattr(w, request.param)
    return found


def test_every_operation(w: WorkspaceClient, name: Callable[[], str]) -> None:
    assert w.current_user.me().active
    for family in (w.users, w.users_v2):
        made = family.create(user_name=f"{name()}@example.com", display_name="one")
        assert made.id is not None and family.get(made.id) == made
        family.update(made.id, user_name=made.user_name, display_name="two")
        family.patch(made.id, operations=[Patch(PatchOp.REPLACE, "externalId", "x-1")])
        [found] = family.list(filter=f"userName eq {made.user_name}")
        assert (found.display_name, found.external_id) == ("two", "x-1")
        family.delete(made.id)
        assert not list(family.list(filter=f"userName eq {made.user_name}"))
        passwords(family)


def passwords(family: UsersAPI) -> None:
    assert family.get_permission_levels().permission_levels
    entry = PasswordAccessControlRequest(group_name="users", permission_level=PasswordPermissionLevel.CAN_USE)
    for changed in (
        family.set_permissions(access_control_list=[entry]),
        family.update_permissions(access_control_list=[entry]),
        family.get_permissions(),
    ):
        assert "users" in {one.group_name for one in changed.access_control_list or []}


def test_more_than_a_page(users: UsersAPI, name: Callable[[], str]) -> None:
    prefix = name()
    names = [f"{prefix}-{number}@example.com" for number in range(5)]
    for one in names:
        users.create(user_name=one)
    found = [one.user_name for one in users.list(filter=f'userName sw "{prefix}-"', count=2)]
    assert sorted(found) == names


def test_refusals(users: UsersAPI, robot: Robot, name: Callable[[], str]) -> None:
    taken = f"{name()}@example.com"
    user_id = users.create(user_name=taken).id or ""
    with pytest.raises(ResourceConflict):
        users.create(user_name=taken)
    with pytest.raises(BadRequest):
        users.create(user_name="no address")
    for refused in (users.get, users.delete, users.update):
        with pytest.raises(NotFound):
            refused("123")
    with pytest.raises(BadRequest):
        list(users.list(filter="userName resembles x"))
    with pytest.raises(BadRequest):
        users.patch(user_id, operations=[Patch(PatchOp.REPLACE, "shoeSize", "43")])
    with pytest.raises(PermissionDenied):
        robot.client.users.create(user_name="b@example.com")
    with pytest.raises(PermissionDenied):
        robot.client.users_v2.delete(user_id)
