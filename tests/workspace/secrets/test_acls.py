"""Who may do what with a scope, as principals without rights of their own notice."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    DatabricksError,
    InvalidParameterValue,
    PermissionDenied,
    ResourceDoesNotExist,
)
from databricks.sdk.service.workspace import AclPermission

from tests.support import LocalWorkspace, WorkspaceHome
from tests.workspace.secrets.people import Person, group, person

READ, WRITE, MANAGE = AclPermission.READ, AclPermission.WRITE, AclPermission.MANAGE
ACTIONS: dict[str, Callable[[WorkspaceClient, str], object]] = {
    "list": lambda client, scope: list(client.secrets.list_secrets(scope)),
    "get": lambda client, scope: client.secrets.get_secret(scope, "k"),
    "dbutils": lambda client, scope: client.dbutils.secrets.get(scope, "k"),
    "put": lambda client, scope: client.secrets.put_secret(scope, "k", string_value="v"),
    "delete": lambda client, scope: client.secrets.delete_secret(scope, "k"),
    "list acls": lambda client, scope: list(client.secrets.list_acls(scope)),
    "get acl": lambda client, scope: client.secrets.get_acl(scope, "admins"),
    "put acl": lambda client, scope: client.secrets.put_acl(scope, "admins", MANAGE),
    "delete acl": lambda client, scope: client.secrets.delete_acl(scope, "admins"),
    "delete scope": lambda client, scope: client.secrets.delete_scope(scope),
}
NEEDS = {
    None: (),
    READ: ("list", "get", "dbutils"),
    WRITE: ("list", "get", "dbutils", "put", "delete"),
    MANAGE: tuple(ACTIONS),
}


@pytest.fixture(scope="module")
def admin(workspace: LocalWorkspace) -> WorkspaceClient:
    return workspace.client()


@pytest.fixture(scope="module")
def reader(admin: WorkspaceClient) -> Person:
    return person(admin)


@pytest.fixture
def scope(admin: WorkspaceClient) -> Iterator[str]:
    name = f"acl-{uuid.uuid4().hex[:8]}"
    admin.secrets.create_scope(name)
    admin.secrets.put_secret(name, "k", string_value="v")
    yield name
    if name in {one.name for one in admin.secrets.list_scopes()}:
        admin.secrets.delete_scope(name)


def acls(client: WorkspaceClient, scope: str) -> dict[str, AclPermission]:
    return {one.principal: one.permission for one in client.secrets.list_acls(scope)}


def allowed(client: WorkspaceClient, scope: str, action: str) -> bool:
    try:
        ACTIONS[action](client, scope)
    except PermissionDenied as error:
        assert f"permission on scope {scope} to perform this action" in str(error)
        return False
    return True


@pytest.mark.parametrize("through", ["itself", "group"])
@pytest.mark.parametrize("permission", NEEDS, ids=str)
def test_each_permission_allows_its_actions_and_no_others(
    admin: WorkspaceClient, reader: Person, scope: str, permission: AclPermission | None, through: str
) -> None:
    if permission is not None:
        name = reader.name if through == "itself" else group(admin, reader)[1]
        admin.secrets.put_acl(scope, name, permission)
    found = []
    for action in ACTIONS:  # deletion of the scope is the last
        admin.secrets.put_secret(scope, "k", string_value="v")
        admin.secrets.put_acl(scope, "admins", MANAGE)
        if allowed(reader.client, scope, action):
            found.append(action)
    assert tuple(found) == NEEDS[permission]


def test_administrators_may_everything_without_being_named(admin: WorkspaceClient, reader: Person) -> None:
    name = f"own-{uuid.uuid4().hex[:8]}"
    reader.client.secrets.create_scope(name)
    assert acls(reader.client, name) == {reader.name: MANAGE}
    reader.client.secrets.put_secret(name, "k", string_value="v")
    reader.client.secrets.put_acl(name, "admins", READ)
    assert [action for action in ACTIONS if not allowed(admin, name, action) or action == "delete"] == ["delete"]
    assert name not in {one.name for one in reader.client.secrets.list_scopes()}


def test_a_scope_for_everybody(admin: WorkspaceClient, reader: Person) -> None:
    name = f"all-{uuid.uuid4().hex[:8]}"
    admin.secrets.create_scope(name, initial_manage_principal="users")
    assert acls(reader.client, name) == {"users": MANAGE}
    reader.client.secrets.delete_scope(name)
    with pytest.raises(InvalidParameterValue, match="'users'"):
        admin.secrets.create_scope(name, initial_manage_principal=reader.name)


def test_lists_show_what_may_be_read(admin: WorkspaceClient, reader: Person, scope: str) -> None:
    assert scope not in {one.name for one in reader.client.secrets.list_scopes()}
    admin.secrets.put_acl(scope, reader.name, READ)
    assert scope in {one.name for one in reader.client.secrets.list_scopes()}
    assert scope in {one.name for one in reader.client.dbutils.secrets.listScopes()}
    assert scope in {one.name for one in admin.secrets.list_scopes()}


def test_lists_name_users_groups_and_principals(admin: WorkspaceClient, reader: Person, scope: str) -> None:
    user = f"{uuid.uuid4().hex[:8]}@example.org"
    admin.users.create(user_name=user)
    _, team = group(admin)
    owner = admin.current_user.me().user_name or ""
    for principal, permission in ((user.upper(), READ), (team, WRITE), (reader.name, WRITE), (reader.name, READ)):
        admin.secrets.put_acl(scope, principal, permission)
    assert acls(admin, scope) == {owner: MANAGE, user: READ, team: WRITE, reader.name: READ}
    assert admin.secrets.get_acl(scope, user).permission is READ
    admin.secrets.delete_acl(scope, user)
    assert user not in acls(admin, scope)


def test_what_is_gone_takes_its_permissions_along(admin: WorkspaceClient, scope: str) -> None:
    first, second = person(admin), person(admin)
    number, team = group(admin, second)
    admin.secrets.put_acl(scope, first.name, READ)
    admin.secrets.put_acl(scope, team, READ)
    assert allowed(first.client, scope, "get") and allowed(second.client, scope, "get")
    admin.service_principals.delete(first.id)
    admin.groups.delete(number)
    assert acls(admin, scope).keys() == {admin.current_user.me().user_name}
    assert not allowed(second.client, scope, "get")


def test_a_new_scope_of_an_old_name_inherits_nothing(admin: WorkspaceClient, reader: Person, scope: str) -> None:
    admin.secrets.put_acl(scope, reader.name, MANAGE)
    admin.secrets.delete_scope(scope)
    admin.secrets.create_scope(scope.upper())
    assert not allowed(reader.client, scope.upper(), "list")
    admin.secrets.delete_scope(scope)


def error_of(action: Callable[[], object]) -> tuple[type[DatabricksError], str | None]:
    with pytest.raises(DatabricksError) as raised:
        action()
    return type(raised.value), raised.value.error_code


def test_errors_have_the_classes_of_the_service(admin: WorkspaceClient, reader: Person, scope: str) -> None:
    gone = (ResourceDoesNotExist, "RESOURCE_DOES_NOT_EXIST")
    secrets = admin.secrets
    for action in ACTIONS.values():
        if action is not ACTIONS["dbutils"]:
            assert error_of(partial(action, admin, "no-such-scope")) == gone
    assert error_of(lambda: secrets.put_acl(scope, "nobody@example.org", READ)) == gone
    assert error_of(lambda: secrets.get_acl(scope, "nobody@example.org")) == gone
    assert error_of(lambda: secrets.get_acl(scope, reader.name)) == gone
    assert error_of(lambda: secrets.delete_acl(scope, reader.name)) == gone
    wrong = {"scope": scope, "principal": reader.name, "permission": "CAN_MANAGE"}
    put = partial(admin.api_client.do, "POST", "/api/2.0/secrets/acls/put", body=wrong)
    assert error_of(put) == (InvalidParameterValue, "INVALID_PARAMETER_VALUE")
    refused = (PermissionDenied, "PERMISSION_DENIED")
    assert error_of(lambda: reader.client.secrets.get_secret(scope, "k")) == refused
    with pytest.raises(PermissionDenied) as raised:
        reader.client.secrets.get_secret(scope, "k")
    words = f"User {reader.name} does not have READ permission on scope {scope} to perform this action."
    assert str(raised.value).startswith(words)


def test_a_restart_keeps_what_was_granted(workspaces: WorkspaceHome) -> None:
    client = workspaces.start("dev").client()
    one = person(client)
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="v")
    client.secrets.put_acl("s", one.name, READ)
    workspaces.run("workspace", "stop", "dev")
    workspaces.start("dev")
    assert allowed(one.client, "s", "get") and not allowed(one.client, "s", "put")
