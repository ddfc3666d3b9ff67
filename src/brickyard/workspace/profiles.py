"""Profiles of local workspaces in configuration files of the Databricks tools; other sections stay as they are."""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import re
from collections.abc import Iterator
from pathlib import Path

from brickyard.errors import UsageError, WorkspaceProcessError
from brickyard.workspace.layout import Layout, home

__all__ = ["own_file", "remove", "write"]


def own_file() -> Path:
    """The file with a profile for each local workspace."""
    return home() / "databrickscfg"


def write(file: Path, name: str, host: str, token: str) -> None:
    """Put a profile into a file, in the place of the workspace's older one.

    Raises:
        UsageError: The file has a profile of that name for somewhere else, or cannot be read.
        WorkspaceProcessError: It cannot be written.
    """
    with _alone():
        text = _read(file)
        present = _hosts(file, text).get(name)
        if file != own_file() and present is not None and not _is_local(present) and present != host:
            raise UsageError(
                f"there is a profile {name!r} already, for {present}",
                where=str(file),
                next="name another file by DATABRICKS_CONFIG_FILE, or rename that profile",
            )
        _save(file, f"{_without(text, name)}[{name}]\nhost = {host}\ntoken = {token}\n")


def remove(file: Path, name: str) -> None:
    """Take a profile out of a file; does nothing where it has none of that name."""
    with _alone():
        text = _read(file)
        if f"[{name}]" in text:
            _save(file, _without(text, name))


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Workspaces that start at the same time do not lose each other's profiles."""
    try:
        home().mkdir(parents=True, exist_ok=True)
        lock = (home() / ".databrickscfg.lock").open("w")
    except OSError as error:
        raise WorkspaceProcessError(
            f"the profiles cannot be written: {error.strerror}", where=str(home()), next="make room or give access"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _without(text: str, name: str) -> str:
    """The text without one section; what is left ends with an empty line.

    Comments before the next section are that one's.
    """
    section = rf"(?ms)^\[{re.escape(name)}\][^\n]*\n.*?(?=(?:^[ \t]*(?:[#;][^\n]*)?\n)*(?:^\[|\Z))"
    left = re.sub(section, "", text if text.endswith("\n") or not text else f"{text}\n").rstrip("\n")
    return f"{left}\n\n" if left else ""


def _hosts(file: Path, text: str) -> dict[str, str]:
    profiles = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        profiles.read_string(text)
    except configparser.Error as error:
        raise UsageError(
            f"the profiles cannot be read: {error.message.splitlines()[0]}", where=str(file), next="correct the file"
        ) from error
    return {name: profiles.get(name, "host", fallback="") for name in profiles.sections()}


def _is_local(host: str) -> bool:
    """Whether a host is a local workspace's, of now or of before: their tokens are made here and lost with them."""
    return bool(re.match(r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/?$", host.strip()))


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the profiles cannot be read: {error}", where=str(file), next="correct the file") from error


def _save(file: Path, text: str) -> None:
    target = file.resolve()  # a link stays one
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceProcessError(f"the file cannot be written: {error.strerror}", where=str(file)) from error
    Layout(home()).write_private(target, text)
