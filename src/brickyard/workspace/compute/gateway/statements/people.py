"""SHOW USERS and SHOW GROUPS, from the workspace's own directory.

Source: https://docs.databricks.com/sql/language-manual/ (sql-ref-syntax-aux-show-users, sql-ref-syntax-aux-show-groups)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import not_found
from brickyard.workspace.compute.gateway.patterns import matches, read_pattern
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.unity import accept

__all__ = ["show_groups", "show_users"]

_PAGE = 100


def show_users(cursor: Cursor, session: Session) -> Any:
    """`[[LIKE] pattern]`, after SHOW USERS."""
    pattern = read_pattern(cursor)
    names = sorted(one["userName"] for one in _all(session, "Users") if matches(one["userName"], pattern))
    return literals.rows({"name": pa.string()}, [(name,) for name in names])


def show_groups(cursor: Cursor, session: Session) -> Any:
    """`[WITH USER u | WITH GROUP g] [[LIKE] pattern]`, after SHOW GROUPS."""
    member = None
    if cursor.take("WITH"):
        kind = cursor.next().text.upper()
        member = _member(session, kind, str(cursor.next().text))
    pattern = read_pattern(cursor)
    found = {one["id"]: one for one in _all(session, "Groups")}
    rows = [
        (one["displayName"], direct)
        for one in found.values()
        for direct in _membership(found, one, member)
        if matches(one["displayName"], pattern)
    ]
    return literals.rows({"name": pa.string(), "directGroup": pa.bool_()}, sorted(rows))


def _member(session: Session, kind: str, name: str) -> str:
    """The id of a user or group."""
    key = "userName" if kind == "USER" else "displayName"
    for one in _all(session, "Users" if kind == "USER" else "Groups"):
        if one[key].lower() == name.lower():
            return str(one["id"])
    raise not_found("principal", name)


def _membership(found: dict[str, Any], group: dict[str, Any], member: str | None) -> Iterator[bool | None]:
    """Whether a member is in a group directly or by another; nothing where it is not in it."""
    if member is None:
        yield None
    elif member in _members(group):
        yield True
    elif any(member in _members(found[one]) for one in _below(found, group, set())):
        yield False


def _members(group: dict[str, Any]) -> set[str]:
    return {str(one["value"]) for one in group.get("members") or []}


def _below(found: dict[str, Any], group: dict[str, Any], seen: set[str]) -> set[str]:
    for one in _members(group) & found.keys() - seen:
        seen.add(one)
        _below(found, found[one], seen)
    return seen


def _all(session: Session, what: str) -> Iterator[dict[str, Any]]:
    start = 1
    while True:
        query = urlencode({"startIndex": start, "count": _PAGE})
        status, raw = session.catalog.send("GET", f"/api/2.0/preview/scim/v2/{what}?{query}")
        found = accept(status, json.loads(raw or b"{}")).get("Resources") or []
        yield from found
        if len(found) < _PAGE:
            return
        start += len(found)
