"""Pages of clusters and of their events."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from brickyard.workspace.api.base import Call
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import MAX_INTEGER, check_shape
from brickyard.workspace.clock import now
from brickyard.workspace.clusters.records import LIVE, ClusterRecord
from brickyard.workspace.clusters.wire import details_of, event_of
from brickyard.workspace.workspace import Workspace

__all__ = ["cluster_page", "event_page", "is_listed"]

_PAGE, _MOST, _MOST_EVENTS, _EVENTS = 20, 100, 500, 50
_LISTED_MS = 30 * 86_400_000
_FIELDS, _DIRECTIONS, _ORDERS = ("DEFAULT", "CLUSTER_NAME"), ("ASC", "DESC"), ("ASC", "DESC")


def cluster_page(workspace: Workspace, call: Call, *, paged: bool = True) -> dict[str, Any]:
    """The clusters that the caller may see and that the filter lets through."""
    allows = workspace.identity.permissions.allows
    found = [
        one
        for one in _sorted(workspace.clusters.store.all(), call)
        if is_listed(one) and _passes(one, call) and allows(call.principal, one.securable, "CAN_ATTACH_TO")
    ]
    begin, size = (_offset(call.query.get("page_token")), _size(call)) if paged else (0, len(found))
    answer: dict[str, Any] = {"clusters": [details_of(one).as_dict() for one in found[begin : begin + size]]}
    if begin + size < len(found):
        answer["next_page_token"] = _token(begin + size)
    if begin:
        answer["prev_page_token"] = _token(max(0, begin - size))
    return answer


def event_page(workspace: Workspace, cluster: ClusterRecord, body: Mapping[str, Any]) -> dict[str, Any]:
    """What happened to a cluster, by default the newest first."""
    from databricks.sdk.service.compute import EventType, GetEvents

    check_shape(GetEvents, body)
    order, types = body.get("order") or "DESC", body.get("event_types") or []
    _one_of("order", order, _ORDERS)
    for one in types:
        _one_of("event_types", one, [known.value for known in EventType])
    size = _number(body, "page_size") or _number(body, "limit") or _EVENTS
    if not 0 < size <= _MOST_EVENTS:
        raise InvalidParameterValue(f"at most {_MOST_EVENTS} events can be had at once")
    offset = _offset(body["page_token"]) if body.get("page_token") else _number(body, "offset")
    span = (_number(body, "start_time"), _number(body, "end_time") or MAX_INTEGER)
    total, found = workspace.clusters.store.events(
        cluster.id, types=types, span=span, newest_first=order == "DESC", offset=offset, limit=size
    )
    answer: dict[str, Any] = {"events": [event_of(one).as_dict() for one in found], "total_count": total}
    if offset + size < total:
        answer["next_page_token"] = _token(offset + size)
        following = {name: value for name, value in body.items() if name != "page_token" and value is not None}
        answer["next_page"] = {**following, "offset": offset + size}
        if "page_size" not in body:
            answer["next_page"]["limit"] = size
    if offset:
        answer["prev_page_token"] = _token(max(0, offset - size))
    return answer


def is_listed(cluster: ClusterRecord) -> bool:
    """Those that ended long ago are not listed, unless they are pinned."""
    recent = (cluster.terminated_at or now()) > now() - _LISTED_MS
    return cluster.state in LIVE or cluster.pinned_at is not None or recent


def _passes(cluster: ClusterRecord, call: Call) -> bool:
    query = call.request.query_params
    sources, states = query.getlist("filter_by.cluster_sources"), query.getlist("filter_by.cluster_states")
    pinned, policy = query.get("filter_by.is_pinned"), query.get("filter_by.policy_id")
    return (
        (not sources or cluster.source in sources)
        and (not states or cluster.state in states)
        and (pinned is None or (cluster.pinned_at is not None) == (pinned.lower() == "true"))
        and (policy is None or cluster.definition.get("policy_id") == policy)
    )


def _sorted(clusters: list[ClusterRecord], call: Call) -> list[ClusterRecord]:
    """By default pinned clusters first, then those that run; the newest first."""
    field = call.query.get("sort_by.field") or "DEFAULT"
    direction = call.query.get("sort_by.direction") or ("DESC" if field == "DEFAULT" else "ASC")
    _one_of("sort_by.field", field, _FIELDS)
    _one_of("sort_by.direction", direction, _DIRECTIONS)
    if field == "CLUSTER_NAME":
        return sorted(clusters, key=lambda one: (one.name.lower(), one.id), reverse=direction == "DESC")
    found = sorted(clusters, key=lambda one: (one.pinned_at is None, one.state not in LIVE))
    return found if direction == "DESC" else found[::-1]


def _size(call: Call) -> int:
    text = call.query.get("page_size") or str(_PAGE)
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:9]) <= _MOST:
        raise InvalidParameterValue(f"page_size must be 1 to {_MOST}")
    return int(text)


def _number(body: Mapping[str, Any], name: str) -> int:
    return min(max(int(body.get(name) or 0), 0), MAX_INTEGER)


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def _offset(token: str | None) -> int:
    try:
        return min(max(int(base64.urlsafe_b64decode((token or _token(0)).encode())), 0), MAX_INTEGER)
    except (ValueError, binascii.Error):
        raise InvalidParameterValue("page_token is not one that this list has given.") from None


def _one_of(name: str, value: str, known: Any) -> None:
    if value not in known:
        raise InvalidParameterValue(f"{name} must be one of {', '.join(known)}, not {value!r}")
