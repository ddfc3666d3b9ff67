"""Secret scopes and their values."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from brickyard.workspace.secrets.errors import ResourceLimitExceeded
from brickyard.workspace.secrets.vault import Vault
from brickyard.workspace.store.secrets import secret_scopes, secret_values

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["SecretKey", "Secrets", "build"]

# Source of the limits and names: https://docs.databricks.com/api/workspace/secrets/putsecret
MAX_VALUE_BYTES = 128 * 1024
MAX_SECRETS = 1000
MAX_SCOPES = 1000
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,128}")


@dataclass(frozen=True)
class SecretKey:
    """A secret without its value; the time is epoch milliseconds."""

    key: str
    updated_at: int


class Secrets:
    """The secrets of a workspace; values leave it through `get` and `values` only."""

    def __init__(self, workspace: Workspace) -> None:
        self._store = workspace.store
        self._root = workspace.root

    @cached_property
    def vault(self) -> Vault:
        with self._store.read() as connection:
            return Vault(self._root, sealed=_count(connection, secret_values) > 0)

    def scopes(self) -> list[str]:
        """The names of all scopes."""
        with self._store.read() as connection:
            return list(connection.execute(select(secret_scopes.c.name).order_by(secret_scopes.c.id)).scalars())

    def create_scope(self, name: str, by: str) -> None:
        """Make a scope.

        Raises:
            ResourceAlreadyExists: There is one of that name.
            InvalidParameterValue: The name has characters that it may not have.
            ResourceLimitExceeded: There are as many scopes as there may be.
        """
        identity = _valid(name, "scope").lower()
        with self._store.write() as connection:
            if connection.execute(select(secret_scopes).where(secret_scopes.c.id == identity)).first():
                raise ResourceAlreadyExists(f"Scope {name} already exists!")
            if _count(connection, secret_scopes) >= MAX_SCOPES:
                raise ResourceLimitExceeded(f"There are already {MAX_SCOPES} scopes.")
            row = {"id": identity, "name": name, "created_at": _now(), "created_by": by}
            connection.execute(insert(secret_scopes).values(**row))

    def delete_scope(self, name: str) -> None:
        """Delete a scope with its secrets.

        Raises:
            ResourceDoesNotExist: There is none of that name.
        """
        with self._store.write() as connection:
            scope = _scope(connection, name)
            connection.execute(delete(secret_values).where(secret_values.c.scope == scope))
            connection.execute(delete(secret_scopes).where(secret_scopes.c.id == scope))

    def list(self, scope: str) -> list[SecretKey]:
        """The keys of a scope, by name.

        Raises:
            ResourceDoesNotExist: There is no such scope.
        """
        with self._store.read() as connection:
            mine = secret_values.c.scope == _scope(connection, scope)
            query = select(secret_values.c.key, secret_values.c.updated_at).where(mine).order_by(secret_values.c.key)
            return [SecretKey(row.key, row.updated_at) for row in connection.execute(query)]

    def put(self, scope: str, key: str, value: bytes) -> None:
        """Put a value under a key, in the place of an earlier one.

        Raises:
            ResourceDoesNotExist: There is no such scope.
            InvalidParameterValue: The key or the value is not one that may be stored.
            ResourceLimitExceeded: The scope has as many secrets as it may have.
        """
        _valid(key, "key")
        if len(value) > MAX_VALUE_BYTES:
            raise InvalidParameterValue(f"The value has more than {MAX_VALUE_BYTES} bytes.")
        with self._store.write() as connection:
            identity = _scope(connection, scope)
            mine = (secret_values.c.scope == identity) & (secret_values.c.key == key)
            row = {"sealed": self.vault.seal(value, f"{identity}/{key}"), "updated_at": _now()}
            if connection.execute(update(secret_values).where(mine).values(**row)).rowcount:
                return
            if _count(connection, secret_values, secret_values.c.scope == identity) >= MAX_SECRETS:
                raise ResourceLimitExceeded(f"The scope {scope} already has {MAX_SECRETS} secrets.")
            connection.execute(insert(secret_values).values(scope=identity, key=key, **row))

    def get(self, scope: str, key: str) -> bytes:
        """The value under a key.

        Raises:
            ResourceDoesNotExist: There is no such scope or key.
        """
        with self._store.read() as connection:
            identity = _scope(connection, scope)
            mine = (secret_values.c.scope == identity) & (secret_values.c.key == key)
            sealed = connection.execute(select(secret_values.c.sealed).where(mine)).scalar()
        if sealed is None:
            raise ResourceDoesNotExist(f"Secret does not exist with scope: {scope} and key: {key}")
        return self.vault.open(sealed, f"{identity}/{key}")

    def delete(self, scope: str, key: str) -> None:
        """Delete a secret.

        Raises:
            ResourceDoesNotExist: There is no such scope or key.
        """
        with self._store.write() as connection:
            mine = (secret_values.c.scope == _scope(connection, scope)) & (secret_values.c.key == key)
            if connection.execute(delete(secret_values).where(mine)).rowcount == 0:
                raise ResourceDoesNotExist(f"Secret does not exist with scope: {scope} and key: {key}")

    def values(self) -> tuple[bytes, ...]:
        """All values, for the redaction of what tasks print."""
        with self._store.read() as connection:
            rows = connection.execute(select(secret_values)).all()
        return tuple(self.vault.open(row.sealed, f"{row.scope}/{row.key}") for row in rows)


def _scope(connection: Connection, name: str) -> str:
    identity = name.lower()
    if connection.execute(select(secret_scopes.c.id).where(secret_scopes.c.id == identity)).first() is None:
        raise ResourceDoesNotExist(f"Scope {name} does not exist!")
    return identity


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def _valid(name: str, what: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidParameterValue(
            f"{name!r} is not a valid {what}: 1 to 128 letters, digits, dashes, underscores, periods and @"
        )
    return name


def _now() -> int:
    return int(time.time() * 1000)


def build(workspace: Workspace) -> Secrets:
    """The secrets of a workspace."""
    return Secrets(workspace)
