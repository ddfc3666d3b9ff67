"""Directories of dropped objects: moved aside together with the row, deleted after."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Collection
from pathlib import Path

__all__ = ["Dropped"]

_log = logging.getLogger(__name__)


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
            shutil.move(directory, self._directory / identity)

    def holds(self, identity: str) -> bool:
        """Whether a directory waits here."""
        return (self._directory / identity).is_dir()

    def give_back(self, identity: str, home: Path) -> None:
        """Move a directory back; what is at its place without a name is taken in its stead."""
        self.take(str(uuid.uuid4()), home)
        home.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(self._directory / identity, home)

    def keep(self, homes: dict[str, Path]) -> None:
        """Take aside again what was given back by a transaction that was not completed; ids and directories."""
        for identity, home in homes.items():
            if not self.holds(identity):
                self.take(identity, home)

    def settle(self, places: dict[str, Path], kept: Collection[str] = ()) -> None:
        """Put back what belongs to an object that still exists, and delete the rest.

        Args:
            places: Of all objects with a directory of their own, id and directory.
            kept: Ids of tables that can still be taken back.
        """
        for waiting in list(self._directory.iterdir()):
            home = places.get(waiting.name)
            if home is None and waiting.name in kept:
                continue
            if home is None or home.exists():
                _delete(waiting)
            else:
                home.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(waiting, home)


def _delete(waiting: Path) -> None:
    """The drop itself is done; files that resist, for example of another owner, are tried again at the next one."""
    try:
        shutil.rmtree(waiting)
    except OSError as error:
        _log.warning("files of a dropped object are still there: %s", error)
