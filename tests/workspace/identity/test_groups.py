"""Groups, also inside each other, by the official client."""

from __future__ import annotations

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service.iam import ComplexValue, Group, Patch, PatchOp, PatchSchema

from tests.workspace.identity.conftest import Robot

SCHEMAS = [PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]


def one(value: str | None) -> ComplexValue:
    return ComplexValue(value=value)


def members(group: Group) -> set[str | None]:
    return {member.value for member in group.members or []}


def system(w: WorkspaceClient, name: str) -> Group:
    [found] = w.groups.list(filter=f'displayName eq "{name}"')
    return found


def test_a_group_is_created_read_replaced_and_deleted(w: WorkspaceClient, name: str) -> None:
    user = w.users.create(user_name=f"{name}@example.com")
    made = w.groups.create(
        display_name=name, members=[one(user.id)], entitlements=[one("allow-cluster-create")], external_id="e"
    )
    assert made.id is not None
    assert w.groups.get(made.id) == made
    assert made.members == [ComplexValue(display=user.display_name, ref=f"Users/{user.id}", value=user.id)]
    assert made.meta is not None and made.meta.resource_type == "WorkspaceGroup"
    w.groups.update(made.id, display_name=f"{name}-renamed")
    read = w.groups.get(made.id)
    assert read.display_name == f"{name}-renamed" and not read.members and not read.entitlements
    w.groups.delete(made.id)
    with pytest.raises(NotFound):
        w.groups.get(made.id)
    assert {group.display for group in w.users.get(user.id or "").groups or []} == {"users"}


def test_names_of_groups(w: WorkspaceClient, name: str) -> None:
    made = w.groups.create(display_name=name)
    other = w.groups.create(display_name=f"{name}-other")
    for taken in (name, name.upper(), "admins", "Users"):
        with pytest.raises(ResourceConflict, match=f"Group with name {taken} already exists"):
            w.groups.create(display_name=taken)
    with pytest.raises(ResourceConflict):
        w.groups.patch(other.id or "", operations=[Patch(PatchOp.REPLACE, "displayName", name)])
    w.groups.patch(made.id or "", operations=[Patch(PatchOp.REPLACE, "displayName", name.upper())])
    assert w.groups.get(made.id or "").display_name == name.upper()
    with pytest.raises(BadRequest, match="displayName"):
        w.groups.create()


def test_members_are_added_and_removed_one_by_one(w: WorkspaceClient, name: str, robot: Robot) -> None:
    ids = [w.users.create(user_name=f"{name}-{number}@example.com").id for number in range(3)]
    group = w.groups.create(display_name=name, members=[one(ids[0])]).id or ""
    w.groups.patch(
        group,
        schemas=SCHEMAS,
        operations=[
            Patch(PatchOp.ADD, "members", [{"value": ids[1]}, {"value": ids[2]}]),
            Patch(PatchOp.ADD, None, {"members": [{"value": robot.id}, {"value": ids[1]}]}),
            Patch(PatchOp.REMOVE, f'members[value eq "{ids[0]}"]'),
        ],
    )
    assert members(w.groups.get(group)) == {ids[1], ids[2], robot.id}
    w.groups.patch(group, operations=[Patch(PatchOp.REPLACE, "members", [{"value": ids[0]}])])
    assert members(w.groups.get(group)) == {ids[0]}
    w.groups.patch(group, operations=[Patch(PatchOp.REMOVE, "members")])
    assert members(w.groups.get(group)) == set()


def test_a_patch_is_done_as_a_whole_or_not_at_all(w: WorkspaceClient, name: str) -> None:
    user = w.users.create(user_name=f"{name}@example.com")
    group = w.groups.create(display_name=name).id or ""
    with pytest.raises(NotFound, match="Principal with id 12 not found"):
        w.groups.patch(
            group,
            operations=[
                Patch(PatchOp.ADD, "members", [{"value": user.id}]),
                Patch(PatchOp.ADD, "members", [{"value": "12"}]),
            ],
        )
    assert members(w.groups.get(group)) == set()


def test_groups_in_groups_count(w: WorkspaceClient, name: str, robot: Robot) -> None:
    inner = w.groups.create(display_name=f"{name}-in", members=[one(robot.id)])
    middle = w.groups.create(display_name=f"{name}-mid", members=[one(inner.id)])
    outer = w.groups.create(display_name=f"{name}-out", members=[one(middle.id)])
    nested = {group.display: group.type for group in w.groups.get(inner.id or "").groups or []}
    assert nested == {f"{name}-mid": "direct", f"{name}-out": "indirect"}
    for child, parent in ((outer, inner), (inner, inner)):
        with pytest.raises(BadRequest, match="inside itself"):
            w.groups.patch(parent.id or "", operations=[Patch(PatchOp.ADD, "members", [{"value": child.id}])])
    assert members(w.groups.get(inner.id or "")) == {robot.id}
    admins = system(w, "admins").id or ""
    w.groups.patch(admins, operations=[Patch(PatchOp.ADD, "members", [{"value": outer.id}])])
    assert robot.client.workspace_conf.get_status("enableTokensConfig")  # it is an administrator by three groups
    w.groups.delete(middle.id or "")
    with pytest.raises(PermissionDenied):
        robot.client.workspace_conf.get_status("enableTokensConfig")
    w.groups.delete(outer.id or "")


def test_the_workspaces_own_groups_stay(w: WorkspaceClient, name: str, robot: Robot) -> None:
    group = w.groups.create(display_name=name)
    for own in ("admins", "users"):
        found = system(w, own)
        with pytest.raises(PermissionDenied, match="cannot be deleted"):
            w.groups.delete(found.id or "")
        with pytest.raises(PermissionDenied, match="cannot be renamed"):
            w.groups.patch(found.id or "", operations=[Patch(PatchOp.REPLACE, "displayName", name + "x")])
        with pytest.raises(PermissionDenied, match="cannot belong to another"):
            w.groups.patch(group.id or "", operations=[Patch(PatchOp.ADD, "members", [{"value": found.id}])])
    everybody = system(w, "users")
    assert {w.current_user.me().id, robot.id} <= members(everybody)
    with pytest.raises(PermissionDenied, match="Everybody"):
        w.groups.patch(everybody.id or "", operations=[Patch(PatchOp.REMOVE, f'members[value eq "{robot.id}"]')])
    with pytest.raises(PermissionDenied, match="without an active administrator"):
        w.groups.patch(system(w, "admins").id or "", operations=[Patch(PatchOp.REMOVE, "members")])
    assert w.current_user.me().id in members(system(w, "admins"))


def test_a_user_replaced_without_its_groups_leaves_them(w: WorkspaceClient, name: str) -> None:
    group = w.groups.create(display_name=name)
    user = w.users.create(user_name=f"{name}@example.com", groups=[one(group.id)])
    read = w.users.get(user.id or "")
    w.users.update(user.id or "", display_name="Ann", groups=read.groups)
    assert members(w.groups.get(group.id or "")) == {user.id}
    w.users.update(user.id or "", display_name="Ann")
    assert members(w.groups.get(group.id or "")) == set()
    w.users.patch(user.id or "", operations=[Patch(PatchOp.ADD, "groups", [{"value": group.id}])])
    assert members(w.groups.get(group.id or "")) == {user.id}
    with pytest.raises(PermissionDenied, match="without an active administrator"):
        w.users.update(w.current_user.me().id or "", display_name="no groups")
