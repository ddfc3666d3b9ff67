"""SQL warehouses: who may make them, which there cannot be, the pages of the history, and SQLSTATEs of errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from databricks.sdk.service.iam import AccessControlRequest, Patch, PatchSchema, PermissionLevel
from databricks.sdk.service.sql import QueryFilter, QueryTag, StatementResponse

from tests.support import LocalWorkspace
from tests.workspace.calls.conftest import Robot
from tests.workspace.calls.test_warehouses import data, error, run, starter

__all__ = ["run"]

PATCH = PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP


def test_history_is_paged(workspace: LocalWorkspace, run: Callable[..., StatementResponse]) -> None:
    w = workspace.client()
    tags = [QueryTag("team", "ml"), QueryTag("alone")]
    ids = [run(f"SELECT {number}", query_tags=tags).statement_id for number in range(3)]
    wanted = QueryFilter(statement_ids=[one or "" for one in ids])
    first = w.query_history.list(filter_by=wanted, max_results=2)
    assert [one.query_id for one in first.res or []] == [ids[2], ids[1]] and first.has_next_page
    assert [one.query_tags for one in first.res or []] == [tags, tags]
    second = w.query_history.list(filter_by=wanted, max_results=2, page_token=first.next_page_token)
    assert [one.query_id for one in second.res or []] == [ids[0]] and not second.has_next_page
    with pytest.raises(InvalidParameterValue, match="page_token"):
        w.query_history.list(page_token="elsewhere")


def test_who_may_create_warehouses(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    with pytest.raises(PermissionDenied, match="allow-cluster-create"):
        robot.client.warehouses.create(name=name(), cluster_size="Small")
    entitled = {"op": "add", "path": "entitlements", "value": [{"value": "allow-cluster-create"}]}
    w.service_principals.patch(robot.id, operations=[Patch.from_dict(entitled)], schemas=[PATCH])
    made = robot.client.warehouses.create(name=name(), cluster_size="Small")
    robot.client.warehouses.delete(made.id or "")


def test_settings_that_cannot_be(w: WorkspaceClient, name: Callable[[], str]) -> None:
    wrongs: list[dict[str, Any]] = [{"auto_stop_mins": 5}, {"cluster_size": "Huge"}, {"min_num_clusters": 3}, {}]
    for wrong in wrongs:
        with pytest.raises(InvalidParameterValue):
            w.warehouses.create(name=name() if wrong else "", **wrong)
    with pytest.raises(InvalidParameterValue, match="already exists"):
        w.warehouses.create(name="Serverless Starter Warehouse")


def test_privileges(workspace: LocalWorkspace, run: Callable[..., StatementResponse], name: Callable[[], str]) -> None:
    w, table = workspace.client(), f"main.default.{name()}"
    run(f"CREATE TABLE {table} AS SELECT 1 AS i")
    robot = w.service_principals.create(display_name=name()).application_id or ""
    token = w.token_management.create_obo_token(robot, lifetime_seconds=600).token_value
    other = WorkspaceClient(host=workspace.host, token=token, auth_type="pat")

    def select() -> StatementResponse:
        text = f"SELECT * FROM {table}"
        return other.statement_execution.execute_statement(text, starter(w), wait_timeout="50s")

    refused = select()
    message, sql_state = error(refused)
    assert message.startswith("[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have")
    assert sql_state == "42501"
    w.grants.update("table", table, changes=[PermissionsChange(add=[Privilege.SELECT], principal=robot)])
    allowed = select()
    assert data(allowed) == [["1"]]
    mine = run("SELECT 1")
    with pytest.raises(PermissionDenied):
        other.statement_execution.get_statement(mine.statement_id or "")
    seen = {one.query_id for one in other.query_history.list().res or []}
    assert seen == {refused.statement_id, allowed.statement_id}
    with pytest.raises(NotFound):
        w.statement_execution.get_statement("01234567-0000-0000-0000-000000000000")


def test_who_sees_the_statements_of_others(
    workspace: LocalWorkspace, run: Callable[..., StatementResponse], name: Callable[[], str]
) -> None:
    w, mine = workspace.client(), run("SELECT 1").statement_id or ""
    robot = w.service_principals.create(display_name=name()).application_id or ""
    token = w.token_management.create_obo_token(robot, lifetime_seconds=600).token_value
    other = WorkspaceClient(host=workspace.host, token=token, auth_type="pat")
    for level, sees in (("CAN_USE", False), ("CAN_VIEW", True), ("CAN_MONITOR", True), ("CAN_MANAGE", True)):
        wanted = AccessControlRequest(permission_level=PermissionLevel(level), service_principal_name=robot)
        w.permissions.update("warehouses", starter(w), access_control_list=[wanted])
        found = other.query_history.list(filter_by=QueryFilter(statement_ids=[mine])).res or []
        assert [one.query_id for one in found] == [mine] * sees, level


def test_each_error_has_its_sqlstate(run: Callable[..., StatementResponse]) -> None:
    for sql, state in (
        ("SELECT raise_error('no')", "P0001"),
        ("SELECT array(1)[5]", "22003"),
        ("SELECT CAST('x' AS DATE)", "22018"),
    ):
        message, found = error(run(sql))
        assert found == state and message.endswith(f"SQLSTATE: {state}"), message
