"""What callers sign in with: personal access tokens, and those of tasks and of OAuth. Only hashes are stored."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, delete, false, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from brickyard.workspace.api.errors import ApiError, ResourceDoesNotExist, Unauthenticated
from brickyard.workspace.clock import now
from brickyard.workspace.store.identity import principals, tokens

if TYPE_CHECKING:
    from brickyard.workspace.identity.principals import Principal
    from brickyard.workspace.store import Store

__all__ = ["QuotaExceeded", "TokenRecord", "Tokens", "digest"]

_log = logging.getLogger(__name__)
_DAY = 24 * 3600 * 1000
_MOST = 600  # of the vendor: so many personal access tokens a user or service principal


class QuotaExceeded(ApiError):
    """There are as many as there can be."""

    status, code = 400, "QUOTA_EXCEEDED"


@dataclass(frozen=True)
class TokenRecord:
    """What is known of a token, without its value. Times are epoch milliseconds.

    Attributes:
        id: Its name in the API.
        comment: What it is for.
        created_at: When it was made.
        expires_at: When it ends; nothing where only its deletion ends it.
        owner_id: Who it signs in.
        created_by: Who made it; an administrator can, on behalf of a service principal.
        used_on: The start of the day of its last use; nothing where it was not used.
    """

    id: str
    comment: str
    created_at: int
    expires_at: int | None
    owner_id: int = 0
    created_by: int = 0
    used_on: int | None = None


@dataclass(frozen=True)
class _Known:
    """A token that was accepted before."""

    id: str
    principal_id: int
    expires_at: int | None
    used_on: int


class Tokens:
    """Issues, checks and ends tokens. What was accepted once is kept in memory: a check is then a look-up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="token-use")  # starts its thread when first needed

    def close(self) -> None:
        """Write down what is still to be written down."""
        self._writer.shutdown()

    def check(self, value: str) -> int:
        """The number of the principal that a token signs in.

        Raises:
            Unauthenticated: It is unknown, expired or of another workspace.
        """
        key = digest(value)
        known = self._known.get(key) or self._load(key)
        if known is None:
            raise Unauthenticated("The token is not valid for this workspace.")
        used_at = now()
        if known.expires_at is not None and known.expires_at <= used_at:
            self._known.pop(key, None)
            raise Unauthenticated("The token has expired.")
        if known.used_on != used_at // _DAY:
            with self._lock:
                if key in self._known:  # else it was ended meanwhile, and must not come back
                    self._known[key] = replace(known, used_on=used_at // _DAY)
            self._writer.submit(self._used, known.id, used_at)
        return known.principal_id

    def create(
        self,
        principal: Principal,
        comment: str,
        lifetime_seconds: int | None = None,
        *,
        listed: bool = True,
        created_by: Principal | None = None,
        value: str | None = None,
    ) -> tuple[str, TokenRecord]:
        """Issue a token; its value is shown this once.

        Args:
            principal: On whose behalf.
            comment: What it is for.
            lifetime_seconds: How long it is accepted; without it, until it is deleted.
            listed: Whether it is a personal access token, which its owner and administrators see.
            created_by: Who makes it, where that is somebody else.
            value: The value; without it, one is made up.

        Raises:
            QuotaExceeded: The principal has as many as it can have.
            ResourceDoesNotExist: The principal was deleted.
        """
        value, created_at = value or "dapi" + secrets.token_hex(16), now()
        expires_at = None if lifetime_seconds is None else created_at + lifetime_seconds * 1000
        maker = (created_by or principal).id
        record = TokenRecord(secrets.token_hex(32), comment, created_at, expires_at, principal.id, maker)
        row = {
            "id": record.id,
            "hash": digest(value),
            "principal_id": principal.id,
            "comment": comment,
            "created_at": created_at,
            "expires_at": expires_at,
            "listed": listed,
            "created_by": maker,
        }
        with self._store.write() as connection:
            if connection.execute(select(principals.c.id).where(principals.c.id == principal.id)).first() is None:
                raise ResourceDoesNotExist(f"Principal {principal.user_name} does not exist")
            mine = select(func.count()).where(_listed() & _valid(created_at) & (tokens.c.principal_id == principal.id))
            if listed and (connection.execute(mine).scalar() or 0) >= _MOST:
                raise QuotaExceeded(f"{principal.user_name} has {_MOST} tokens; delete one that is not needed.")
            connection.execute(delete(tokens).where(~_listed() & (tokens.c.expires_at <= created_at)))
            connection.execute(insert(tokens).values(**row))
        self._forget_expired(created_at)
        return value, record

    def revoke(self, value: str) -> None:
        """End a token by its value; does nothing where it is unknown."""
        self._end(tokens.c.hash == digest(value))

    def revoke_of(self, comment: str) -> None:
        """End the tokens, not listed, that were issued for something: processes that a killed server left behind."""
        self._end(~_listed() & (tokens.c.comment == comment))

    def delete(self, token_id: str, owner: Principal | None = None) -> None:
        """End a token by its id.

        Args:
            token_id: Its id.
            owner: Whose it must be; without one, it can be any that is listed.

        Raises:
            ResourceDoesNotExist: There is no such token.
        """
        if not self._end(_is(token_id) & _of(owner)):
            raise ResourceDoesNotExist(f"Token {token_id} does not exist")

    def rename(self, token_id: str, comment: str, owner: Principal | None = None) -> TokenRecord:
        """Change the comment of a token; see `delete`.

        Raises:
            ResourceDoesNotExist: There is no such token.
        """
        which = _is(token_id) & _listed() & _of(owner)
        with self._store.write() as connection:
            connection.execute(update(tokens).where(which).values(comment=comment))
            row = connection.execute(select(tokens).where(which)).first()
        if row is None:
            raise ResourceDoesNotExist(f"Token {token_id} does not exist")
        return _record(row)

    def get(self, token_id: str) -> TokenRecord:
        """A personal access token of anybody.

        Raises:
            ResourceDoesNotExist: There is no such token.
        """
        with self._store.read() as connection:
            row = connection.execute(select(tokens).where(_is(token_id) & _listed())).first()
        if row is None:
            raise ResourceDoesNotExist(f"Token {token_id} does not exist")
        return _record(row)

    def records(self, owner: Principal | None = None, created_by: int | None = None) -> list[TokenRecord]:
        """Personal access tokens that are accepted, oldest first.

        Args:
            owner: Whose; without it, everybody's.
            created_by: Only those that a principal made.
        """
        query = select(tokens).where(_listed() & _valid(now())).order_by(tokens.c.created_at, tokens.c.id)
        if owner is not None:
            query = query.where(tokens.c.principal_id == owner.id)
        if created_by is not None:
            query = query.where(func.coalesce(tokens.c.created_by, tokens.c.principal_id) == created_by)
        with self._store.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def _load(self, key: str) -> _Known | None:
        with self._lock:  # so that what was read before a deletion is not remembered after it
            with self._store.read() as connection:
                row = connection.execute(select(tokens).where(tokens.c.hash == key)).first()
            if row is None:
                return None
            found = self._known[key] = _Known(row.id, row.principal_id, row.expires_at, (row.last_used_at or 0) // _DAY)
        return found

    def _forget_expired(self, moment: int) -> None:
        with self._lock:
            for key, known in list(self._known.items()):
                if known.expires_at is not None and known.expires_at <= moment:
                    self._known.pop(key, None)

    def _used(self, token_id: str, moment: int) -> None:
        """Write down that a token was used; once a day is what the vendor shows."""
        try:
            with self._store.write() as connection:
                connection.execute(update(tokens).where(tokens.c.id == token_id).values(last_used_at=moment))
        except SQLAlchemyError:  # the caller did nothing wrong: its call goes on
            _log.exception("the use of the token %s could not be written down", token_id)

    def _end(self, which: ColumnElement[bool]) -> bool:
        with self._store.write() as connection:
            keys = list(connection.execute(select(tokens.c.hash).where(which)).scalars())
            connection.execute(delete(tokens).where(which))
        with self._lock:
            for key in keys:
                self._known.pop(key, None)
        return bool(keys)


def digest(value: str) -> str:
    """What is stored of a token or secret: from it, nobody gets back to the value."""
    return hashlib.sha256(value.encode()).hexdigest()


def _listed() -> ColumnElement[bool]:
    return tokens.c.listed.is_(True)


def _valid(moment: int) -> ColumnElement[bool]:
    return tokens.c.expires_at.is_(None) | (tokens.c.expires_at > moment)


def _is(token_id: str) -> ColumnElement[bool]:
    return tokens.c.id == token_id if token_id.isalnum() else false()


def _of(owner: Principal | None) -> ColumnElement[bool]:
    return _listed() if owner is None else tokens.c.principal_id == owner.id


def _record(row: Row[Any]) -> TokenRecord:
    used_on = None if row.last_used_at is None else row.last_used_at // _DAY * _DAY
    maker = row.created_by or row.principal_id
    return TokenRecord(row.id, row.comment, row.created_at, row.expires_at, row.principal_id, maker, used_on)
