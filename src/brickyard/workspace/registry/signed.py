"""Addresses of files that need no token of their own: whoever is told one may read the file for some minutes."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path

from brickyard.workspace.api.errors import ResourceDoesNotExist

__all__ = ["SignedFiles"]

_SECONDS = 900.0


class SignedFiles:
    """What was signed by this process; nothing of it is kept on disk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signed: dict[str, tuple[Path, float]] = {}

    def sign(self, file: Path) -> str:
        """A secret that stands for a file."""
        secret, now = secrets.token_urlsafe(32), time.monotonic()
        with self._lock:
            self._signed = {key: one for key, one in self._signed.items() if one[1] > now}
            self._signed[secret] = (file, now + _SECONDS)
        return secret

    def file(self, secret: str) -> Path:
        """The file that a secret stands for.

        Raises:
            ResourceDoesNotExist: It was never given out, or is too old.
        """
        with self._lock:
            file, until = self._signed.get(secret, (None, 0.0))
        if file is None or until <= time.monotonic():
            raise ResourceDoesNotExist("This address of a file is not valid, or not any more; ask for another one.")
        return file
