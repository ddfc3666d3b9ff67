"""Users and service principals, by the official client."""

from __future__ import annotations

import sqlite3
import uuid

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceConflict, Unauthenticated
from databricks.sdk.service.iam import ComplexValue, Name, Patch, PatchOp, UserSchema

from tests.support import LocalWorkspace
from tests.workspace.identity.conftest import Robot


def values(items: list[ComplexValue] | None) -> set[str | None]:
    return {item.value for item in items or []}


def test_a_user_is_created_read_replaced_and_deleted(w: WorkspaceClient, name: str) -> None:
    made = w.users.create(
        user_name=f"{name}@example.com",
        name=Name(given_name="Ann", family_name="Lee"),
        entitlements=[ComplexValue(value="allow-cluster-create")],
        external_id="x-1",
    )
    assert made.id is not None
    assert (made.user_name, made.display_name, made.active) == (f"{name}@example.com", f"{name}@example.com", True)
    assert made.emails == [ComplexValue(value=f"{name}@example.com", type="work", primary=True)]
    read = w.users.get(made.id)
    assert read == made
    assert read.name == Name(given_name="Ann", family_name="Lee")

    w.users.update(made.id, user_name="other@example.com", display_name="Ann Lee")
    read = w.users.get(made.id)
    assert (read.user_name, read.display_name) == (f"{name}@example.com", "Ann Lee")  # the name stays, as documented
    assert not (read.entitlements or read.external_id or read.name)

    w.users.delete(made.id)
    for gone in (w.users.get, w.users.delete):
        with pytest.raises(NotFound, match="not found"):
            gone(made.id)


@pytest.mark.parametrize("taken", ["{}@example.com", "{}@EXAMPLE.com"])
def test_a_name_is_taken_in_any_case(w: WorkspaceClient, name: str, taken: str) -> None:
    w.users.create(user_name=f"{name}@example.com")
    with pytest.raises(ResourceConflict, match="already exists"):
        w.users.create(user_name=taken.format(name))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"user_name": "no address"},
        {"user_name": "a/b@example.com"},
        {"user_name": "x@y.z", "display_name": "a\x00b"},
        {"user_name": "x@y.z", "entitlements": [ComplexValue(value="everything")]},
        {"user_name": "x@y.z", "roles": [ComplexValue(display="no value")]},
        {"user_name": "a" * 300 + "@example.com"},
    ],
)
def test_users_that_there_cannot_be(w: WorkspaceClient, fields: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match="invalidValue"):
        w.users.create(**fields)


def test_a_user_comes_with_groups(w: WorkspaceClient, name: str) -> None:
    group = w.groups.create(display_name=name)
    user = w.users.create(user_name=f"{name}@example.com", groups=[ComplexValue(value=group.id)])
    assert {one.display for one in user.groups or []} == {name, "users"}
    assert values(w.groups.get(group.id or "").members) == {user.id}
    with pytest.raises(NotFound):
        w.users.create(user_name=f"{name}-2@example.com", groups=[ComplexValue(value="12")])
    assert not list(w.users.list(filter=f'userName eq "{name}-2@example.com"'))


def test_a_service_principal_with_an_application_id_of_its_own(w: WorkspaceClient) -> None:
    application_id = str(uuid.uuid4())
    made = w.service_principals.create(application_id=application_id, display_name="nightly")
    assert (made.application_id, made.display_name, made.active) == (application_id, "nightly", True)
    with pytest.raises(ResourceConflict, match="already exists"):
        w.service_principals.create(application_id=application_id)
    with pytest.raises(BadRequest, match="UUID"):
        w.service_principals.create(application_id="nightly")
    assert made.id is not None
    w.service_principals.update(made.id, display_name="daily", application_id=application_id)
    assert w.service_principals.get(made.id).display_name == "daily"
    with pytest.raises(BadRequest, match="applicationId cannot be changed"):
        w.service_principals.update(made.id, application_id=str(uuid.uuid4()))
    with pytest.raises(NotFound):
        w.users.get(made.id)  # it is no user
    w.service_principals.delete(made.id)
    with pytest.raises(NotFound):
        w.service_principals.get(made.id)


def test_who_is_deactivated_is_out_at_once(w: WorkspaceClient, robot: Robot) -> None:
    assert robot.client.current_user.me().user_name == robot.application_id
    w.service_principals.patch(robot.id, operations=[Patch(op=PatchOp.REPLACE, path="active", value="false")])
    with pytest.raises(Unauthenticated):
        robot.client.current_user.me()
    assert w.service_principals.get(robot.id).active is False
    w.service_principals.patch(robot.id, operations=[Patch(op=PatchOp.REPLACE, value={"active": True})])
    assert robot.client.current_user.me().active is True


def test_who_is_deleted_is_out_at_once_with_all_it_had(w: WorkspaceClient, robot: Robot, name: str) -> None:
    group = w.groups.create(display_name=name, members=[ComplexValue(value=robot.id)])
    secret = w.service_principal_secrets_proxy.create(robot.id)
    tokens = [token.token_id for token in w.token_management.list() if token.owner_id == int(robot.id)]
    assert len(tokens) == 1
    w.service_principals.delete(robot.id)
    with pytest.raises(Unauthenticated):
        robot.client.current_user.me()
    assert not w.groups.get(group.id or "").members
    assert tokens[0] not in {token.token_id for token in w.token_management.list()}
    with pytest.raises(NotFound):
        list(w.service_principal_secrets_proxy.list(robot.id))
    with pytest.raises(ValueError, match="invalid_client"):
        WorkspaceClient(
            host=w.config.host, client_id=robot.application_id, client_secret=secret.secret, auth_type="oauth-m2m"
        ).current_user.me()


