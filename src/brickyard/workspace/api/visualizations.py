"""Visualizations of saved queries: `/api/2.0/sql/visualizations`. Wire types: `databricks.sdk.service.sql`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import levels_on
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.sql.records import iso_time
from brickyard.workspace.sql.saved import SavedQuery
from brickyard.workspace.sql.visualizations import SavedVisualization
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.sql import Visualization

__all__ = ["family", "wire"]

family = Family()
_ROOT = "/api/2.0/sql/visualizations"
_on = levels_on(lambda workspace, call: _query(workspace, call).securable)


@family.call("POST", _ROOT, access=_on("CAN_EDIT"))
def create_visualization(workspace: Workspace, call: Call) -> Visualization:
    """Add a visualization to a query."""
    return wire(workspace.sql.visualizations.create(_query(workspace, call).id, _given(call)))


@family.call("PATCH", _ROOT + "/{id}", access=_on("CAN_EDIT"))
def update_visualization(workspace: Workspace, call: Call) -> Visualization:
    """Change the fields that `update_mask` names."""
    mask, given = call.body.get("update_mask"), _given(call)
    if not isinstance(mask, str) or not mask:
        raise InvalidParameterValue("update_mask is required: the fields to change, separated by commas")
    names = list(given) if mask == "*" else [name.strip() for name in mask.split(",")]
    one = workspace.sql.visualizations.get(call.path["id"])
    return wire(workspace.sql.visualizations.update(one, given, names))


@family.call("DELETE", _ROOT + "/{id}", access=_on("CAN_EDIT"))
def delete_visualization(workspace: Workspace, call: Call) -> None:
    """Remove a visualization."""
    workspace.sql.visualizations.delete(workspace.sql.visualizations.get(call.path["id"]))


def _given(call: Call) -> dict[str, Any]:
    given = call.body.get("visualization")
    if not isinstance(given, dict):
        raise InvalidParameterValue("visualization must be an object")
    return given


def _query(workspace: Workspace, call: Call) -> SavedQuery:
    """The query that a call is about: named, or that of the visualization."""
    if "id" in call.path:
        return workspace.sql.queries.get(workspace.sql.visualizations.get(call.path["id"]).query_id)
    return workspace.sql.queries.get(str(_given(call).get("query_id")))


def wire(one: SavedVisualization) -> Visualization:
    """A visualization as the API has it."""
    from databricks.sdk.service.sql import Visualization

    times = {"create_time": iso_time(one.created_at), "update_time": iso_time(one.updated_at)}
    return Visualization.from_dict({**one.settings, "id": one.id, "query_id": one.query_id, **times})
