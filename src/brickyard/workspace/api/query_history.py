"""The history of statements: `/api/2.0/sql/history/queries`. Wire types: `databricks.sdk.service.sql`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import MAX_INTEGER, check_shape
from brickyard.workspace.clock import now
from brickyard.workspace.sql.history import HistoryFilter
from brickyard.workspace.sql.records import ENDED, StatementRecord
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.sql import ListQueriesResponse

__all__ = ["family"]

family = Family()
_STATUSES = {
    "PENDING": "QUEUED",
    "RUNNING": "RUNNING",
    "SUCCEEDED": "FINISHED",
    "CLOSED": "FINISHED",
    "FAILED": "FAILED",
    "CANCELED": "CANCELED",
}
_KNOWN = frozenset({"QUEUED", "STARTED", "COMPILING", "COMPILED", "RUNNING", "CANCELED", "FAILED", "FINISHED"})
_FILTERS = ("statuses", "user_ids", "warehouse_ids", "statement_ids")
_PAGE, _MOST = 100, 1000
#: Statuses that no query of a local warehouse is in (COMPILING and the like) name no state: nothing passes.
_NO_STATE = frozenset({""})


@family.call("GET", "/api/2.0/sql/history/queries", access=anyone)
def list_queries(workspace: Workspace, call: Call) -> ListQueriesResponse:
    """Statements that warehouses have executed, the newest first: the caller's, and of warehouses that they monitor."""
    from databricks.sdk.service.sql import ListQueriesResponse

    size = _size(call)
    found = workspace.sql.statements.history(_wanted(workspace, call), size + 1)
    metrics = call.query.get("include_metrics", "").lower() == "true"
    more = len(found) > size
    tags = workspace.sql.statements.tags(one.id for one in found[:size])
    return ListQueriesResponse.from_dict(
        {
            "res": [_wire(one, tags.get(one.id), metrics=metrics) for one in found[:size]],
            "has_next_page": more,
            "next_page_token": found[size - 1].id if more else None,
        }
    )


def _wanted(workspace: Workspace, call: Call) -> HistoryFilter:
    given = _filters(call)
    span = given.get("query_start_time_range") or {}
    statuses = frozenset(given.get("statuses") or ())
    return HistoryFilter(
        seen_by=workspace.sql.sight(call.principal),
        states=frozenset(state for state, status in _STATUSES.items() if status in statuses)
        or (_NO_STATE if statuses else frozenset()),
        user_ids=frozenset(map(_number, given.get("user_ids") or ())),
        warehouse_ids=frozenset(map(_id, given.get("warehouse_ids") or ())),
        ids=frozenset(map(_id, given.get("statement_ids") or ())),
        since=_moment(span, "start_time_ms"),
        until=_moment(span, "end_time_ms"),
        before=_token(call.query["page_token"]) if call.query.get("page_token") else None,
    )


def _moment(span: Mapping[str, Any], name: str) -> int | None:
    return _number(span[name]) if span.get(name) else None


def _number(value: Any) -> int:
    """A number that the database takes: none is greater in it."""
    return min(max(int(value), -MAX_INTEGER), MAX_INTEGER)


def _id(value: Any) -> str:
    """An id as databases take text; what none can be is empty, which nothing is."""
    text = str(value)
    return text if text.isascii() and text.isprintable() else ""


def _token(value: str) -> str:
    """Where a page begins: after the statement of that id."""
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise InvalidParameterValue("page_token is not one that this list has given.") from None


def _filters(call: Call) -> dict[str, Any]:
    """The filter: by dots in the query, as the SDK sends it, or as JSON."""
    from databricks.sdk.service.sql import QueryFilter

    given, query = _json_filter(call.query.get("filter_by")), call.request.query_params
    for name in _FILTERS:
        values = query.getlist(f"filter_by.{name}")
        if values:
            given[name] = values
    for name in ("start_time_ms", "end_time_ms"):
        value = query.get(f"filter_by.query_start_time_range.{name}")
        if value is not None:
            given.setdefault("query_start_time_range", {})[name] = value
    check_shape(QueryFilter, given, "filter_by")
    unknown = set(given.get("statuses") or ()) - _KNOWN
    if unknown:
        raise InvalidParameterValue(f"filter_by.statuses has {', '.join(sorted(unknown))}, which no query has")
    return given


def _json_filter(text: str | None) -> dict[str, Any]:
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise InvalidParameterValue(f"filter_by is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidParameterValue("filter_by must be an object")
    return given


def _size(call: Call) -> int:
    text = call.query.get("max_results") or str(_PAGE)
    if not text.isdecimal() or not 0 < int(text) <= _MOST:
        raise InvalidParameterValue(f"max_results must be 1 to {_MOST}")
    return int(text)


def _wire(one: StatementRecord, tags: list[dict[str, Any]] | None, *, metrics: bool) -> dict[str, Any]:
    final = one.state in ENDED
    duration = (one.ended_at if one.ended_at is not None else now()) - one.submitted_at
    rows = (one.manifest or {}).get("total_row_count", 0)
    found: dict[str, Any] = {
        "query_id": one.id,
        "lookup_key": one.id,
        "query_text": one.text,
        "statement_type": one.kind,
        "status": _STATUSES[one.state],
        "is_final": final,
        "user_id": one.user_id,
        "user_name": one.user_name,
        "executed_as_user_id": one.user_id,
        "executed_as_user_name": one.user_name,
        "warehouse_id": one.warehouse_id,
        "endpoint_id": one.warehouse_id,
        "query_start_time_ms": one.submitted_at,
        "duration": duration,
        "rows_produced": rows,
        "client_application": one.client,
    }
    if final:
        found |= {"query_end_time_ms": one.ended_at, "execution_end_time_ms": one.ended_at}
    if tags:
        found["query_tags"] = tags
    if one.error is not None:
        found["error_message"] = one.error["message"]
    if metrics:
        begun = one.started_at if one.started_at is not None else one.submitted_at
        found["metrics"] = {
            "total_time_ms": duration,
            "execution_time_ms": duration - (begun - one.submitted_at),
            "rows_produced_count": rows,
            "result_from_cache": False,
        }
    return found
