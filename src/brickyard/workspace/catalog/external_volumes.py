"""Directories of volumes: managed ones hold the files, those of external volumes are links to where the files are."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.catalog.overlaps import require_free
from brickyard.workspace.catalog.records import VOLUME, VolumeRecord

if TYPE_CHECKING:
    from brickyard.workspace.catalog.dropped import Dropped
    from brickyard.workspace.catalog.storage import Storage
    from brickyard.workspace.workspace import Workspace

__all__ = ["VolumeDirectories"]


class VolumeDirectories:
    """Makes and removes them, and tells the file trees which volumes are elsewhere.

    Args:
        workspace: Whose volumes they are.
        storage: External locations.
        dropped: Where directories of dropped volumes go.
    """

    def __init__(self, workspace: Workspace, storage: Storage, dropped: Dropped) -> None:
        self._workspace = workspace
        self._storage = storage
        self._dropped = dropped

    def home(self, full_name: str) -> Path:
        """The directory, or link, of a volume's name."""
        return self._workspace.data.joinpath("volumes", *full_name.split("."))

    def require(self, connection: Connection, location: Path) -> None:
        """Refuse a place for an external volume that no external location is around, or that another has.

        Raises:
            InvalidParameterValue: It is one.
        """
        if self._storage.around(location) is None:
            raise InvalidParameterValue(f"No external location is around {location}.")
        require_free(connection, location, self._workspace.data)

    def make(self, home: Path, location: Path | None) -> None:
        """Make the directory of a volume, or the link to where its files are."""
        if location is None:
            home.mkdir(parents=True, exist_ok=True)
            return
        location.mkdir(parents=True, exist_ok=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        if not home.is_symlink():
            self._dropped.take(str(uuid.uuid4()), home)  # left there by something that has no name any more
        home.unlink(missing_ok=True)
        home.symlink_to(location.resolve())

    def remove(self, volume: VolumeRecord) -> None:
        """Take the directory of a dropped volume aside; files of an external one stay."""
        if self._storage.is_external(volume):
            self.home(volume.full_name).unlink(missing_ok=True)
        else:
            self._dropped.take(volume.id, Path(volume.location))

    def link(self) -> None:
        """Tell the file trees which volumes are elsewhere, and make their links where these are missing."""
        with self._workspace.store.read() as connection:
            found = [one for one in VOLUME.children(connection) if self._storage.is_external(one)]
        external = {tuple(one.full_name.split(".")): Path(one.location).resolve() for one in found}
        for names, location in external.items():
            home = self.home(".".join(names))
            if not home.is_symlink():
                self.make(home, location)
        self._workspace.files.roots.elsewhere = external
