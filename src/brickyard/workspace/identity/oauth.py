"""Service principals sign in with a secret of theirs (OAuth 2.0, client credentials: RFC 6749, section 4.4)."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from brickyard.workspace.api.errors import ResourceDoesNotExist
from brickyard.workspace.clock import now
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.identity.tokens import QuotaExceeded, digest
from brickyard.workspace.store.identity import oauth_secrets, principals

if TYPE_CHECKING:
    from brickyard.workspace.identity.principals import Principal, Principals
    from brickyard.workspace.identity.tokens import Tokens
    from brickyard.workspace.store import Store

__all__ = ["ACCESS_SECONDS", "OAuth", "SecretRecord"]

ACCESS_SECONDS = 3600
LONGEST_SECRET_SECONDS = 730 * 24 * 3600
_MOST = 5  # of the vendor: so many secrets a service principal


@dataclass(frozen=True)
class SecretRecord:
    """What is known of a secret, without its value. Times are epoch milliseconds."""

    id: str
    hash: str
    created_at: int
    expires_at: int


class OAuth:
    """Keeps the secrets of service principals and exchanges them for access tokens.

    Args:
        store: The database.
        known: Users and service principals.
        tokens: Issues the access tokens.
    """

    def __init__(self, store: Store, known: Principals, tokens: Tokens) -> None:
        self._store = store
        self._known = known
        self._tokens = tokens

    def create_secret(self, principal_id: int, lifetime_seconds: int) -> tuple[str, SecretRecord]:
        """Make a secret for a service principal; its value is shown this once.

        Raises:
            ResourceDoesNotExist: There is no such service principal.
            QuotaExceeded: It has as many as it can have.
        """
        value, created_at = f"dose{secrets.token_hex(16)}", now()
        record = SecretRecord(secrets.token_hex(16), digest(value), created_at, created_at + lifetime_seconds * 1000)
        with self._store.write() as connection:
            is_one = (principals.c.id == principal_id) & (principals.c.kind == Kind.SERVICE_PRINCIPAL.value)
            if connection.execute(select(principals.c.id).where(is_one)).first() is None:
                raise ResourceDoesNotExist(f"Service principal {principal_id} does not exist")
            mine = (oauth_secrets.c.principal_id == principal_id) & (oauth_secrets.c.expires_at > created_at)
            if (connection.execute(select(func.count()).where(mine)).scalar() or 0) >= _MOST:
                raise QuotaExceeded(f"Service principal {principal_id} has {_MOST} secrets; delete one first.")
            values = {"id": record.id, "hash": record.hash, "created_at": created_at, "expires_at": record.expires_at}
            connection.execute(insert(oauth_secrets).values(principal_id=principal_id, **values))
        return value, record

    def secrets_of(self, principal_id: int) -> list[SecretRecord]:
        """The secrets of a service principal, oldest first."""
        query = select(oauth_secrets).where(oauth_secrets.c.principal_id == principal_id)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(oauth_secrets.c.created_at, oauth_secrets.c.id)).all()
        return [SecretRecord(row.id, row.hash, row.created_at, row.expires_at) for row in rows]

    def delete_secret(self, principal_id: int, secret_id: str) -> None:
        """End a secret; access tokens that it gave end in their own time.

        Raises:
            ResourceDoesNotExist: The service principal has no such secret.
        """
        which = (oauth_secrets.c.principal_id == principal_id) & (oauth_secrets.c.id == secret_id)
        with self._store.write() as connection:
            found = secret_id.isalnum() and connection.execute(delete(oauth_secrets).where(which)).rowcount
        if not found:
            raise ResourceDoesNotExist(f"Secret {secret_id} does not exist")

    def sign_in(self, client_id: str, client_secret: str) -> tuple[str, Principal] | None:
        """An access token for an hour, and whose it is; nothing where the application id or the secret is wrong."""
        try:
            principal = self._known.named(client_id)
        except ResourceDoesNotExist:
            return None
        at, given = now(), digest(client_secret)
        fits = [one.expires_at > at for one in self.secrets_of(principal.id) if hmac.compare_digest(one.hash, given)]
        if principal.kind is not Kind.SERVICE_PRINCIPAL or True not in fits:
            return None
        value = secrets.token_urlsafe(48)
        self._tokens.create(principal, "OAuth", ACCESS_SECONDS, listed=False, value=value)
        return value, principal
