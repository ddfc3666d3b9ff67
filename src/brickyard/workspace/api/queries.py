"""Saved queries: `/api/2.0/sql/queries`, and warehouses as data sources. Wire types: `databricks.sdk.service.sql`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api import visualizations
from brickyard.workspace.api.access import anyone, levels_on
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.sql.records import iso_time
from brickyard.workspace.sql.saved import SavedQuery
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.sql import Query

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/sql/queries"
_PAGE, _MOST = 20, 100
_TOKEN = re.compile(r"(\d{1,18})_([0-9a-f-]{36})")
#: With whose rights a query runs: not for everybody who may edit its text.
_RIGHTS = frozenset(("owner_user_name", "run_as_mode"))
_on = levels_on(lambda workspace, call: _query(workspace, call).securable)


@family.call("POST", _ROOT, access=anyone)
def create_query(workspace: Workspace, call: Call) -> Query:
    """Make a query."""
    rename = call.body.get("auto_resolve_display_name") is True
    return _wire(workspace.sql.queries.create(_given(call), call.principal, rename=rename))


@family.call("GET", _ROOT, access=anyone)
def list_queries(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The queries that the caller may see, in pages."""
    allows = workspace.identity.permissions.allows
    after, size = _after(call), _page_size(call)
    left = [one for one in workspace.sql.queries.all() if (one.created_at, one.id) > after]
    found = [one for one in left if allows(call.principal, one.securable, "CAN_VIEW")]
    page = [_wire(one).as_dict() for one in found[:size]]
    for one in page:
        one.pop("parent_path", None)
    answer: dict[str, Any] = {"results": page} if page else {}
    last = found[size - 1] if len(found) > size else None
    return answer | ({"next_page_token": f"{last.created_at}_{last.id}"} if last else {})


@family.call("GET", _ROOT + "/{id}", access=_on("CAN_VIEW"))
def get_query(workspace: Workspace, call: Call) -> Query:
    """A query."""
    return _wire(_query(workspace, call))


@family.call("PATCH", _ROOT + "/{id}", access=_on("CAN_EDIT"))
def update_query(workspace: Workspace, call: Call) -> Query:
    """Change the fields that `update_mask` names."""
    mask = call.body.get("update_mask")
    if not isinstance(mask, str) or not mask:
        raise InvalidParameterValue("update_mask is required: the fields to change, separated by commas")
    given = _given(call)
    names = list(given) if mask == "*" else [name.strip() for name in mask.split(",")]
    if not _RIGHTS.isdisjoint(names):
        _on("CAN_MANAGE")(workspace, call)
    return _wire(workspace.sql.queries.update(_query(workspace, call), given, names, call.principal))


@family.call("DELETE", _ROOT + "/{id}", access=_on("CAN_MANAGE"))
def delete_query(workspace: Workspace, call: Call) -> None:
    """Move a query to the trash."""
    workspace.sql.queries.trash(_query(workspace, call), call.principal)


@family.call("GET", _ROOT + "/{id}/visualizations", access=_on("CAN_VIEW"))
def list_visualizations(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The visualizations of a query."""
    found = workspace.sql.visualizations.of(_query(workspace, call).id)
    return {"results": [visualizations.wire(one).as_dict() for one in found]}


@family.call("GET", "/api/2.0/preview/sql/data_sources", access=anyone)
def list_data_sources(workspace: Workspace, call: Call) -> Any:
    """The warehouses that the caller may see, as older calls of queries name them."""
    from brickyard.workspace.api.base import json_response

    allows = workspace.identity.permissions.allows
    return json_response(
        [
            {
                "id": one.id,
                "name": one.name,
                "warehouse_id": one.id,
                "type": "databricks_internal",
                "syntax": "sql",
                "paused": 0,
                "supports_auto_limit": True,
                "view_only": not allows(call.principal, one.securable, "CAN_USE"),
            }
            for one in workspace.sql.warehouses.all()
            if allows(call.principal, one.securable, "CAN_VIEW")
        ]
    )


def _given(call: Call) -> dict[str, Any]:
    given = call.body.get("query") or {}
    if not isinstance(given, dict):
        raise InvalidParameterValue("query must be an object")
    return given


def _page_size(call: Call) -> int:
    text = call.query.get("page_size") or "0"
    if not text.isdecimal() or int(text) > _MOST:
        raise InvalidParameterValue(f"page_size is more than {_MOST}, or not a number")
    return int(text) or _PAGE


def _after(call: Call) -> tuple[int, str]:
    """After which query the page begins: queries before it may be gone when the page is asked for."""
    token = call.query.get("page_token")
    if not token:
        return 0, ""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise InvalidParameterValue("page_token is not one of this listing")
    return int(match[1]), match[2]


def _query(workspace: Workspace, call: Call) -> SavedQuery:
    return workspace.sql.queries.get(call.path["id"])


def _wire(one: SavedQuery) -> Query:
    from databricks.sdk.service.sql import Query

    return Query.from_dict(
        {
            **one.settings,
            "id": one.id,
            "owner_user_name": one.owner,
            "last_modifier_user_name": one.modified_by,
            "lifecycle_state": one.state,
            "create_time": iso_time(one.created_at),
            "update_time": iso_time(one.updated_at),
        }
    )
