"""Directories in which engines write new managed tables, until the catalog takes them."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from brickyard.workspace.catalog.dropped import Dropped

__all__ = ["Staging"]


class Staging:
    """Where a new table waits: `<data>/.staged/<any name>`.

    The catalog moves a table into its place in the transaction that enters its name, so that of two engines that make
    the same table one succeeds, with its own rows. What waits when the workspace starts was left by an engine that is
    gone.
    """

    def __init__(self, data: Path, dropped: Dropped) -> None:
        self._directory = data / ".staged"
        self._dropped = dropped
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(exist_ok=True)

    def holds(self, place: Path | None) -> bool:
        """Whether a place is a directory that waits here."""
        if place is None or place.is_symlink() or not place.is_dir():
            return False
        return place.parent.resolve() == self._directory.resolve()

    def fill(self, home: Path, waiting: Path | None) -> None:
        """Move a waiting table to the place of a new name, or leave the place empty where none waits.

        What is there without a name was left by a write that was interrupted, and goes the way of dropped tables.
        """
        self._dropped.take(str(uuid.uuid4()), home)
        if waiting is not None:
            home.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(waiting, home)
