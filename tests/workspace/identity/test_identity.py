"""What holds whoever asks: an administrator remains, and what ended does not come back."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from brickyard.workspace.api.errors import ApiError, Unauthenticated
from brickyard.workspace.identity import Identity
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.identity.records import Account, Link
from brickyard.workspace.store import Store
from tests.support import WorkspaceHome


def administrator(identity: Identity, name: str, kind: Kind = Kind.USER) -> Account:
    groups = (Link(identity.principals.admins, Kind.GROUP),)
    return identity.directory.create_account(Account(0, kind, name, name, groups=groups))


def test_the_last_administrator_stays(identity: Identity) -> None:
    owner, directory = identity.owner, identity.directory
    second = identity.principals.get(administrator(identity, "second@example.com").id)
    directory.delete_account(Kind.USER, owner.id, second)
    assert identity.owner == second
    stranger = replace(owner, id=1)
    with pytest.raises(ApiError, match="without an active administrator"):
        directory.delete_account(Kind.USER, second.id, stranger)
    for edit in (
        lambda account: replace(account, active=False),
        lambda account: replace(account, groups=()),
    ):
        with pytest.raises(ApiError, match="without an active administrator"):
            directory.change_account(Kind.USER, second.id, edit, stranger)
    assert identity.principals.get(second.id).is_admin


@pytest.mark.parametrize("ending", ["deleted", "deactivated"])
def test_a_workspace_starts_without_who_made_it(store: Store, identity: Identity, ending: str) -> None:
    owner = identity.owner
    second = identity.principals.get(administrator(identity, "second@example.com").id)
    if ending == "deleted":
        identity.directory.delete_account(Kind.USER, owner.id, second)
    else:
        identity.directory.change_account(Kind.USER, owner.id, lambda one: replace(one, active=False), second)
    again = Identity(store)
    assert again.owner == second
    again.close()


def test_a_token_that_was_ended_meanwhile_is_never_accepted_again(identity: Identity) -> None:
    for _ in range(50):
        value, record = identity.create_token(identity.owner, "raced")
        both = threading.Barrier(2)

        def use(value: str = value, both: threading.Barrier = both) -> None:
            both.wait()
            try:
                identity.authenticate(f"Bearer {value}")
            except Unauthenticated:
                return

        thread = threading.Thread(target=use)
        thread.start()
        both.wait()
        identity.delete_token(identity.owner, record.id)
        thread.join()
        with pytest.raises(Unauthenticated):
            identity.authenticate(f"Bearer {value}")


def test_members_that_are_added_at_once_are_all_in_it(identity: Identity) -> None:
    from brickyard.workspace.identity.records import Group

    directory = identity.directory
    ids = [directory.create_account(Account(0, Kind.USER, f"u{n}@x.y", "u")).id for n in range(8)]
    group = directory.create_group(Group(0, "all"))

    def add(member: int) -> None:
        directory.change_group(group.id, lambda one: replace(one, members=(*one.members, Link(member))))

    threads = [threading.Thread(target=add, args=(member,)) for member in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {link.id for link in directory.group(group.id).members} == set(ids)


def test_permissions_end_with_a_user_and_with_a_group(identity: Identity) -> None:
    from brickyard.workspace.identity.permissions import tree_object
    from brickyard.workspace.identity.records import Group

    user = identity.directory.create_account(Account(0, Kind.USER, "a@x.y", "a"))
    group = identity.directory.create_group(Group(0, "g", members=(Link(user.id),)))
    path = tree_object("/Shared/x")
    identity.permissions.grant(path, user.id, "CAN_READ")
    identity.permissions.grant(path, group.id, "CAN_MANAGE")
    assert identity.permissions.allows(identity.principals.get(user.id), path, "CAN_MANAGE")
    identity.directory.delete_group(group.id)
    assert not identity.permissions.allows(identity.principals.get(user.id), path, "CAN_MANAGE")
    assert identity.permissions.allows(identity.principals.get(user.id), path, "CAN_READ")
    identity.directory.delete_account(Kind.USER, user.id, identity.owner)
    assert identity.permissions.grants(path) == []


def test_tokens_of_four_workspaces_do_not_cross(workspaces: WorkspaceHome) -> None:
    from databricks.sdk import WorkspaceClient, errors

    running = [workspaces.start(name) for name in ("dev", "uat", "preprod", "prod")]
    tokens = []
    for one in running:
        w = one.client()
        robot = w.service_principals.create(display_name="robot", application_id="7d3c1f0e-2f6a-4c50-9c0d-0d6b1f3f5a11")
        made = w.token_management.create_obo_token(robot.application_id or "", lifetime_seconds=600)
        secret = w.service_principal_secrets_proxy.create(robot.id or "").secret
        oauth = WorkspaceClient(
            host=one.host, client_id=robot.application_id, client_secret=secret, auth_type="oauth-m2m"
        )
        tokens.append((one.token, made.token_value, oauth.config.oauth_token().access_token))
    for place, one in enumerate(running):
        for origin, values in enumerate(tokens):
            for value in values:
                client = WorkspaceClient(host=one.host, token=value, auth_type="pat")
                if place == origin:
                    assert client.current_user.me().active
                else:
                    with pytest.raises(errors.Unauthenticated, match="not valid for this workspace"):
                        client.current_user.me()
