"""Who is signed in to the pages: a cookie names a session, and a session is good for reading pages only.

The cookie does not hold the token: browsers send cookies to every port of a host, so to other programs on this
machine as well. What they could read this way opens the pages, and never the API.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import Unauthenticated

if TYPE_CHECKING:
    from brickyard.workspace.identity import Identity, Principal

__all__ = ["LIFETIME_SECONDS", "Sessions"]

LIFETIME_SECONDS = 12 * 60 * 60
_MOST = 256


@dataclass(frozen=True)
class _Session:
    authorization: str
    ends_at: float


class Sessions:
    """The sessions of this process; a restart of the workspace ends them all."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def open(self, token: str) -> str:
        """Begin a session; answers the value of its cookie.

        Raises:
            Unauthenticated: The token is not one of this workspace.
        """
        authorization = f"Bearer {token}"
        self._identity.authenticate(authorization)
        value = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._sessions) >= _MOST:
                self._sessions.pop(next(iter(self._sessions)))  # the oldest
            self._sessions[value] = _Session(authorization, time.monotonic() + LIFETIME_SECONDS)
        return value

    def principal(self, value: str | None) -> Principal | None:
        """Who signed in, while the session lasts and its token is accepted; the token may be revoked meanwhile."""
        session = self._sessions.get(value or "")
        if session is None or value is None:
            return None
        if session.ends_at > time.monotonic():
            try:
                return self._identity.authenticate(session.authorization)
            except Unauthenticated:
                pass  # revoked or expired: the session ends with it
        self.close(value)
        return None

    def close(self, value: str) -> None:
        """End a session; nothing happens where there is none."""
        with self._lock:
            self._sessions.pop(value, None)
