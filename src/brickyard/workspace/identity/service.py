"""Who calls: principals by their tokens, of which only a hash is stored."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from brickyard.workspace.api.errors import ResourceDoesNotExist, Unauthenticated
from brickyard.workspace.identity.audit import Audit
from brickyard.workspace.identity.permissions import Permissions
from brickyard.workspace.identity.principals import Principal, Principals
from brickyard.workspace.store.identity import tokens

if TYPE_CHECKING:
    from brickyard.workspace.store import Store
    from brickyard.workspace.workspace import Workspace

__all__ = ["Identity", "Principal", "TokenRecord", "build"]

_DAY = 24 * 3600 * 1000


@dataclass(frozen=True)
class TokenRecord:
    """What is known of a token, without its value. Times are epoch milliseconds."""

    id: str
    comment: str
    created_at: int
    expires_at: int | None


@dataclass(frozen=True)
class _Known:
    """A token that was accepted before."""

    id: str
    principal_id: int
    expires_at: int | None
    used_on: int


class Identity:
    """Authenticates calls and keeps tokens.

    Attributes:
        principals: Users, service principals and groups.
        permissions: Who may do what with which object.
        audit: The record of what was changed and what was refused.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, _Known] = {}
        self.principals = Principals(store)
        self.permissions = Permissions(store)
        self.audit = Audit(store)

    @property
    def owner(self) -> Principal:
        """The user who made the workspace."""
        return self.principals.owner

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
        now = _now()
        if known.expires_at is not None and known.expires_at <= now:
            raise Unauthenticated("The token has expired.")
        if known.used_on != now // _DAY:
            self._used(digest, known, now)
        try:
            return self.principals.get(known.principal_id)
        except ResourceDoesNotExist as error:
            raise Unauthenticated("The token's user is not active in this workspace.") from error

    def _load(self, digest: str) -> _Known | None:
        with self._store.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.hash == digest)).first()
        if row is None:
            return None
        found = _Known(row.id, row.principal_id, row.expires_at, (row.last_used_at or 0) // _DAY)
        self._known[digest] = found
        return found

    def _used(self, digest: str, known: _Known, now: int) -> None:
        """Write down that a token was used; once a day is what the vendor shows."""
        self._known[digest] = replace(known, used_on=now // _DAY)
        with self._store.write() as connection:
            connection.execute(update(tokens).where(tokens.c.id == known.id).values(last_used_at=now))

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
        return self.principals.named(user_name)


def build(workspace: Workspace) -> Identity:
    """The identity service of a workspace."""
    return Identity(workspace.store)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def _now() -> int:
    return int(time.time() * 1000)
