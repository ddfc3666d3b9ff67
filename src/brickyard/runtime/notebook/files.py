"""`%fs`: the commands of `dbutils.fs` as a cell, with options as on the vendor's command line."""

from __future__ import annotations

import shlex
import sys
from typing import Any

from brickyard.runtime import display
from brickyard.runtime.dbutils import dbutils
from brickyard.runtime.ending import NotSupported

__all__ = ["execute"]

#: Options by command, with their types; `-r` is `--recurse`.
_OPTIONS: dict[str, dict[str, type]] = {
    "cp": {"recurse": bool},
    "head": {"maxBytes": int},
    "help": {},
    "ls": {},
    "mkdirs": {},
    "mount": {"encryptionType": str, "owner": str},
    "mounts": {},
    "mv": {"recurse": bool},
    "put": {"overwrite": bool},
    "refreshMounts": {},
    "rm": {"recurse": bool},
    "unmount": {},
    "updateMount": {"encryptionType": str, "owner": str},
}
_SHORT = {"r": "recurse", "f": "overwrite"}
_NAMES = {"maxBytes": "max_bytes", "encryptionType": "encryption_type"}


def execute(body: str) -> None:
    """Execute a command, and show what it answers.

    Raises:
        NotSupported: There is no such command.
        ValueError: It has no such option, or other arguments.
    """
    name, *words = shlex.split(body) or ["help"]
    if name not in _OPTIONS:
        raise NotSupported(f"%fs {name} is not available in a local workspace; there are {', '.join(_OPTIONS)}")
    plain: list[str] = []
    options: dict[str, Any] = {}
    for word in words:
        if word[:1] == "-" and len(word) > 1:
            key, value = _option(name, word)
            options[_NAMES.get(key, key)] = value
        else:
            plain.append(word)
    try:
        result = getattr(dbutils().fs, name)(*plain, **options)
    except TypeError as error:
        raise ValueError(f"%fs {name}: these arguments do not fit; see dbutils.fs.help({name!r})") from error
    _show(result)


def _option(command: str, word: str) -> tuple[str, Any]:
    name, _, text = word.lstrip("-").partition("=")
    name = _SHORT.get(name, name)
    kind = _OPTIONS[command].get(name)
    if kind is None:
        known = ", ".join(f"--{one}" for one in _OPTIONS[command]) or "none"
        raise ValueError(f"%fs {command} has no option {word!r}; its options: {known}")
    if kind is bool:
        return name, text.lower() != "false"
    return name, kind(text)


def _show(result: Any) -> None:
    if isinstance(result, list):
        display.display(result)
    elif result is not None:
        sys.stdout.write(f"{str(result).lower() if isinstance(result, bool) else result}\n")
