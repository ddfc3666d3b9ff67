"""From users, service principals and groups to the JSON of SCIM answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.identity.records import Account, Group, Link

if TYPE_CHECKING:
    from databricks.sdk.service.iam import ComplexValue

__all__ = ["account_json", "group_json", "publicly", "selected", "user_json"]

_PLACES = {Kind.USER: "Users", Kind.SERVICE_PRINCIPAL: "ServicePrincipals", Kind.GROUP: "Groups"}
_PUBLIC = ("id", "userName", "applicationId", "displayName", "schemas")


def user_json(account: Account) -> dict[str, Any]:
    """A user or, as `Me` answers it, a service principal in the shape of a user."""
    from databricks.sdk.service.iam import ComplexValue, Name, User, UserSchema

    name = Name(account.family_name, account.given_name) if account.given_name or account.family_name else None
    return User(
        id=str(account.id),
        user_name=account.user_name,
        display_name=account.display_name,
        active=account.active,
        external_id=account.external_id,
        name=name,
        emails=[ComplexValue(value=account.user_name, type="work", primary=True)],
        groups=_links(account.groups),
        entitlements=_values(account.entitlements),
        roles=_values(account.roles),
        schemas=list(UserSchema),
    ).as_dict()


def account_json(account: Account) -> dict[str, Any]:
    """A user or a service principal."""
    if account.kind is Kind.USER:
        return user_json(account)
    from databricks.sdk.service.iam import ServicePrincipal, ServicePrincipalSchema

    return ServicePrincipal(
        id=str(account.id),
        application_id=account.user_name,
        display_name=account.display_name,
        active=account.active,
        external_id=account.external_id,
        groups=_links(account.groups),
        entitlements=_values(account.entitlements),
        roles=_values(account.roles),
        schemas=list(ServicePrincipalSchema),
    ).as_dict()


def group_json(group: Group) -> dict[str, Any]:
    """A group of the workspace."""
    from databricks.sdk.service import iam

    return iam.Group(
        id=str(group.id),
        display_name=group.display_name,
        external_id=group.external_id,
        members=_links(group.members, typed=False),
        groups=_links(group.groups),
        entitlements=_values(group.entitlements),
        roles=_values(group.roles),
        meta=iam.ResourceMeta("WorkspaceGroup"),
        schemas=list(iam.GroupSchema),
    ).as_dict()


def publicly(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What everybody may see of another user, service principal or group: names and number."""
    return {name: value for name, value in resource.items() if name in _PUBLIC}


def selected(resource: Mapping[str, Any], attributes: str | None, excluded: str | None) -> dict[str, Any]:
    """The attributes that a request asked for; the number is always among them.

    Args:
        resource: The resource as JSON.
        attributes: Names, with commas; also of parts, as `name.givenName`. Without it, all.
        excluded: Names that are left out.
    """
    result = dict(resource)
    if attributes and attributes.strip():
        wanted = _paths(attributes)
        result = {
            name: _parts(value, wanted[name.lower()]) if name.lower() in wanted else value
            for name, value in resource.items()
            if name == "id" or name.lower() in wanted
        }
    unwanted = _paths(excluded or "")
    return {
        name: value if name.lower() not in unwanted else _parts(value, unwanted[name.lower()], keep=False)
        for name, value in result.items()
        if name == "id" or name.lower() not in unwanted or unwanted[name.lower()]
    }


def _paths(names: str) -> dict[str, set[str]]:
    """Attribute -> its parts that are named; no part where the attribute itself is."""
    found: dict[str, set[str]] = {}
    for name in names.lower().split(","):
        first, _, part = name.strip().partition(".")
        if first and part and found.get(first, {part}):
            found.setdefault(first, set()).add(part)
        elif first:
            found[first] = set()
    return found


def _parts(value: Any, parts: set[str], *, keep: bool = True) -> Any:
    if not parts or not isinstance(value, list | Mapping):
        return value
    if isinstance(value, list):
        return [_parts(one, parts, keep=keep) for one in value]
    return {name: one for name, one in value.items() if (name.lower() in parts) == keep}


def _values(values: Iterable[str]) -> list[ComplexValue]:
    from databricks.sdk.service.iam import ComplexValue

    return [ComplexValue(value=one) for one in values]


def _links(links: Iterable[Link], *, typed: bool = True) -> list[ComplexValue]:
    from databricks.sdk.service.iam import ComplexValue

    return [
        ComplexValue(
            value=str(link.id),
            display=link.name,
            ref=f"{_PLACES[link.kind]}/{link.id}",
            type=("direct" if link.direct else "indirect") if typed else None,
        )
        for link in links
    ]
