"""Links to files of the workspace that need no token: signed, and good for some minutes."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from urllib.parse import urlencode

from brickyard.workspace.api.errors import PermissionDenied

__all__ = ["require_signed", "signed"]

_SECONDS = 900
#: Links are good for this process only.
_KEY = secrets.token_bytes(32)


def signed(path: str) -> tuple[str, float]:
    """The path with what makes it a link, and until when it is good, in seconds since the epoch."""
    expires = int(time.time()) + _SECONDS
    return f"{path}?{urlencode({'expires': expires, 'signature': _signature(path, str(expires))})}", expires


def require_signed(path: str, query: Mapping[str, str]) -> None:
    """Refuse the address of a request that is no such link, or one that was good until some time ago.

    Raises:
        PermissionDenied: It is not to be answered.
    """
    expires, given = query.get("expires", ""), query.get("signature", "").encode()
    if not hmac.compare_digest(_signature(path, expires).encode(), given):
        raise PermissionDenied("The link is not one of this workspace.")
    if float(expires) < time.time():
        raise PermissionDenied("The link has expired; ask for another one.")


def _signature(path: str, expires: str) -> str:
    return hmac.new(_KEY, f"{path} {expires}".encode(), "sha256").hexdigest()
