"""A data directory outside of the workspace's own: whose it is, and that it is nobody else's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from brickyard.errors import UsageError, WorkspaceProcessError
from brickyard.workspace.layout import Layout, Settings, layouts

__all__ = ["MARK", "absolute", "check", "check_empty", "claim", "clear"]

#: Says whose a directory is.
MARK = ".brickyard-workspace.json"


def absolute(given: str) -> str:
    """The directory as it is kept.

    Raises:
        UsageError: It is not a directory.
    """
    path = Path(given).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise UsageError("the data directory is a file", where=str(path), next="name a directory")
    return str(path)


def check(layout: Layout, before: Settings, wanted: Settings) -> None:
    """Make sure that a start may use the directory.

    Raises:
        UsageError: It is another's, has other files in it, or the workspace has its data elsewhere.
        WorkspaceProcessError: It was this workspace's, and is gone.
    """
    place = layout.data(wanted)
    if before.workspace_id and place != layout.data(before) and _has_files(layout.data(before)):
        raise UsageError(
            f"the workspace {layout.name!r} has its data elsewhere",
            where=str(layout.data(before)),
            next="a backup restored with --data-dir moves it: `brickyard workspace backup`, `... restore`",
        )
    if wanted.data_dir is None:
        return
    for other in layouts():
        _check_apart(place, layout, other)
    owner = _owner(place)
    if owner is None and before.workspace_id and before.data_dir == wanted.data_dir:
        raise WorkspaceProcessError(
            "the data directory is not there, or no longer what it was", where=str(place), next="mount its disk"
        )
    if owner is None and _has_files(place):
        raise UsageError("the data directory has files in it", where=str(place), next="name an empty directory")
    if owner is not None and owner != wanted.workspace_id:
        raise UsageError("the data directory is another workspace's", where=str(place), next="name an empty directory")


def check_empty(settings: Settings) -> None:
    """Make sure that a data directory outside of the workspace's own has nothing in it.

    Raises:
        UsageError: It has.
    """
    if settings.data_dir is not None and _has_files(Path(settings.data_dir)):
        raise UsageError("the data directory has files in it", where=settings.data_dir, next="name an empty directory")


def claim(layout: Layout, settings: Settings) -> None:
    """Make the directory, and write down whose it is.

    Raises:
        WorkspaceProcessError: It cannot be made or written.
    """
    place = layout.data(settings)
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise WorkspaceProcessError(
            f"the data directory cannot be made: {error.strerror}",
            where=str(place),
            next="make room or give access, or name another with --data-dir",
        ) from error
    if settings.data_dir is not None and _owner(place) is None:
        mark = {"workspace_id": settings.workspace_id, "workspace": str(layout.root)}
        layout.write_private(place / MARK, json.dumps(mark))


def clear(layout: Layout, settings: Settings) -> None:
    """Delete what is in the workspace's data directory, if it is its own.

    Raises:
        WorkspaceProcessError: Something cannot be deleted.
    """
    place = layout.data(settings)
    if settings.data_dir is None or _owner(place) != settings.workspace_id:
        return
    try:
        for path in sorted(place.iterdir(), key=lambda path: path.name == MARK):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except OSError as error:
        raise WorkspaceProcessError(
            f"the data directory cannot be emptied: {error.strerror}", where=str(place), next="give access"
        ) from error


def _check_apart(place: Path, layout: Layout, other: Layout) -> None:
    theirs = [other.root] if other.root == layout.root else [other.root, _data_of(other)]
    for taken in (path.resolve() for path in theirs):
        if place == taken or place.is_relative_to(taken) or taken.is_relative_to(place):
            raise UsageError(
                f"the data directory overlaps with the workspace {other.name!r}",
                where=f"{place}, {taken}",
                next="name a directory of its own",
            )


def _data_of(other: Layout) -> Path:
    """Where another workspace has its data, as far as can be known: the damage of one is in nobody else's way."""
    try:
        return other.data(other.read_settings())
    except WorkspaceProcessError:
        return other.root


def _owner(place: Path) -> int | None:
    """The id of the workspace that the directory belongs to; none where it is nobody's."""
    try:
        return int(json.loads((place / MARK).read_text())["workspace_id"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return -1


def _has_files(place: Path) -> bool:
    try:
        return any(place.iterdir())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(
            f"the data directory cannot be read: {error.strerror}", where=str(place), next="give access"
        ) from error
