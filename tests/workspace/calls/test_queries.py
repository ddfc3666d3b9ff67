"""Saved queries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.sql import (
    CreateQueryRequestQuery,
    CreateVisualizationRequestVisualization,
    DataSourcesAPI,
    LifecycleState,
    QueriesAPI,
    QueryParameter,
    QueryVisualizationsAPI,
    RunAsMode,
    TextValue,
    UpdateQueryRequestQuery,
    UpdateVisualizationRequestVisualization,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (QueriesAPI, DataSourcesAPI, QueryVisualizationsAPI)


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    (source,) = [one for one in w.data_sources.list() if one.name == "Serverless Starter Warehouse"]
    title = name()
    wanted = CreateQueryRequestQuery(
        display_name=title,
        query_text="SELECT :who",
        warehouse_id=source.warehouse_id,
        tags=["a"],
        parameters=[QueryParameter(name="who", title="Who", text_value=TextValue("me"))],
    )
    made = w.queries.create(query=wanted)
    number = made.id or ""
    assert w.queries.get(number) == made
    assert (made.display_name, made.query_text, made.tags) == (title, "SELECT :who", ["a"])
    assert made.parameters == wanted.parameters and made.lifecycle_state is LifecycleState.ACTIVE
    changed = w.queries.update(number, "query_text,tags", query=UpdateQueryRequestQuery(query_text="SELECT 2"))
    assert (changed.query_text, changed.tags, changed.display_name) == ("SELECT 2", None, title)
    assert [one.query_text for one in w.queries.list() if one.id == number] == ["SELECT 2"]
    with pytest.raises(PermissionDenied):
        robot.client.queries.get(number)
    assert number not in {one.id for one in robot.client.queries.list()}
    visualizations(w, robot, number)
    w.queries.delete(number)
    assert number not in {one.id for one in w.queries.list()}
    assert w.queries.get(number).lifecycle_state is LifecycleState.TRASHED


def visualizations(w: WorkspaceClient, robot: Robot, number: str) -> None:
    family, options = w.query_visualizations, '{"x": 1}'
    wanted = CreateVisualizationRequestVisualization("v", number, options, type="CHART")
    made = family.create(visualization=wanted)
    assert (made.query_id, made.display_name, made.serialized_options, made.type) == (number, "v", options, "CHART")
    changed = family.update(made.id or "", "display_name", visualization=UpdateVisualizationRequestVisualization("w"))
    assert (changed.display_name, changed.serialized_options) == ("w", options)
    assert list(w.queries.list_visualizations(number)) == [changed]
    with pytest.raises(PermissionDenied):
        robot.client.query_visualizations.delete(made.id or "")
    with pytest.raises(InvalidParameterValue, match="update_mask"):
        family.update(made.id or "", "query_id", visualization=UpdateVisualizationRequestVisualization("w"))
    family.delete(made.id or "")
    assert list(w.queries.list_visualizations(number)) == []


def test_refusals(w: WorkspaceClient, name: Callable[[], str]) -> None:
    with pytest.raises(NotFound):
        w.queries.get("00000000-0000-0000-0000-000000000000")
    made = w.queries.create(query=CreateQueryRequestQuery(display_name=name(), query_text="SELECT 1"))
    for mask in ("", "id", "no_such_field"):
        with pytest.raises(InvalidParameterValue, match="update_mask"):
            w.queries.update(made.id or "", mask, query=UpdateQueryRequestQuery(query_text="SELECT 2"))
    again = w.queries.create(
        query=CreateQueryRequestQuery(display_name=made.display_name), auto_resolve_display_name=True
    )
    assert again.display_name == f"{made.display_name} (1)"


def test_pages_leave_out_no_query_when_others_are_deleted(w: WorkspaceClient, name: Callable[[], str]) -> None:
    made = [w.queries.create(query=CreateQueryRequestQuery(display_name=name())).id or "" for _ in range(4)]
    found = []
    for one in w.queries.list(page_size=1):
        if one.id in made:
            found.append(one.id)
            w.queries.delete(one.id)
    assert found == made
    w.queries.create(query=CreateQueryRequestQuery(display_name=name()))
    assert w.api_client.do("GET", "/api/2.0/sql/queries", query={"page_size": 0})["results"]
    with pytest.raises(InvalidParameterValue, match="page_token"):
        list(w.queries.list(page_token="elsewhere"))


def test_who_may_change_the_owner(w: WorkspaceClient, make_robot: Callable[[], Robot], name: Callable[[], str]) -> None:
    editor, owner = make_robot(), make_robot()
    number = w.queries.create(query=CreateQueryRequestQuery(display_name=name(), query_text="SELECT 1")).id or ""
    may_edit = AccessControlRequest(permission_level=PermissionLevel.CAN_EDIT, service_principal_name=editor.name)
    w.permissions.update("queries", number, access_control_list=[may_edit])
    family, taken = editor.client.queries, UpdateQueryRequestQuery(owner_user_name=editor.name)
    assert family.update(number, "query_text", query=UpdateQueryRequestQuery(query_text="SELECT 2")).id == number
    for mask in ("owner_user_name", "*"):
        with pytest.raises(PermissionDenied):
            family.update(number, mask, query=taken)
    with pytest.raises(PermissionDenied):
        family.update(number, "run_as_mode", query=UpdateQueryRequestQuery(run_as_mode=RunAsMode.VIEWER))
    given = UpdateQueryRequestQuery(owner_user_name=owner.name)
    assert w.queries.update(number, "owner_user_name", query=given).owner_user_name == owner.name
    owner.client.queries.delete(number)
