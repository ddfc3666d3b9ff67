"""From the JSON of a SCIM request to a user, service principal or group, with each value checked."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.identity.records import Account, Group, Link
from brickyard.workspace.identity.scim.errors import bad, missing
from brickyard.workspace.identity.scim.schema import ENTITLEMENTS, GROUP, SERVICE_PRINCIPAL, USER, Schema

__all__ = ["identifier", "read_account", "read_group", "schema_of"]

_LONGEST = 256
_LONGEST_ADDRESS = 254
_MOST_VALUES = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ADDRESS = re.compile(r"[^@\s/\\]+@[^@\s/\\]+")


def schema_of(kind: Kind) -> Schema:
    """The schema of users, service principals or groups."""
    return {Kind.USER: USER, Kind.SERVICE_PRINCIPAL: SERVICE_PRINCIPAL, Kind.GROUP: GROUP}[kind]


def identifier(schema: Schema, text: object) -> int:
    """A number of a user, service principal or group, as it is written.

    Raises:
        ScimError: Nothing can have that number.
    """
    if not isinstance(text, str | int) or isinstance(text, bool) or not re.fullmatch(r"[0-9]{1,18}", str(text)):
        raise missing(schema.noun, text)
    return int(text)


def read_account(kind: Kind, body: Mapping[str, Any], before: Account | None = None) -> Account:
    """What a body makes of a user or service principal; what it does not mention is taken away.

    Args:
        kind: User or service principal.
        body: The resource as JSON.
        before: What it was; nothing where it is created.

    Raises:
        ScimError: `invalidValue` or `mutability`.
    """
    schema = schema_of(kind)
    values = _known(schema, body)
    name = before.user_name if before else _user_name(values) if kind is Kind.USER else _application_id(values)
    given = values.get("applicationId")
    if before and kind is Kind.SERVICE_PRINCIPAL and given is not None and given != before.user_name:
        raise bad("mutability", f"applicationId cannot be changed from {before.user_name}.")
    names = _parts(values)
    account = before or Account(0, kind, name, name)
    return replace(
        account,
        display_name=_text(values, "displayName") or name,
        active=_flag(values, "active", account.active),
        external_id=_text(values, "externalId"),
        given_name=_text(names, "givenName"),
        family_name=_text(names, "familyName"),
        entitlements=_entitlements(values),
        roles=_values(values, "roles"),
        groups=tuple(Link(one, Kind.GROUP) for one in _links(values, "groups")),
    )


def read_group(body: Mapping[str, Any], before: Group | None = None) -> Group:
    """What a body makes of a group; what it does not mention is taken away.

    Raises:
        ScimError: `invalidValue`.
    """
    values = _known(GROUP, body)
    name = _text(values, "displayName") or (before.display_name if before else None)
    if not name:
        raise bad("invalidValue", "displayName is required: a group needs a name.")
    return replace(
        before or Group(0, name),
        display_name=name,
        external_id=_text(values, "externalId"),
        entitlements=_entitlements(values),
        roles=_values(values, "roles"),
        members=tuple(Link(one) for one in _links(values, "members")),
    )


def _known(schema: Schema, body: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a body by their proper names; others are left out, as RFC 7644 has it."""
    named = ((schema.find(str(name)), value) for name, value in body.items())
    return {attribute.name: value for attribute, value in named if attribute is not None}


def _user_name(values: Mapping[str, Any]) -> str:
    name = _text(values, "userName")
    if name is None:
        raise bad("invalidValue", "userName is required: the e-mail address of the user.")
    if len(name.encode()) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(name):
        raise bad("invalidValue", f"userName must be an e-mail address, not {name[:80]!r}.")
    return name


def _application_id(values: Mapping[str, Any]) -> str:
    """The application id that was given, or a new one, as the vendor makes for its own service principals."""
    text = _text(values, "applicationId")
    if text is None:
        return str(uuid.uuid4())
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise bad("invalidValue", f"applicationId must be a UUID, not {text[:80]!r}.") from error


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise bad("invalidValue", f"{name} must be text, not {str(value)[:80]}.")
    if len(value) > _LONGEST or _CONTROL.search(value):
        raise bad("invalidValue", f"{name} must have at most {_LONGEST} characters, and no control characters.")
    return value.strip() or None


def _flag(values: Mapping[str, Any], name: str, default: bool) -> bool:
    value = values.get(name)
    if value is None:
        return default
    if isinstance(value, str) and value.lower() in ("true", "false"):  # some identity providers send text
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise bad("invalidValue", f"{name} must be true or false, not {str(value)[:80]}.")
    return value


def _parts(values: Mapping[str, Any]) -> Mapping[str, Any]:
    names = values.get("name") or {}
    if not isinstance(names, Mapping):
        raise bad("invalidValue", "name must be an object with givenName and familyName.")
    return names


def _objects(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    items = values.get(name) or []
    if not isinstance(items, list) or not all(isinstance(one, Mapping) for one in items):
        raise bad("invalidSyntax", f'{name} must be a list of objects, for example [{{"value": "..."}}].')
    return items


def _values(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The values of a list, each once."""
    found = [_text(one, "value") for one in _objects(values, name)]
    if None in found or len(found) > _MOST_VALUES:
        raise bad("invalidValue", f"each object of {name} needs a `value`; there can be {_MOST_VALUES} of them.")
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _entitlements(values: Mapping[str, Any]) -> tuple[str, ...]:
    found = _values(values, "entitlements")
    unknown = next((one for one in found if one not in ENTITLEMENTS), None)
    if unknown is not None:
        raise bad("invalidValue", f"{unknown!r} is not an entitlement; known are {', '.join(ENTITLEMENTS)}.")
    return found


def _links(values: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """The numbers in a list of members or groups; memberships through other groups are no one's to set."""
    items = [one for one in _objects(values, name) if one.get("type") != "indirect"]
    if any(one.get("value") is None for one in items):
        raise bad("invalidValue", f"each object of {name} needs a `value`: the id of a principal or group.")
    noun = GROUP if name == "groups" else USER
    return tuple(dict.fromkeys(identifier(noun, one["value"]) for one in items))
