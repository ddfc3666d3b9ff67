"""The secrets of a workspace: values in scopes, sealed in its database or read from an Azure Key Vault."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update

from brickyard.workspace.api.errors import BadRequest, InvalidParameterValue, PermissionDenied, ResourceDoesNotExist
from brickyard.workspace.clock import now
from brickyard.workspace.secrets.errors import ResourceLimitExceeded
from brickyard.workspace.secrets.key_vaults import KeyVaults
from brickyard.workspace.secrets.scopes import Scope, Scopes, valid, valid_name
from brickyard.workspace.secrets.vault import Vault
from brickyard.workspace.store import metadata
from brickyard.workspace.store.secrets import secret_scopes, secret_values

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["SecretKey", "Secrets", "build"]

# Source of the limits: https://docs.databricks.com/api/workspace/secrets/putsecret
MAX_VALUE_BYTES = 128 * 1024
MAX_SECRETS = 1000


@dataclass(frozen=True)
class SecretKey:
    """A secret without its value; the time is epoch milliseconds."""

    key: str
    updated_at: int


class Secrets:
    """The secrets of a workspace; values leave it through `get` and `read_as` only.

    Attributes:
        scopes: The scopes and their access lists. Who calls the methods here has asked them whether it may.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._store = workspace.store
        self._root = workspace.root
        self._identity = workspace.identity
        self._key_vaults = KeyVaults()
        self.scopes = Scopes(workspace.store, workspace.identity)

    @cached_property
    def vault(self) -> Vault:
        """What seals values with the workspace's key, also those of other services."""
        tables = [table for table in metadata.tables.values() if "sealed" in table.columns]
        with self._store.read() as connection:
            sealed = any(_count(connection, table, table.c.sealed.is_not(None)) for table in tables)
        return Vault(self._root, sealed=sealed)

    def list(self, scope: Scope) -> list[SecretKey]:
        """The keys of a scope.

        Raises:
            ApiError: The scope's Key Vault cannot be read; see `KeyVaults.get`.
        """
        if scope.key_vault is not None:
            return [SecretKey(*one) for one in self._key_vaults.list(scope.key_vault)]
        query = select(secret_values.c.key, secret_values.c.updated_at).order_by(secret_values.c.key)
        with self._store.read() as connection:
            rows = connection.execute(query.where(secret_values.c.scope == scope.id)).all()
        return [SecretKey(row.key, row.updated_at) for row in rows]

    def put(self, scope: Scope, key: str, value: bytes) -> None:
        """Put a value, in the place of the one there was.

        Raises:
            BadRequest: The scope's secrets are in a Key Vault.
            InvalidParameterValue: The key has characters that it may not have, or the value is too large.
            ResourceLimitExceeded: The scope is full.
            ResourceDoesNotExist: The scope is no longer there.
        """
        _check_writable(scope)
        valid_name(key, "key")
        if len(value) > MAX_VALUE_BYTES:
            raise InvalidParameterValue(f"The value has {len(value)} bytes; {MAX_VALUE_BYTES} are the most.")
        with self._store.write() as connection:
            if connection.execute(select(secret_scopes.c.id).where(secret_scopes.c.id == scope.id)).first() is None:
                raise ResourceDoesNotExist(f"Scope {scope.name} does not exist!")
            known = _known(connection, scope, key)
            row = {"sealed": self.vault.seal(value, f"{scope.id}/{known or key}"), "updated_at": now()}
            if known is not None:
                connection.execute(update(secret_values).where(_is(scope, known)).values(**row))
                return
            if _count(connection, secret_values, secret_values.c.scope == scope.id) >= MAX_SECRETS:
                raise ResourceLimitExceeded(f"The scope {scope.name} already has {MAX_SECRETS} secrets.")
            connection.execute(insert(secret_values).values(scope=scope.id, key=key, **row))

    def get(self, scope: Scope, key: str) -> bytes:
        """The value under a key.

        Raises:
            ResourceDoesNotExist: There is no such key.
            ApiError: The scope's Key Vault cannot be read; see `KeyVaults.get`.
        """
        value = self._stored(scope, key) if scope.key_vault is None else self._key_vaults.get(scope.key_vault, key)
        if value is None:
            raise ResourceDoesNotExist(f"Secret does not exist with scope: {scope.name} and key: {key}")
        return value

    def require_read(self, principal: Principal, scope: str) -> None:
        """Refuse unless a principal may read the secrets of a scope.

        Raises:
            ResourceDoesNotExist: There is no such scope.
            PermissionDenied: The principal may not.
        """
        self.scopes.require(principal, self.scopes.get(scope), "READ")

    def read_as(self, reader: str, scope: str, key: str, use: str) -> bytes:
        """The value under a key, with the rights of a principal: who a job runs as, or who made an endpoint.

        Args:
            reader: User name or application id.
            scope: The name of the scope.
            key: The key.
            use: What the value is for, as the audit record names it: `run_id=12 task_key=train`.

        Raises:
            PermissionDenied: The principal may not read the scope, or is no longer active.
            ResourceDoesNotExist: There is no such scope or key.
            ApiError: The scope's Key Vault cannot be read; see `KeyVaults.get`.
        """
        try:
            self.require_read(self._reader(reader), scope)
            return self.get(self.scopes.get(scope), key)
        except PermissionDenied:
            what = f"scope={scope} key={key} {use}"
            self._identity.audit.record_refusal(reader, "secrets.get_secret", what)
            raise

    def _reader(self, name: str) -> Principal:
        try:
            return self._identity.principal_named(name)
        except ResourceDoesNotExist as error:
            raise PermissionDenied(f"{name} cannot read secrets: it is not an active user or principal") from error

    def delete(self, scope: Scope, key: str) -> None:
        """Delete a secret.

        Raises:
            BadRequest: The scope's secrets are in a Key Vault.
            ResourceDoesNotExist: There is no such key.
        """
        _check_writable(scope)
        with self._store.write() as connection:
            known = _known(connection, scope, key)
            if known is None or connection.execute(delete(secret_values).where(_is(scope, known))).rowcount == 0:
                raise ResourceDoesNotExist(f"Secret does not exist with scope: {scope.name} and key: {key}")

    def _stored(self, scope: Scope, key: str) -> bytes | None:
        with self._store.read() as connection:
            known = _known(connection, scope, key)
            if known is None:
                return None
            sealed = connection.execute(select(secret_values.c.sealed).where(_is(scope, known))).scalar_one()
        return self.vault.open(sealed, f"{scope.id}/{known}")


def _check_writable(scope: Scope) -> None:
    """Refuse to write into a vault, as the service does: https://learn.microsoft.com/azure/databricks/security/secrets/."""
    if scope.key_vault is not None:
        raise BadRequest(
            f"Cannot write secrets to Azure KeyVault-backed scope {scope.name}."
            f" Change them in the vault itself: {scope.key_vault.dns_name}"
        )


def _known(connection: Connection, scope: Scope, key: str) -> str | None:
    """A key as it was first written: keys are the same in any case; nothing where there is none.

    Source: https://learn.microsoft.com/azure/databricks/security/secrets/#create-a-secret
    """
    if not valid(key):
        return None
    same = (secret_values.c.scope == scope.id) & (func.lower(secret_values.c.key) == key.lower())
    known = connection.execute(select(secret_values.c.key).where(same)).scalars().all()
    return key if key in known else next(iter(known), None)


def _is(scope: Scope, key: str) -> ColumnElement[bool]:
    return (secret_values.c.scope == scope.id) & (secret_values.c.key == key)


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def build(workspace: Workspace) -> Secrets:
    """The secrets of a workspace."""
    return Secrets(workspace)
