"""Credentials for Git providers, of users and service principals; tokens are sealed with the workspace's key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from brickyard.workspace.store.repos import git_credentials as table

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from brickyard.workspace.secrets.vault import Vault
    from brickyard.workspace.store import Store

__all__ = ["PROVIDERS", "GitCredential", "GitCredentials", "provider_of"]

# Source: `databricks.sdk.service.workspace.GitCredentialsAPI.create`.
PROVIDERS = (
    "gitHub",
    "bitbucketCloud",
    "gitLab",
    "azureDevOpsServices",
    "gitHubEnterprise",
    "bitbucketServer",
    "gitLabEnterpriseEdition",
    "awsCodeCommit",
)
# With a token alone, these providers accept any user name but an empty one.
_ANY_USER = "x-access-token"


@dataclass(frozen=True)
class GitCredential:
    """A credential, without its token."""

    id: int
    principal_id: int
    provider: str
    name: str | None
    username: str | None
    email: str | None
    is_default: bool


class GitCredentials:
    """Keeps credentials; a principal sees its own.

    Args:
        store: The workspace's database.
        vault: What seals the tokens.
    """

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def create(self, principal_id: int, fields: Mapping[str, Any]) -> GitCredential:
        """Keep a credential; the first of a provider is its default.

        Raises:
            ResourceAlreadyExists: There is one of that name for the provider.
            InvalidParameterValue: A field is missing or wrong.
        """
        provider = provider_of(fields.get("git_provider"))
        name, token = _text(fields, "name"), _text(fields, "personal_access_token")
        if token is None:
            raise InvalidParameterValue("personal_access_token is required; sign-in by browser is not supported here")
        credential_id = secrets.randbelow(10**15) + 10**15
        with self._store.write() as connection:
            others = [one for one in _of(connection, principal_id) if one.provider == provider]
            _check_free(others, provider, name)
            is_default = not others or fields.get("is_default_for_provider") is True
            if is_default:
                _no_default(connection, principal_id, provider)
            connection.execute(
                insert(table).values(
                    id=credential_id,
                    principal_id=principal_id,
                    provider=provider,
                    name=name,
                    username=_text(fields, "git_username"),
                    email=_text(fields, "git_email"),
                    is_default=is_default,
                    sealed=self._vault.seal(token.encode(), _seal_name(credential_id)),
                )
            )
        return self.get(principal_id, credential_id)

    def list(self, principal_id: int) -> list[GitCredential]:
        """The principal's credentials."""
        with self._store.read() as connection:
            return _of(connection, principal_id)

    def get(self, principal_id: int, credential_id: int) -> GitCredential:
        """One of the principal's credentials.

        Raises:
            ResourceDoesNotExist: It has none with that number.
        """
        found = next((one for one in self.list(principal_id) if one.id == credential_id), None)
        if found is None:
            raise ResourceDoesNotExist(f"Git credential {credential_id} does not exist.")
        return found

    def update(self, principal_id: int, credential_id: int, fields: Mapping[str, Any]) -> None:
        """Change a credential; what is not given stays.

        Raises:
            ResourceDoesNotExist: The principal has none with that number.
            ResourceAlreadyExists: There is another one of that name for the provider.
            InvalidParameterValue: A field is wrong.
        """
        found = self.get(principal_id, credential_id)
        name = _text(fields, "name") if "name" in fields else found.name
        values: dict[str, Any] = {"provider": provider_of(fields.get("git_provider") or found.provider)}
        columns = {"name": "name", "git_username": "username", "git_email": "email"}
        values |= {columns[field]: _text(fields, field) for field in columns if field in fields}
        token = _text(fields, "personal_access_token")
        if token is not None:
            values["sealed"] = self._vault.seal(token.encode(), _seal_name(credential_id))
        with self._store.write() as connection:
            mine = [one for one in _of(connection, principal_id) if one.id != credential_id]
            others = [one for one in mine if one.provider == values["provider"]]
            _check_free(others, values["provider"], name)
            if values["provider"] != found.provider:
                values["is_default"] = not others
            if fields.get("is_default_for_provider") is True:
                _no_default(connection, principal_id, values["provider"])
                values["is_default"] = True
            connection.execute(update(table).where(table.c.id == credential_id).values(**values))

    def delete(self, principal_id: int, credential_id: int) -> None:
        """Forget a credential.

        Raises:
            ResourceDoesNotExist: The principal has none with that number.
        """
        self.get(principal_id, credential_id)
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.id == credential_id))

    def login(self, principal_id: int, provider: str, credential_id: int | None = None) -> tuple[str, str] | None:
        """User name and token with which a provider is asked; nothing where the principal has no credential of it.

        Raises:
            ResourceDoesNotExist: The principal has none with the given number.
        """
        if credential_id is not None:
            found: GitCredential | None = self.get(principal_id, credential_id)
        else:
            mine = [one for one in self.list(principal_id) if one.provider == provider]
            found = next((one for one in mine if one.is_default), mine[0] if mine else None)
        if found is None:
            return None
        with self._store.read() as connection:
            sealed = connection.execute(select(table.c.sealed).where(table.c.id == found.id)).scalar_one()
        token = self._vault.open(sealed, _seal_name(found.id)).decode()
        return found.username or found.email or _ANY_USER, token


def provider_of(name: object) -> str:
    """A provider by its name, in any case.

    Raises:
        InvalidParameterValue: There is none of that name.
    """
    found = next((one for one in PROVIDERS if isinstance(name, str) and one.lower() == name.lower()), None)
    if found is None:
        raise InvalidParameterValue(f"{name!r} is not a Git provider; known are {', '.join(PROVIDERS)}")
    return found


def _of(connection: Connection, principal_id: int) -> list[GitCredential]:
    rows = connection.execute(select(table).where(table.c.principal_id == principal_id).order_by(table.c.id))
    return [_credential(row) for row in rows]


def _credential(row: Row[tuple[object, ...]]) -> GitCredential:
    return GitCredential(row.id, row.principal_id, row.provider, row.name, row.username, row.email, row.is_default)


def _check_free(others: list[GitCredential], provider: str, name: str | None) -> None:
    if any(one.name == name for one in others):
        raise ResourceAlreadyExists(
            "Only one credential per provider is allowed without a name of its own:"
            f" there is one of {provider} already; change it, delete it, or give another name."
        )


def _no_default(connection: Connection, principal_id: int, provider: str) -> None:
    mine = (table.c.principal_id == principal_id) & (table.c.provider == provider)
    connection.execute(update(table).where(mine).values(is_default=False))


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and (not isinstance(value, str) or not value or "\n" in value or "\0" in value):
        raise InvalidParameterValue(f"{name} must be text of one line")
    return value


def _seal_name(credential_id: int) -> str:
    return f"git-credential/{credential_id}"
