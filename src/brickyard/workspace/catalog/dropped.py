"""Directories of dropped objects: moved aside together with the row, deleted after."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["Dropped"]


class Dropped:
    """Where directories wait between the drop and their deletion, each named after the object's id.

    A directory is moved in the same transaction that deletes the row. Where the server is killed before that
    transaction is complete, the row is still there, and `settle` puts the directory back.
    """

    def __init__(self, data: Path) -> None:
        self._directory = data / ".dropped"
        self._directory.mkdir(exist_ok=True)

    def take(self, identity: str, directory: Path) -> None:
        """Move a directory aside; does nothing where there is none."""
        if directory.exists():
            directory.rename(self._directory / identity)

    def settle(self, places: dict[str, Path]) -> None:
        """Put back what belongs to an object that still exists, and delete the rest.

        Args:
            places: Of all objects with a directory of their own, id and directory.
        """
        for waiting in list(self._directory.iterdir()):
            home = places.get(waiting.name)
            if home is None or home.exists():
                shutil.rmtree(waiting)
            else:
                home.parent.mkdir(parents=True, exist_ok=True)
                waiting.rename(home)