def test_nothing_of_who_is_deleted_is_kept(workspace: LocalWorkspace, w: WorkspaceClient, robot: Robot) -> None:
    w.service_principal_secrets_proxy.create(robot.id)
    robot.client.git_credentials.create("gitHub", git_username="robot", personal_access_token="ghp_1")

    def kept() -> set[str]:
        with sqlite3.connect(workspace.root / "workspace.db") as database:
            tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            columns = [(table, row[1]) for table in tables for row in database.execute(f"PRAGMA table_info({table})")]
            query = "SELECT count(*) FROM {} WHERE {} = ?"
            return {
                table
                for table, column in columns
                if database.execute(query.format(table, column), [int(robot.id)]).fetchone()[0]
            }

    assert {"tokens", "oauth_secrets", "permissions", "git_credentials", "principals"} <= kept()
    w.service_principals.delete(robot.id)
    assert kept() == set()


def test_me_of_a_user_and_of_a_service_principal(w: WorkspaceClient, robot: Robot, name: str) -> None:
    owner = w.current_user.me()
    assert {(one.display, one.type) for one in owner.groups or []} == {("admins", "direct"), ("users", "direct")}
    assert owner.schemas is not None and UserSchema.URN_IETF_PARAMS_SCIM_SCHEMAS_CORE_2_0_USER in owner.schemas
    inner = w.groups.create(display_name=f"{name}-in", members=[ComplexValue(value=robot.id)])
    w.groups.create(display_name=f"{name}-out", members=[ComplexValue(value=inner.id)])
    mine = robot.client.current_user.me()
    assert (mine.id, mine.user_name, mine.display_name) == (
        robot.id,
        robot.application_id,
        robot.principal.display_name,
    )
    assert {(one.display, one.type) for one in mine.groups or []} == {
        ("users", "direct"),
        (f"{name}-in", "direct"),
        (f"{name}-out", "indirect"),
    }


def test_nobody_ends_itself(w: WorkspaceClient) -> None:
    owner = w.current_user.me().id or ""
    with pytest.raises(PermissionDenied, match="cannot delete itself"):
        w.users.delete(owner)
    for operation in (Patch(PatchOp.REPLACE, "active", "false"), Patch(PatchOp.REPLACE, None, {"active": "False"})):
        with pytest.raises(PermissionDenied, match="cannot deactivate itself"):
            w.users.patch(owner, operations=[operation])
    assert w.current_user.me().active is True


def test_others_see_names_and_change_nothing(w: WorkspaceClient, robot: Robot, name: str) -> None:
    user = w.users.create(user_name=f"{name}@example.com", display_name="Ann", external_id="secret")
    group = w.groups.create(display_name=name, members=[ComplexValue(value=user.id)])
    assert user.id is not None and group.id is not None
    seen = robot.client.users.get(user.id)
    assert (seen.id, seen.user_name, seen.display_name) == (user.id, user.user_name, "Ann")
    assert not (seen.external_id or seen.groups or seen.active or seen.emails)
    assert [one.display_name for one in robot.client.users.list(filter=f"userName eq {name}@example.com")] == ["Ann"]
    assert not list(robot.client.users.list(filter="externalId eq secret"))  # what is not shown cannot be asked for
    seen_group = robot.client.groups.get(group.id)
    assert seen_group.display_name == name and not seen_group.members
    assert robot.client.service_principals.get(robot.id).groups  # of itself, it sees all

    refused = [
        lambda: robot.client.users.create(user_name="new@example.com"),
        lambda: robot.client.users.update(user.id or ""),
        lambda: robot.client.users.patch(user.id or "", operations=[Patch(PatchOp.REPLACE, "displayName", "me")]),
        lambda: robot.client.users.delete(user.id or ""),
        lambda: robot.client.groups.create(display_name="new"),
        lambda: robot.client.groups.patch(
            group.id or "", operations=[Patch(PatchOp.ADD, "members", [{"value": robot.id}])]
        ),
        lambda: robot.client.groups.delete(group.id or ""),
        lambda: robot.client.service_principals.create(display_name="new"),
        lambda: robot.client.service_principals.update(robot.id, entitlements=[ComplexValue(value="workspace-access")]),
    ]
    for call in refused:
        with pytest.raises(PermissionDenied):
            call()
    assert w.users.get(user.id).display_name == "Ann"


def test_everybody_has_a_home(w: WorkspaceClient, robot: Robot, name: str) -> None:
    user = w.users.create(user_name=f"{name}@example.com")
    assert w.workspace.get_status(f"/Users/{user.user_name}").object_id
    robot.client.workspace.mkdirs(f"/Users/{robot.application_id}/mine")
    with pytest.raises(PermissionDenied):
        robot.client.workspace.mkdirs(f"/Users/{user.user_name}/theirs")
