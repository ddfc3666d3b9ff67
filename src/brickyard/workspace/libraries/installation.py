"""The installation of libraries that one environment has together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.environments import LibraryError
from brickyard.workspace.libraries.kinds import name_of, words_of

__all__ = ["Installed", "install"]

Build = Callable[[Sequence[str]], Path]


@dataclass(frozen=True)
class Installed:
    """What came of it.

    Attributes:
        directory: Where they are; nothing where none could be installed.
        failures: Why others could not be, in the installer's words, by name.
    """

    directory: Path | None
    failures: Mapping[str, str]


def install(libraries: Sequence[Mapping[str, Any]], build: Build) -> Installed:
    """Install libraries so that they go together.

    Where they do not go together, or one of them cannot be installed, they are added one after the other in their
    order, and those that do not go with the ones before them are left out.

    Args:
        libraries: The vendor's `Library` each.
        build: Makes a directory with what pip is asked for, or finds the one that was made before.
    """
    if not libraries:
        return Installed(None, {})
    try:
        return Installed(build(_words(libraries)), {})
    except LibraryError as error:
        if len(libraries) == 1:
            return Installed(None, {name_of(libraries[0]): str(error)})
    kept: list[Mapping[str, Any]] = []
    directory: Path | None = None
    failures: dict[str, str] = {}
    for library in libraries:
        try:
            directory = build(_words([*kept, library]))
            kept.append(library)
        except LibraryError as error:
            failures[name_of(library)] = str(error)
    return Installed(directory, failures)


def _words(libraries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [word for library in libraries for word in words_of(library)]
