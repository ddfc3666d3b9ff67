"""Groups."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service.iam import ComplexValue, GroupsAPI, GroupsV2API, Patch, PatchOp

from tests.workspace.calls.conftest import Robot

FAMILIES = (GroupsAPI, GroupsV2API)


@pytest.fixture(params=["groups", "groups_v2"])
def groups(w: WorkspaceClient, request: pytest.FixtureRequest) -> GroupsAPI:
    """Both of the SDK's classes for groups."""
    found: GroupsAPI = getattr(w, request.param)
    return found


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    for family in (w.groups, w.groups_v2):
        made = family.create(display_name=name())
        assert made.id is not None and family.get(made.id) == made
        family.patch(made.id, operations=[Patch(PatchOp.ADD, "members", [{"value": robot.id}])])
        assert made.display_name in {one.display for one in robot.client.current_user.me().groups or []}
        renamed = name()
        family.update(made.id, display_name=renamed, members=[ComplexValue(value=robot.id)])
        [found] = family.list(filter=f'displayName eq "{renamed}"')
        assert [one.value for one in found.members or []] == [robot.id]
        family.delete(made.id)
        assert renamed not in {one.display for one in robot.client.current_user.me().groups or []}


def test_more_than_a_page(groups: GroupsAPI, name: Callable[[], str]) -> None:
    prefix = name()
    names = [f"{prefix}-{number}" for number in range(5)]
    for one in names:
        groups.create(display_name=one)
    assert sorted(str(one.display_name) for one in groups.list(filter=f'displayName sw "{prefix}-"', count=2)) == names


def test_refusals(groups: GroupsAPI, robot: Robot, name: Callable[[], str]) -> None:
    taken = name()
    groups.create(display_name=taken)
    with pytest.raises(ResourceConflict):
        groups.create(display_name=taken)
    with pytest.raises(BadRequest):
        groups.create()
    for refused in (groups.get, groups.delete, groups.update):
        with pytest.raises(NotFound):
            refused("123")
    [admins] = groups.list(filter="displayName eq admins")
    with pytest.raises(PermissionDenied):
        groups.delete(admins.id or "")
    with pytest.raises(PermissionDenied):
        robot.client.groups.create(display_name=name())
    own_way = Patch(PatchOp.ADD, "members", [{"value": robot.id}])
    with pytest.raises(PermissionDenied):
        robot.client.groups_v2.patch(admins.id or "", operations=[own_way])
