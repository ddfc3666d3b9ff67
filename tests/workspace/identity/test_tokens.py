"""Personal access tokens: the caller's own, and everybody's for administrators."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    NotImplemented,
    PermissionDenied,
    ResourceDoesNotExist,
    Unauthenticated,
)
from databricks.sdk.service.settings import PublicTokenInfo, TokenAccessControlRequest, TokenInfo, TokenPermissionLevel

from tests.support import LocalWorkspace
from tests.support.waiting import wait_for
from tests.workspace.identity.conftest import Robot

COMMENT = FieldMask(["comment"])
DAY = 24 * 3600 * 1000


def signed_in(w: WorkspaceClient, token: str) -> bool:
    try:
        WorkspaceClient(host=w.config.host, token=token, auth_type="pat").current_user.me()
    except Unauthenticated:
        return False
    return True


def test_a_token_is_made_listed_renamed_and_ended(w: WorkspaceClient, robot: Robot) -> None:
    made = robot.client.tokens.create(comment="one", lifetime_seconds=600)
    info = made.token_info
    assert info is not None and info.token_id is not None and made.token_value is not None
    assert info.expiry_time == (info.creation_time or 0) + 600_000
    assert signed_in(w, made.token_value)
    robot.client.tokens.update(info.token_id, PublicTokenInfo(comment="two"), COMMENT)
    assert {token.comment for token in robot.client.tokens.list()} == {"", "two"}
    robot.client.tokens.delete(info.token_id)
    assert not signed_in(w, made.token_value)
    with pytest.raises(ResourceDoesNotExist):
        robot.client.tokens.delete(info.token_id)
    with pytest.raises(NotFound) as refused:
        robot.client.tokens.update(info.token_id, PublicTokenInfo(comment="three"), COMMENT)
    assert refused.value.error_code == "NOT_FOUND"


def test_a_token_ends_with_its_lifetime(w: WorkspaceClient, robot: Robot) -> None:
    value = robot.client.tokens.create(lifetime_seconds=2).token_value or ""
    assert signed_in(w, value)
    wait_for(lambda: not signed_in(w, value))
    assert len(list(robot.client.tokens.list())) == 1  # it is no longer among the valid ones


def test_nobody_ends_or_renames_the_token_of_another(w: WorkspaceClient, make_robot: Callable[[], Robot]) -> None:
    mine, other = make_robot(), make_robot()
    [token] = mine.client.tokens.list()
    with pytest.raises(NotFound):
        other.client.tokens.delete(token.token_id or "")
    with pytest.raises(NotFound):
        other.client.tokens.update(token.token_id or "", PublicTokenInfo(comment="x"), COMMENT)
    assert [one.comment for one in mine.client.tokens.list()] == [""]


def test_values_are_nowhere_on_the_disk(workspace: LocalWorkspace, w: WorkspaceClient, robot: Robot) -> None:
    secret = w.service_principal_secrets_proxy.create(robot.id).secret or ""
    values = [robot.token.encode(), secret.encode()]
    found = [
        file
        for folder, _, names in os.walk(workspace.root)
        for file in (Path(folder, name) for name in names)
        if file.is_file() and any(value in file.read_bytes() for value in values)
    ]
    assert not found


def test_what_no_token_can_have(w: WorkspaceClient) -> None:
    for lifetime in (0, -5, 731 * 24 * 3600):
        with pytest.raises(InvalidParameterValue, match="lifetime_seconds"):
            w.tokens.create(lifetime_seconds=lifetime)
    with pytest.raises(NotImplemented, match="scopes"):
        w.tokens.create(scopes=["sql"], lifetime_seconds=60)
    made = w.tokens.create(comment="two years").token_info
    assert made is not None and made.expiry_time == (made.creation_time or 0) + 730 * DAY
    for mask in ("expiry_time", "scopes"):
        with pytest.raises(BadRequest, match="update_mask"):
            w.tokens.update(made.token_id or "", PublicTokenInfo(comment="x"), FieldMask([mask]))
    w.tokens.delete(made.token_id or "")


def test_administrators_see_and_end_everybodys_tokens(w: WorkspaceClient, robot: Robot) -> None:
    mine = [one for one in w.token_management.list() if one.owner_id == int(robot.id)]
    assert [one.created_by_username for one in mine] == [w.current_user.me().user_name]
    robot.client.tokens.create(comment="own", lifetime_seconds=600)
    [own] = w.token_management.list(created_by_id=int(robot.id))
    assert [one.token_id for one in w.token_management.list(created_by_username=robot.application_id)] == [own.token_id]
    assert list(w.token_management.list(created_by_username="nobody@example.com")) == []
    assert (own.comment, own.owner_id) == ("own", int(robot.id))
    assert w.token_management.get(own.token_id or "").token_info == own
    renamed = w.token_management.update_token_management(own.token_id or "", TokenInfo(comment="new"), COMMENT)
    assert renamed.comment == "new"
    w.token_management.delete(mine[0].token_id or "")
    with pytest.raises(Unauthenticated):
        robot.client.current_user.me()
    with pytest.raises(NotFound):
        w.token_management.get(mine[0].token_id or "")


def test_the_day_of_the_last_use_is_known(w: WorkspaceClient, robot: Robot) -> None:
    robot.client.current_user.me()

    def used() -> int | None:
        [token] = [one for one in w.token_management.list() if one.owner_id == int(robot.id)]
        assert token.creation_time is not None
        return token.last_used_day if token.last_used_day == token.creation_time // DAY * DAY else None

    wait_for(used)


def test_others_manage_nobodys_tokens(robot: Robot) -> None:
    calls: list[Callable[[], object]] = [
        lambda: list(robot.client.token_management.list()),
        lambda: robot.client.token_management.get("a"),
        lambda: robot.client.token_management.delete("a"),
        lambda: robot.client.token_management.create_obo_token(robot.application_id),
        lambda: robot.client.service_principal_secrets_proxy.create(robot.id),
        lambda: list(robot.client.service_principal_secrets_proxy.list(robot.id)),
        lambda: robot.client.workspace_conf.get_status("enableTokensConfig"),
        lambda: robot.client.workspace_conf.set_status({"enableTokensConfig": "false"}),
    ]
    for call in calls:
        with pytest.raises(PermissionDenied):
            call()


def test_on_behalf_of_service_principals_only(w: WorkspaceClient) -> None:
    owner = w.current_user.me().user_name or ""
    for nobody in ("00000000-0000-0000-0000-000000000000", owner):
        with pytest.raises(NotFound):
            w.token_management.create_obo_token(nobody)


def test_who_may_make_tokens(w: WorkspaceClient, make_robot: Callable[[], Robot]) -> None:
    allowed, refused = make_robot(), make_robot()
    before = w.token_management.get_permissions().access_control_list or []
    assert "users" in {entry.group_name for entry in before}
    entry = TokenAccessControlRequest(
        service_principal_name=allowed.application_id, permission_level=TokenPermissionLevel.CAN_USE
    )
    everybody = TokenAccessControlRequest(group_name="users", permission_level=TokenPermissionLevel.CAN_USE)
    w.token_management.set_permissions(access_control_list=[entry])
    try:
        assert allowed.client.tokens.create(lifetime_seconds=60).token_value
        with pytest.raises(PermissionDenied, match="authorization tokens"):
            refused.client.tokens.create(lifetime_seconds=60)
    finally:
        w.token_management.set_permissions(access_control_list=[everybody])
    assert refused.client.tokens.create(lifetime_seconds=60).token_value
