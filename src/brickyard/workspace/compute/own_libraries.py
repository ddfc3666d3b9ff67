"""Libraries that a task has installed for itself, and takes away again."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

from brickyard.runtime.ending import NotSupported

__all__ = ["uninstall"]


def uninstall(names: Sequence[str], site: Path) -> str:
    """Remove libraries from a task's own directory; what became of each.

    Raises:
        NotSupported: One is of the runtime or of the task's libraries, which other tasks have, too.
    """
    own = {_key(one.name): one for one in importlib.metadata.distributions(path=[str(site)])}
    said = []
    for name in names:
        found = own.get(_key(name))
        if found is not None:
            said.append(f"Successfully uninstalled {found.name}-{found.version}\n")
            _remove(found, site)
        elif _is_installed(name):
            raise NotSupported(
                f"%pip uninstall {name}: it belongs to the runtime or to the libraries of the task or cluster, which "
                "others use, too; what %pip install has installed can be removed"
            )
        else:
            said.append(f"WARNING: Skipping {name} as it is not installed.\n")
    importlib.invalidate_caches()
    return "".join(said)


def _remove(found: importlib.metadata.Distribution, site: Path) -> None:
    """Remove a distribution's files, and the directories that are empty then."""
    places = [Path(str(found.locate_file(file))) for file in found.files or ()]
    for place in places:
        if place.resolve().is_relative_to(site.resolve()):
            place.unlink(missing_ok=True)
    for directory in sorted({parent for place in places for parent in place.parents}, reverse=True):
        inside = directory != site and directory.is_relative_to(site)
        if inside and directory.is_dir() and all(one.name == "__pycache__" for one in directory.iterdir()):
            _clear(directory)


def _clear(directory: Path) -> None:
    for cache in directory.iterdir():
        for file in cache.iterdir():
            file.unlink()
        cache.rmdir()
    directory.rmdir()


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _key(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
