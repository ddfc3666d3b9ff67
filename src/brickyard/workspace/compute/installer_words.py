"""What the installer of libraries is asked for, with files of the workspace as files on this machine."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.compute.environments import LibraryError
from brickyard.workspace.compute.requirements import requirement_lines

__all__ = ["installer_words"]

LocalPath = Callable[[str], Path]


def installer_words(items: Sequence[str], local_path: LocalPath, read: tuple[str, ...] = ()) -> list[str]:
    """Options word by word, and files of requirements line by line.

    Args:
        items: Requirements, options and paths.
        local_path: Where a path of the workspace is on this machine.
        read: The files of requirements that are being read; relative paths of others begin beside the last one.

    Raises:
        LibraryError: A file does not exist, cannot be read, or names itself.
    """
    found: list[str] = []
    following = iter(_words(items))
    for word in following:
        name, equals, value = word.partition("=")
        if name in ("-r", "--requirement"):
            named = _beside(read[-1] if read else "/", value if equals else next(following, ""))
            if named in read:
                raise LibraryError(f"the file of requirements {named} names itself")
            found += installer_words(_lines(_on_machine(named, local_path)), local_path, (*read, named))
        elif equals and name.startswith("--"):
            found.append(f"{name}={_on_machine(value, local_path)}")
        else:
            found.append(_on_machine(word, local_path))
    return found


def _words(items: Sequence[str]) -> list[str]:
    try:
        return [word for item in items for word in (shlex.split(item) if item.startswith("-") else [item])]
    except ValueError as error:
        raise LibraryError(f"a line of options cannot be read: {error}") from error


def _beside(other: str, item: str) -> str:
    """A path as it is; a relative one as it is beside another file."""
    if item.startswith(("/", "dbfs:", "file:")):
        return item
    return posixpath.normpath(posixpath.join(posixpath.dirname(other), item))


def _on_machine(item: str, local_path: LocalPath) -> str:
    """A requirement as it is; a file or directory of the workspace as what it is on this machine."""
    if not item.startswith(("/", "dbfs:", "file:")):
        return item
    try:
        place = Path(item.removeprefix("file:")) if item.startswith("file:") else local_path(item)
    except ApiError as error:
        raise LibraryError(f"the library {item} cannot be there: {error.message}") from error
    if not place.exists():
        raise LibraryError(f"the library {item} does not exist")
    return str(place)


def _lines(place: str) -> list[str]:
    try:
        return requirement_lines(Path(place))
    except (OSError, ValueError) as error:  # also one that is no text
        raise LibraryError(f"the file of requirements {place} cannot be read: {error}") from error
