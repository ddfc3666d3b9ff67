"""Where the workspace's key is: in its directory, readable by its owner only, or in the keyring of the system.

The file `key` holds the key itself or, where the keyring has it, the name of its entry there.
"""

from __future__ import annotations

import logging
import os
import secrets
from base64 import b64decode, b64encode
from pathlib import Path
from types import ModuleType

from brickyard.errors import WorkspaceProcessError
from brickyard.workspace.layout import Layout

__all__ = ["KEY_BYTES", "KeyUnusable", "forget_entry", "keyring_entry", "move_to_keyring", "read_key", "write_new_key"]

KEY_BYTES = 32
_SERVICE = "brickyard"  # under which the keyring files its entries
_ELSEWHERE = "keyring:"
_log = logging.getLogger(__name__)


class KeyUnusable(Exception):
    """The key is missing or damaged, or cannot be read; says so in words that follow the key's place."""


def key_path(root: Path) -> Path:
    """The file of a workspace's key."""
    return root / "key"


def write_new_key(root: Path) -> bytes:
    """Make a key, in a file of mode 0600."""
    key = os.urandom(KEY_BYTES)
    Layout(root).write_private(key_path(root), b64encode(key).decode() + "\n")
    return key


def read_key(root: Path) -> bytes:
    """The key, from the file or from the keyring that it names.

    Raises:
        KeyUnusable: It is damaged, or the keyring does not answer.
        FileNotFoundError: There is none.
    """
    path = key_path(root)
    _make_private(path)
    text = path.read_text(errors="replace").strip()
    if text.startswith(_ELSEWHERE):
        text = _from_keyring(text.removeprefix(_ELSEWHERE))
    try:
        key = b64decode(text, validate=True)
    except ValueError as error:
        raise KeyUnusable("is damaged") from error
    if len(key) != KEY_BYTES:
        raise KeyUnusable("is damaged")
    return key


def move_to_keyring(root: Path) -> None:
    """Keep a workspace's key in the keyring of the system, from now on; its file then only names the entry.

    Raises:
        WorkspaceProcessError: There is no keyring, or it refuses.
    """
    path = key_path(root)
    if keyring_entry(root) is not None:
        return
    try:
        key = read_key(root) if path.exists() else os.urandom(KEY_BYTES)
        account = f"workspace {root.name} {secrets.token_hex(8)}"
        keyring = _keyring()
        try:
            keyring.set_password(_SERVICE, account, b64encode(key).decode())
        except keyring.errors.KeyringError as error:
            raise KeyUnusable(f"cannot be kept in the system's keyring: {_said(error)}") from error
        if _from_keyring(account) != b64encode(key).decode():
            raise KeyUnusable("cannot be kept in the system's keyring: it does not give back what it was given")
    except KeyUnusable as error:
        raise WorkspaceProcessError(
            f"the workspace's key {error}", where=str(path), next="start without --keyring to keep the key in that file"
        ) from error
    Layout(root).write_private(path, f"{_ELSEWHERE}{account}\n")


def keyring_entry(root: Path) -> str | None:
    """The entry of the keyring that has a workspace's key; nothing where the key is in its file."""
    path = key_path(root)
    text = path.read_text(errors="replace").strip() if path.exists() else ""
    return text.removeprefix(_ELSEWHERE) if text.startswith(_ELSEWHERE) else None


def forget_entry(entry: str) -> None:
    """Take the key of a workspace that was deleted out of the keyring; an entry that stays opens nothing any more."""
    try:
        _keyring().delete_password(_SERVICE, entry)
    except Exception as error:
        _log.warning("the keyring keeps its entry %r: %s", entry, _said(error))


def _from_keyring(account: str) -> str:
    keyring = _keyring()
    try:
        found: str | None = keyring.get_password(_SERVICE, account)
    except keyring.errors.KeyringError as error:
        raise KeyUnusable(f"cannot be read from the system's keyring: {_said(error)}") from error
    if found is None:
        raise KeyUnusable(f"is not in the system's keyring any more (entry {account!r} of {_SERVICE!r})")
    return found


def _keyring() -> ModuleType:
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise KeyUnusable("is for the system's keyring, which needs `pip install 'brickyard[keyring]'`") from error
    return keyring


def _make_private(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        path.chmod(0o600)
        _log.warning("%s could be read by others (mode %o); it is private now. Put the secrets again.", path, mode)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
