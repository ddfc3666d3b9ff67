"""Principals and personal access tokens; only a hash of a token is stored."""

from __future__ import annotations

import getpass
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from brickyard.workspace.api.errors import ResourceDoesNotExist, Unauthenticated
from brickyard.workspace.store.identity import principals, tokens

if TYPE_CHECKING:
    from brickyard.workspace.store import Store
    from brickyard.workspace.workspace import Workspace

__all__ = ["Identity", "Principal", "TokenRecord", "build"]


@dataclass(frozen=True)
class Principal:
    """A user of the workspace."""

    id: int
    user_name: str
    display_name: str


@dataclass(frozen=True)
class TokenRecord:
    """What is known of a token, without its value. Times are epoch milliseconds."""

    id: str
    comment: str
    created_at: int
    expires_at: int | None


class Identity:
    """Authenticates calls and keeps tokens."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[Principal, int | None]] = {}
        self.owner = self._ensure_owner()

    def _ensure_owner(self) -> Principal:
        with self._store.write() as connection:
            row = connection.execute(select(principals).order_by(principals.c.id)).first()
            if row is None:
                name = getpass.getuser()
                values = {
                    "id": secrets.randbelow(10**15) + 10**15,
                    "user_name": f"{name}@localhost",
                    "display_name": name,
                    "active": True,
                }
                connection.execute(insert(principals).values(**values))
                row = connection.execute(select(principals)).one()
        return Principal(row.id, row.user_name, row.display_name)

    def authenticate(self, authorization: str | None) -> Principal:
        """The principal behind an `Authorization` header.

        Raises:
            Unauthenticated: There is no bearer token, or it is unknown, expired or of another workspace.
        """
        scheme, _, value = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not value:
            raise Unauthenticated("Credential was not sent or was of an unsupported type for this API.")
        digest = _digest(value.strip())
        known = self._known.get(digest) or self._load(digest)
        if known is None:
            raise Unauthenticated("The token is not valid for this workspace.")
        principal, expires_at = known
        if expires_at is not None and expires_at <= _now():
            raise Unauthenticated("The token has expired.")
        return principal

    def _load(self, digest: str) -> tuple[Principal, int | None] | None:
        query = select(principals, tokens.c.expires_at).join(tokens).where(tokens.c.hash == digest)
        with self._store.read() as connection:
            row = connection.execute(query).first()
        if row is None or not row.active:
            return None
        found = (Principal(row.id, row.user_name, row.display_name), row.expires_at)
        self._known[digest] = found
        return found

    def create_token(
        self, principal: Principal, comment: str, lifetime_seconds: int | None = None, *, listed: bool = True
    ) -> tuple[str, TokenRecord]:
        """Issue a token; its value is shown this once.

        Args:
            principal: On whose behalf.
            comment: What it is for.
            lifetime_seconds: How long it is accepted; without it, until it is deleted.
            listed: Whether the owner sees it among the tokens.
        """
        value = "dapi" + secrets.token_hex(16)
        now = _now()
        expires_at = None if lifetime_seconds is None else now + lifetime_seconds * 1000
        record = TokenRecord(secrets.token_hex(32), comment, now, expires_at)
        with self._store.write() as connection:
            connection.execute(
                insert(tokens).values(
                    id=record.id,
                    hash=_digest(value),
                    principal_id=principal.id,
                    comment=comment,
                    created_at=now,
                    expires_at=expires_at,
                    listed=listed,
                )
            )
        return value, record

    def issue_token(self, principal: Principal, comment: str, lifetime_seconds: int | None = None) -> str:
        """A token for a task or process of the workspace itself; not listed among the user's."""
        return self.create_token(principal, comment, lifetime_seconds, listed=False)[0]

    def revoke_token(self, value: str) -> None:
        """End a token by its value; does nothing where it is unknown."""
        digest = _digest(value)
        with self._store.write() as connection:
            connection.execute(delete(tokens).where(tokens.c.hash == digest))
        self._known.pop(digest, None)

    def delete_token(self, principal: Principal, token_id: str) -> None:
        """End one of the principal's tokens by its id.

        Raises:
            ResourceDoesNotExist: The principal has no such token.
        """
        mine = (tokens.c.id == token_id) & (tokens.c.principal_id == principal.id)
        with self._store.write() as connection:
            digest = connection.execute(select(tokens.c.hash).where(mine)).scalar()
            if digest is None:
                raise ResourceDoesNotExist(f"Token {token_id} does not exist")
            connection.execute(delete(tokens).where(mine))
        self._known.pop(digest, None)

    def list_tokens(self, principal: Principal) -> list[TokenRecord]:
        """The principal's own tokens, oldest first."""
        mine = (tokens.c.principal_id == principal.id) & tokens.c.listed
        with self._store.read() as connection:
            rows = connection.execute(select(tokens).where(mine).order_by(tokens.c.created_at)).all()
        return [TokenRecord(row.id, row.comment, row.created_at, row.expires_at) for row in rows]

    def principal_named(self, user_name: str) -> Principal:
        """The principal of that name.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        with self._store.read() as connection:
            row = connection.execute(select(principals).where(principals.c.user_name == user_name)).first()
        if row is None:
            raise ResourceDoesNotExist(f"User {user_name} does not exist")
        return Principal(row.id, row.user_name, row.display_name)


def build(workspace: Workspace) -> Identity:
    """The identity service of a workspace."""
    return Identity(workspace.store)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def _now() -> int:
    return int(time.time() * 1000)
