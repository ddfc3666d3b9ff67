"""To whom privileges can be granted, and who can own an object: users, service principals and groups, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import ResourceDoesNotExist
from brickyard.workspace.catalog.errors import principal_does_not_exist
from brickyard.workspace.identity.principals import ADMINS, USERS, Kind

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.identity.principals import Principals

__all__ = ["EVERYBODY", "holder_id", "holder_name", "owner_names", "owner_principal"]

#: The account's group of all users; here, all users and service principals of the workspace.
EVERYBODY = "account users"


def holder_id(principals: Principals, name: str) -> int:
    """The number of a user, service principal or group.

    Raises:
        ApiError: `PRINCIPAL_DOES_NOT_EXIST`; also for `admins` and `users`, which Unity Catalog does not know.
    """
    if name.lower() == EVERYBODY:
        return principals.users
    kinds = (Kind.USER, Kind.SERVICE_PRINCIPAL, Kind.GROUP)
    found = None
    if name not in (ADMINS, USERS):
        found = next((one for kind in kinds if (one := principals.find(kind, name)) is not None), None)
    if found is None:
        raise principal_does_not_exist(name)
    return found


def holder_name(principals: Principals, principal_id: int) -> str | None:
    """What Unity Catalog calls a principal; nothing for one that was deleted."""
    if principal_id == principals.users:
        return EVERYBODY
    try:
        return principals.describe(principal_id).name
    except ResourceDoesNotExist:
        return None


def owner_names(principals: Principals, principal: Principal) -> frozenset[str]:
    """The names, in lower case, under which an object is a principal's own: its user name and its groups'."""
    names = (holder_name(principals, group) for group in principal.groups)
    return frozenset({principal.user_name.lower(), *(name.lower() for name in names if name)})


def owner_principal(principals: Principals, name: str) -> Principal | None:
    """The owner of an object as one who asks for something; nothing where there is no such owner any more."""
    try:
        return principals.named(name)
    except ResourceDoesNotExist:
        return principals.group(name)
