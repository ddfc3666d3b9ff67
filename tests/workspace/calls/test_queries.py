"""Saved queries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.sql import (
    CreateQueryRequestQuery,
    CreateVisualizationRequestVisualization,
    DataSourcesAPI,
    LifecycleState,
    QueriesAPI,
    QueryParameter,
    QueryVisualizationsAPI,
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
