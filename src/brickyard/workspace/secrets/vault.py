"""Encryption of secret values with the workspace's key, which is not in the database."""

from __future__ import annotations

import os
from pathlib import Path

from brickyard.workspace.api.errors import InternalError
from brickyard.workspace.secrets.keys import KeyUnusable, read_key, write_new_key

__all__ = ["Vault"]

_NONCE_BYTES = 12


class Vault:
    """Seals and opens values with AES-256-GCM.

    Args:
        root: The workspace's directory; its file `key` is the key, or names the entry of the keyring that has it.
        sealed: Whether there are sealed values already, so that a missing key is a fault and no new one is made.

    Raises:
        InternalError: The key is missing or damaged.
    """

    def __init__(self, root: Path, *, sealed: bool) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._path = root / "key"
        try:
            self._cipher = AESGCM(self._key(root, sealed))
        except KeyUnusable as error:
            raise self._fault(str(error)) from error

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

    def _key(self, root: Path, sealed: bool) -> bytes:
        if self._path.exists():
            return read_key(root)
        if sealed:
            raise KeyUnusable("is missing, and the stored secrets cannot be read without it")
        return write_new_key(root)

    def _fault(self, what: str) -> InternalError:
        return InternalError(
            f"The workspace's key {self._path} {what}. Restore it from a copy,"
            " or delete the secret scopes and put the secrets again."
        )
