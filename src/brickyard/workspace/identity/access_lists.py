"""Access control lists in the vendor's shape, turned into grants."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied, ResourceDoesNotExist
from brickyard.workspace.identity.permissions import LEVELS, Securable
from brickyard.workspace.identity.principals import Kind, Principal

if TYPE_CHECKING:
    from brickyard.workspace.identity.service import Identity

__all__ = ["PRINCIPAL_FIELDS", "check_owner", "grants_of", "replace", "update"]

PRINCIPAL_FIELDS = {"user_name": Kind.USER, "group_name": Kind.GROUP, "service_principal_name": Kind.SERVICE_PRINCIPAL}
_LABELS = {"user_name": "UserName", "group_name": "GroupName", "service_principal_name": "ServicePrincipalName"}
_OWNED = ("jobs", "warehouses")


def grants_of(identity: Identity, securable: Securable, entries: Any) -> dict[int, str]:
    """The levels that a list names, by principal.

    Raises:
        InvalidParameterValue: It is not a list of that shape, or has a level that the object has not.
        ResourceDoesNotExist: It names a principal that there is not.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise InvalidParameterValue("access_control_list must be a list of objects")
    found: dict[int, str] = {}
    levels = LEVELS[securable.kind]
    for entry in entries:
        who, level = _principal(identity, entry), _level(levels, entry)
        found[who] = max(found.get(who, level), level, key=levels.index)  # of several, the highest counts
    return found


def replace(identity: Identity, securable: Securable, entries: Any, by: Principal) -> None:
    """Grant on an object what a list says, and nothing else.

    Raises:
        InvalidParameterValue: The list is wrong, or would leave a job or warehouse without its one owner.
        PermissionDenied: It changes the owner of one, and `by` is no administrator.
        ResourceDoesNotExist: It names a principal that there is not.
    """
    wanted = grants_of(identity, securable, entries)
    if securable.kind == "warehouses" and "IS_OWNER" not in wanted.values():
        wanted |= _owner_of_before(identity, securable)
    _write(identity, securable, wanted, by)


def update(identity: Identity, securable: Securable, entries: Any, by: Principal) -> None:
    """Grant on an object what a list says, beside what others have already.

    Raises:
        InvalidParameterValue: As for `replace`.
        PermissionDenied: As for `replace`.
        ResourceDoesNotExist: As for `replace`.
    """
    wanted = grants_of(identity, securable, entries)
    own = [grant for grant in identity.permissions.grants(securable) if grant.source == securable]
    granted = {grant.principal_id: grant.level for grant in own}
    if "IS_OWNER" in wanted.values():  # the owner of before stays a manager
        granted = {one: "CAN_MANAGE" if level == "IS_OWNER" else level for one, level in granted.items()}
    _write(identity, securable, granted | wanted, by)


def check_owner(
    identity: Identity, securable: Securable, wanted: Mapping[int, str], by: Principal, before: Set[int]
) -> None:
    """Refuse owners that an object cannot have: a job runs with the rights of its one owner.

    Args:
        identity: Knows the principals.
        securable: The object.
        wanted: The levels that it is to have, by principal.
        by: Who asks for it.
        before: Who owns it so far.

    Raises:
        InvalidParameterValue: It is not one, or a group.
        PermissionDenied: It is another one than before, which only administrators can ask for.
    """
    owners = [principal_id for principal_id, level in wanted.items() if level == "IS_OWNER"]
    if securable.kind in _OWNED and len(owners) != 1:
        raise InvalidParameterValue(f"The {securable.kind.removesuffix('s')} must have exactly one owner.")
    if any(identity.principals.describe(owner).kind is Kind.GROUP for owner in owners):
        raise InvalidParameterValue("Groups cannot be owners.")
    if set(owners) != before and not by.is_admin:
        raise PermissionDenied(f"Only workspace administrators can change the owner of {securable}.")


def _owner_of_before(identity: Identity, securable: Securable) -> dict[int, str]:
    """Who owns a warehouse goes on doing so where a list names no owner.

    Raises:
        InvalidParameterValue: Nobody owns it: the owner was deleted.
    """
    owner = {one.principal_id: one.level for one in identity.permissions.grants(securable) if one.level == "IS_OWNER"}
    if not owner:
        raise InvalidParameterValue(f"PUT requests for {securable} with no existing owner must provide a new owner.")
    return owner


def _write(identity: Identity, securable: Securable, wanted: Mapping[int, str], by: Principal) -> None:
    granted = identity.permissions.grants(securable)
    before = {one.principal_id for one in granted if one.level == "IS_OWNER"}
    check_owner(identity, securable, wanted, by, before)
    root = securable == Securable("tree", "/")
    if root and wanted.get(identity.principals.admins) != "CAN_MANAGE":
        raise InvalidParameterValue("Cannot remove admins's CAN_MANAGE permission on 0")
    identity.permissions.replace(securable, wanted)


def _principal(identity: Identity, entry: Mapping[str, Any]) -> int:
    named = {field: entry[field] for field in PRINCIPAL_FIELDS if entry.get(field)}
    if len(named) != 1 or not all(isinstance(name, str) for name in named.values()):
        raise InvalidParameterValue(f"each entry must name exactly one of {', '.join(PRINCIPAL_FIELDS)}")
    [(field, name)] = named.items()
    found = identity.principals.find(PRINCIPAL_FIELDS[field], name)
    if found is None:
        raise ResourceDoesNotExist(f"Principal: {_LABELS[field]}({name}) does not exist")
    return found


def _level(levels: tuple[str, ...], entry: Mapping[str, Any]) -> str:
    level = entry.get("permission_level")
    if level not in levels:
        raise InvalidParameterValue(f"permission_level {level!r} is not one of {', '.join(levels)}")
    return str(level)
