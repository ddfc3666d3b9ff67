"""Who is given what by a request, in one line: access lists, privileges, members of groups, who a job runs as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brickyard.workspace.identity.access_lists import PRINCIPAL_FIELDS

__all__ = ["granted"]

_MOST = 100  # entries; of longer lists, their number is said
_LONGEST = 300


def granted(body: Mapping[str, Any]) -> list[str]:
    """What a body grants and revokes, as `granted=jane@example.org:CAN_RUN,trainers:CAN_VIEW`.

    A request may have been refused because it has another shape: what is no name, level or privilege is left out.
    """
    settings = body.get("new_settings")
    parts = [body, settings if isinstance(settings, Mapping) else {}]
    lists = {
        "run_as": [name for part in parts for name in _named(part.get("run_as"))],
        "granted": [*_access_list(parts), *_changes(body, "add")],
        "revoked": [*_changes(body, "remove")],
        "members": [*_values(body.get("members")), *_operations(body)],
    }
    return [f"{word}={_joined(found)}" for word, found in lists.items() if found]


def _joined(found: list[str]) -> str:
    rest = [f"and {len(found) - _MOST} more"] if len(found) > _MOST else []
    return ",".join([*found[:_MOST], *rest])


def _access_list(parts: list[Mapping[str, Any]]) -> Iterator[str]:
    """The entries of `access_control_list`, of permissions and of jobs."""
    for part in parts:
        for entry in _mappings(part.get("access_control_list")):
            yield f"{'|'.join(_named(entry))}:{_text(entry.get('permission_level'))}"


def _named(entry: object) -> list[str]:
    """The principals that `user_name` and its like name: one, unless the request is wrong."""
    fields = entry if isinstance(entry, Mapping) else {}
    return [text for field in PRINCIPAL_FIELDS if (text := _text(fields.get(field)))]


def _changes(body: Mapping[str, Any], field: str) -> Iterator[str]:
    """The `changes` of privileges in Unity Catalog."""
    for change in _mappings(body.get("changes")):
        privileges = change.get(field)
        words = [text for one in privileges if (text := _text(one))] if isinstance(privileges, list) else []
        if words:
            yield f"{_text(change.get('principal'))}:{'+'.join(words[:_MOST])}"


def _operations(body: Mapping[str, Any]) -> Iterator[str]:
    """What a SCIM PATCH does to the members of a group: `add:4711`, `remove:members[value eq "4711"]`."""
    for operation in _mappings(body.get("Operations")):
        path, value = _text(operation.get("path")), operation.get("value")
        inner = value.get("members") if isinstance(value, Mapping) else value
        if path.startswith("members") or (not path and inner is not value):
            yield f"{_text(operation.get('op'))}:{'+'.join([*_values(inner)][:_MOST]) or path}"


def _values(members: object) -> Iterator[str]:
    return (_text(member.get("value")) for member in _mappings(members))


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
