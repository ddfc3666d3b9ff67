"""Mounts: places in DBFS, such as `/mnt/lake`, whose files are in a directory elsewhere on this machine.

Whoever may use the workspace may use what is mounted, as on the service; administrators mount. A mount is a row, and a
link below `<data>/.mounts` by which engines find it: links in DBFS itself can be made by anybody.

Source: https://docs.databricks.com/dbfs/mounts and the docstrings of `databricks.sdk.dbutils`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from sqlalchemy import Connection, delete, insert, select

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.catalog.urls import CLOUDS, address
from brickyard.workspace.clock import now
from brickyard.workspace.files.paths import normal
from brickyard.workspace.store.files import mounts as table

if TYPE_CHECKING:
    from brickyard.workspace.files.paths import Roots
    from brickyard.workspace.workspace import Workspace

__all__ = ["Mount", "Mounts"]


@dataclass(frozen=True)
class Mount:
    """One mount: its place in DBFS, what was mounted, and the directory that this is."""

    point: str
    source: str
    target: Path


class Mounts:
    """The mounts of a workspace.

    Args:
        workspace: Whose they are.
        roots: The file trees, which are told.
    """

    def __init__(self, workspace: Workspace, roots: Roots) -> None:
        self._workspace = workspace
        self._roots = roots
        self._store = workspace.store
        self._links = workspace.data / ".mounts"
        self._dbfs = workspace.data / "dbfs"
        self.link()

    def all(self) -> list[Mount]:
        """The mounts, by their place."""
        with self._store.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.point)).all()
        return [Mount(row.point, row.source, Path(row.target)) for row in rows]

    def mount(self, point: str, source: str, by: str, *, replace: bool = False) -> None:
        """Mount a directory.

        Args:
            point: Where in DBFS.
            source: `file:/...` or `dbfs:/...`.
            by: Who does it.
            replace: Whether something is mounted there already, which ends.

        Raises:
            InvalidParameterValue: Something is there, or nothing is where it is to be replaced; the source is none.
            NotImplementedByWorkspace: The source is in a cloud.
        """
        place = _point(point)
        target = self._target(source)
        if not replace:
            self._require_free(place)
        row = {"point": place, "source": source, "target": str(target)}
        with self._store.write() as connection:
            if replace:
                _remove(connection, place)
            connection.execute(insert(table).values(**row, created_at=now(), created_by=by))
        self.link()

    def unmount(self, point: str) -> None:
        """End a mount; the files stay.

        Raises:
            InvalidParameterValue: Nothing is mounted there.
        """
        with self._store.write() as connection:
            _remove(connection, _point(point))
        self.link()

    def around(self, place: Path) -> bool:
        """Whether a place on disk is in a mounted directory."""
        return any(place.is_relative_to(target) for target in self._roots.mounted.values())

    def link(self) -> None:
        """Make the links of the mounts, and remove those of others, also where a server was killed before it did."""
        found = self.all()
        self._links.mkdir(exist_ok=True)
        wanted = {quote(one.point, safe=""): one.target for one in found}
        for link in self._links.iterdir():
            if wanted.get(link.name) != link.readlink():
                home = self._dbfs / unquote(link.name).lstrip("/")
                if home.is_symlink() and home.readlink() == link.readlink():
                    home.unlink()
                link.unlink()
        for name, target in wanted.items():
            if not (self._links / name).is_symlink():
                (self._links / name).symlink_to(target)
        for one in found:
            home = self._dbfs / one.point.lstrip("/")
            home.parent.mkdir(parents=True, exist_ok=True)
            if not home.is_symlink() and not home.exists():
                home.symlink_to(one.target)
        self._roots.mounted = {tuple(one.point.split("/")[1:]): one.target for one in found}

    def require_none_below(self, names: tuple[str, ...], path: str) -> None:
        """Refuse to move or delete what is mounted, or has mounts in it.

        Raises:
            InvalidParameterValue: It is that.
        """
        if any(mounted[: len(names)] == names for mounted in self._roots.mounted):
            raise InvalidParameterValue(f"{path} is mounted, or has mounts in it; dbutils.fs.unmount them first.")

    def _require_free(self, place: str) -> None:
        for one in self.all():
            if f"{place}/".startswith(f"{one.point}/") or f"{one.point}/".startswith(f"{place}/"):
                raise InvalidParameterValue(f"Directory already mounted: {one.point}")
        if (self._dbfs / place.lstrip("/")).exists():
            raise InvalidParameterValue(f"{place} exists in DBFS already; mount at another place.")

    def _target(self, source: str) -> Path:
        scheme = source.partition(":")[0]
        if scheme in CLOUDS:
            raise NotImplementedByWorkspace(
                f"A local workspace has no way to {source}: mount a directory of this machine (file:/...)."
            )
        local = address(source, self._workspace.data.resolve()).local
        if local is None or not local.is_dir():
            raise InvalidParameterValue(f"{source} is not a directory of this machine that the workspace can read.")
        if scheme == "file":
            self._workspace.catalog.storage.require_outside(local)
        return local


def _remove(connection: Connection, place: str) -> None:
    if not connection.execute(delete(table).where(table.c.point == place)).rowcount:
        raise InvalidParameterValue(f"Directory not mounted: {place}")


def _point(point: str) -> str:
    """A place in DBFS, as `/mnt/lake`."""
    place = normal(point.removeprefix("dbfs:"))
    if not place or place.split("/")[1] in ("Volumes", "Workspace", "dbfs", "user", "tmp"):
        raise InvalidParameterValue(f"Mount point must be a directory of its own, such as /mnt/lake, not {point!r}.")
    return place
