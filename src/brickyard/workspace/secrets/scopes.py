"""Secret scopes: which there are, where their secrets are, and who may do what with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select

from brickyard.workspace.api.errors import (
    InvalidParameterValue,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from brickyard.workspace.clock import now
from brickyard.workspace.identity.permissions import LEVELS, Securable
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.secrets.errors import ResourceLimitExceeded
from brickyard.workspace.secrets.key_vault_address import KeyVaultAddress
from brickyard.workspace.store.key_vaults import key_vaults
from brickyard.workspace.store.secrets import secret_scopes

if TYPE_CHECKING:
    from brickyard.workspace.identity import Identity, Principal
    from brickyard.workspace.store import Store

__all__ = ["Acl", "Scope", "Scopes", "valid", "valid_name"]

# Source of the limits, names and levels: https://docs.databricks.com/api/workspace/secrets
MAX_SCOPES = 1000
_KIND = "secret-scopes"
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,128}")


@dataclass(frozen=True)
class Scope:
    """A secret scope.

    Attributes:
        id: Its name in lower case: names are the same in any case.
        name: Its name, as it was written when it was made.
        key_vault: Where its secrets are; nothing where the workspace keeps them itself.
    """

    id: str
    name: str
    key_vault: KeyVaultAddress | None = None


@dataclass(frozen=True)
class Acl:
    """What a principal may do with a scope.

    Attributes:
        principal: User name, application id of a service principal, or name of a group.
        permission: READ, WRITE or MANAGE; each includes the ones before it.
    """

    principal: str
    permission: str


class Scopes:
    """The scopes of a workspace with their access lists."""

    def __init__(self, store: Store, identity: Identity) -> None:
        self._store = store
        self._identity = identity

    def get(self, name: str) -> Scope:
        """The scope of that name.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        with self._store.read() as connection:
            found = _find(connection, name.lower())
        if found is None:
            raise ResourceDoesNotExist(f"Scope {name} does not exist!")
        return found

    def readable(self, principal: Principal) -> list[Scope]:
        """The scopes that a principal may read."""
        with self._store.read() as connection:
            rows = connection.execute(_SCOPES.order_by(secret_scopes.c.id)).all()
        readable = self._identity.permissions.granted_to(principal, _KIND)
        return [_scope(*row) for row in rows if readable is None or row.id in readable]

    def create(self, name: str, by: Principal, manager: int, key_vault: KeyVaultAddress | None = None) -> None:
        """Make a scope.

        Args:
            name: Its name.
            by: Who makes it.
            manager: The number of the user, service principal or group that may manage it.
            key_vault: Where its secrets are; without it the workspace keeps them itself.

        Raises:
            ResourceAlreadyExists: There is one of that name.
            InvalidParameterValue: The name has characters that it may not have.
            ResourceLimitExceeded: There are as many scopes as there may be.
        """
        identity = valid_name(name, "scope").lower()
        with self._store.write() as connection:
            known = connection.execute(select(secret_scopes.c.id)).scalars().all()
            if identity in known:
                raise ResourceAlreadyExists(f"Scope {name} already exists!")
            if len(known) >= MAX_SCOPES:
                raise ResourceLimitExceeded(f"There are already {MAX_SCOPES} scopes.")
            row = {"id": identity, "name": name, "created_at": now(), "created_by": by.user_name}
            connection.execute(insert(secret_scopes).values(**row))
            if key_vault is not None:
                place = {"resource_id": key_vault.resource_id, "dns_name": key_vault.dns_name}
                connection.execute(insert(key_vaults).values(scope=identity, **place))
        self._identity.permissions.replace(_securable(identity), {manager: "MANAGE"})

    def delete(self, scope: Scope) -> None:
        """Delete a scope with its secrets and its access list.

        Raises:
            ResourceDoesNotExist: There is none any more.
        """
        self._identity.permissions.forget(_securable(scope.id))  # first: a later scope of that name inherits nothing
        with self._store.write() as connection:
            if connection.execute(delete(secret_scopes).where(secret_scopes.c.id == scope.id)).rowcount == 0:
                raise ResourceDoesNotExist(f"Scope {scope.name} does not exist!")

    def require(self, principal: Principal, scope: Scope, permission: str) -> None:
        """Refuse unless a principal has a permission on a scope; administrators have every one.

        Raises:
            PermissionDenied: It has not.
        """
        if not self._identity.permissions.allows(principal, _securable(scope.id), permission):
            raise PermissionDenied(
                f"User {principal.user_name} does not have {permission} permission on scope {scope.name}"
                " to perform this action."
            )

    def acls(self, scope: Scope) -> list[Acl]:
        """The access list of a scope, by the principals' names."""
        granted = self._identity.permissions.grants(_securable(scope.id))
        describe = self._identity.principals.describe
        return sorted(
            (Acl(describe(one.principal_id).name, one.level) for one in granted), key=lambda acl: acl.principal
        )

    def acl(self, scope: Scope, principal: str) -> Acl:
        """What one principal was granted on a scope.

        Raises:
            ResourceDoesNotExist: Nothing, or there is no such principal.
        """
        holder = self._granted(scope, principal)
        (level,) = (
            one.level for one in self._identity.permissions.grants(_securable(scope.id)) if one.principal_id == holder
        )
        return Acl(self._identity.principals.describe(holder).name, level)

    def put_acl(self, scope: Scope, principal: str, permission: str) -> None:
        """Grant a permission on a scope, in the place of what the principal had there.

        Raises:
            InvalidParameterValue: There is no such permission.
            ResourceDoesNotExist: There is no such principal.
        """
        if permission not in LEVELS[_KIND]:
            raise InvalidParameterValue(f"permission {permission!r} is not one of {', '.join(LEVELS[_KIND])}")
        self._identity.permissions.grant(_securable(scope.id), self._holder(principal), permission)

    def delete_acl(self, scope: Scope, principal: str) -> None:
        """Take back what a principal was granted on a scope.

        Raises:
            ResourceDoesNotExist: Nothing, or there is no such principal.
        """
        gone = self._granted(scope, principal)
        granted = self._identity.permissions.grants(_securable(scope.id))
        left = {one.principal_id: one.level for one in granted if one.principal_id != gone}
        self._identity.permissions.replace(_securable(scope.id), left)

    def _holder(self, name: str) -> int:
        found = (self._identity.principals.find(kind, name) for kind in (Kind.USER, Kind.SERVICE_PRINCIPAL, Kind.GROUP))
        holder = next((one for one in found if one is not None), None)
        if holder is None:
            raise ResourceDoesNotExist(
                f"Principal {name} does not exist. Name a user, a group, or a service principal by its application id."
            )
        return holder

    def _granted(self, scope: Scope, principal: str) -> int:
        holder = self._holder(principal)
        if all(one.principal_id != holder for one in self._identity.permissions.grants(_securable(scope.id))):
            raise ResourceDoesNotExist(f"There is no ACL for principal {principal} on scope {scope.name}.")
        return holder


def valid(name: str) -> bool:
    """Whether a scope or a key may have that name."""
    return _NAME.fullmatch(name) is not None


def valid_name(name: str, what: str) -> str:
    """A name of a scope or a key.

    Raises:
        InvalidParameterValue: It has characters that it may not have, or too many.
    """
    if not valid(name):
        raise InvalidParameterValue(
            f"{name!r} is not a valid {what}: 1 to 128 letters, digits, dashes, underscores, periods and @"
        )
    return name


_SCOPES = select(secret_scopes.c.id, secret_scopes.c.name, key_vaults.c.resource_id, key_vaults.c.dns_name).outerjoin(
    key_vaults, key_vaults.c.scope == secret_scopes.c.id
)


def _find(connection: Connection, identity: str) -> Scope | None:
    row = connection.execute(_SCOPES.where(secret_scopes.c.id == identity)).first()
    return None if row is None else _scope(*row)


def _scope(identity: str, name: str, resource_id: str | None, dns_name: str | None) -> Scope:
    vault = KeyVaultAddress(resource_id, dns_name) if resource_id and dns_name else None
    return Scope(identity, name, vault)


def _securable(identity: str) -> Securable:
    return Securable(_KIND, identity)
