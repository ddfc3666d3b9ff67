"""Tokens of one's own, and everybody's for administrators."""

from __future__ import annotations

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import (
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceDoesNotExist,
    Unauthenticated,
)
from databricks.sdk.service.settings import (
    PublicTokenInfo,
    TokenAccessControlRequest,
    TokenInfo,
    TokenManagementAPI,
    TokenPermissionLevel,
    TokensAPI,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (TokensAPI, TokenManagementAPI)
COMMENT = FieldMask(["comment"])


def test_every_operation(w: WorkspaceClient, robot: Robot) -> None:
    made = w.tokens.create(comment="one", lifetime_seconds=600)
    assert made.token_info is not None and made.token_info.token_id is not None
    own = WorkspaceClient(host=w.config.host, token=made.token_value, auth_type="pat")
    assert own.current_user.me() == w.current_user.me()
    token_id = made.token_info.token_id
    w.tokens.update(token_id, PublicTokenInfo(comment="two"), COMMENT)
    assert {one.token_id: one.comment for one in w.tokens.list()}[token_id] == "two"
    assert w.token_management.get(token_id).token_info in list(w.token_management.list())
    w.token_management.update_token_management(token_id, TokenInfo(comment="three"), COMMENT)
    assert {one.token_id: one.comment for one in w.tokens.list()}[token_id] == "three"
    w.tokens.delete(token_id)
    with pytest.raises(Unauthenticated):
        own.current_user.me()
    obo = w.token_management.create_obo_token(robot.name, comment="obo", lifetime_seconds=600).token_info
    assert obo is not None and obo.token_id is not None and obo.owner_id == int(robot.id)
    w.token_management.delete(obo.token_id)
    assert obo.token_id not in {one.token_id for one in w.token_management.list()}
    who_may_make_tokens(w, robot)


def who_may_make_tokens(w: WorkspaceClient, robot: Robot) -> None:
    assert [one.permission_level for one in w.token_management.get_permission_levels().permission_levels or []]
    before = w.token_management.get_permissions().access_control_list or []
    assert "users" in {entry.group_name for entry in before}
    level = TokenPermissionLevel.CAN_USE
    mine = TokenAccessControlRequest(service_principal_name=robot.name, permission_level=level)
    users = TokenAccessControlRequest(group_name="users", permission_level=level)
    changed = w.token_management.update_permissions(access_control_list=[mine])
    assert robot.name in {entry.service_principal_name for entry in changed.access_control_list or []}
    kept = w.token_management.set_permissions(access_control_list=[users])
    assert robot.name not in {entry.service_principal_name for entry in kept.access_control_list or []}


def test_refusals(w: WorkspaceClient, robot: Robot) -> None:
    with pytest.raises(InvalidParameterValue):
        w.tokens.create(lifetime_seconds=-1)
    with pytest.raises(ResourceDoesNotExist):
        w.tokens.delete("0" * 64)
    with pytest.raises(NotFound):
        w.tokens.update("0" * 64, PublicTokenInfo(comment="x"), COMMENT)
    with pytest.raises(NotFound):
        w.token_management.get("0" * 64)
    with pytest.raises(NotFound):
        w.token_management.delete("0" * 64)
    with pytest.raises(NotFound):
        w.token_management.create_obo_token("00000000-0000-0000-0000-000000000000")
    with pytest.raises(PermissionDenied):
        list(robot.client.token_management.list())
    with pytest.raises(PermissionDenied):
        robot.client.token_management.create_obo_token(robot.name)
    with pytest.raises(Unauthenticated):
        WorkspaceClient(host=w.config.host, token="dapi0", auth_type="pat").tokens.create()
