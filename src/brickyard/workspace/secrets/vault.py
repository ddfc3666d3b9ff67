"""Encryption of secret values with a key that is kept beside the database, readable by its owner only."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from pathlib import Path

from brickyard.workspace.api.errors import InternalError
from brickyard.workspace.layout import Layout

__all__ = ["Vault"]

_NONCE_BYTES = 12
_KEY_BYTES = 32


class Vault:
    """Seals and opens values with AES-256-GCM.

    Args:
        root: The workspace's directory; the key is its file `key`, mode 0600.
        sealed: Whether there are sealed values already, so that a missing key is a fault and no new one is made.

    Raises:
        InternalError: The key is missing or damaged.
    """

    def __init__(self, root: Path, *, sealed: bool) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._path = root / "key"
        if not self._path.exists():
            if sealed:
                raise self._fault("is missing, and the stored secrets cannot be read without it")
            key = AESGCM.generate_key(bit_length=_KEY_BYTES * 8)
            Layout(root).write_private(self._path, b64encode(key).decode() + "\n")
        self._cipher = AESGCM(self._read())

    def seal(self, value: bytes, name: str) -> bytes:
        """Encrypt a value; it can be opened only under the same name, so no value can take the place of another."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """Decrypt a value.

        Raises:
            InternalError: It was sealed with another key or under another name, or is damaged.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except InvalidTag as error:
            raise self._fault(f"does not open the secret {name!r}") from error

    def _read(self) -> bytes:
        try:
            key = b64decode(self._path.read_text(), validate=False)
        except ValueError as error:
            raise self._fault("is damaged") from error
        if len(key) != _KEY_BYTES:
            raise self._fault("is damaged")
        return key

    def _fault(self, what: str) -> InternalError:
        return InternalError(
            f"The workspace's key {self._path} {what}. Restore it from a copy,"
            " or delete the secret scopes and put the secrets again."
        )
