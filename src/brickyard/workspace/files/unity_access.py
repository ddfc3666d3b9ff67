"""Who may read and write the files of volumes and model versions, by the privileges of Unity Catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import ApiError, NotFound, PermissionDenied
from brickyard.workspace.catalog.policies import Policies
from brickyard.workspace.catalog.privileges import ObjectKind

if TYPE_CHECKING:
    from pathlib import Path

    from brickyard.workspace.catalog import TableRecord
    from brickyard.workspace.files.paths import Place
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["UnityPlaces"]

_IN_VOLUMES = {"READ_FILES": "READ_VOLUME", "WRITE_FILES": "WRITE_VOLUME"}
_NAMES = 3  # of a volume, a model or a table


class UnityPlaces:
    """Checks places below `/Volumes` and `/Models`, and directories of managed tables.

    Args:
        workspace: Whose catalog it is.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def require_read(self, principal: Principal, place: Place) -> None:
        """Refuse unless a principal may read a file; above volumes and models there are none.

        Raises:
            PermissionDenied: It may not.
            NotFound: There is no such volume or model.
        """
        if not principal.is_admin and len(place.names) >= _NAMES:
            kind, name = self._object(place)
            self._require(principal, kind, name, "READ_VOLUME" if kind is ObjectKind.VOLUME else "EXECUTE")

    def require_write(self, principal: Principal, place: Place) -> None:
        """Refuse unless a principal may write or delete a file.

        Raises:
            PermissionDenied: It may not.
            NotFound: There is no such volume or model.
        """
        if principal.is_admin or len(place.names) < _NAMES:
            return
        kind, name = self._object(place)
        if kind is ObjectKind.VOLUME:
            self._require(principal, kind, name, "WRITE_VOLUME")
        else:
            self._workspace.catalog.access(principal).require_management(kind, name, "CREATE_MODEL_VERSION")

    def require_table(self, principal: Principal, local: Path, *, write: bool) -> bool:
        """Refuse unless a principal may read, or write, the table in a directory on disk.

        Returns:
            Whether the directory is of a table.

        Raises:
            PermissionDenied: It may not.
            ApiError: There is no such table.
        """
        name = self._managed(local)
        if name is None:
            external = self._workspace.catalog.storage.table_at(local)
            if external is None:
                return False
            name = external.full_name
        wanted = ("SELECT", "MODIFY") if write else ("SELECT",)
        self._require(principal, ObjectKind.TABLE, name, *wanted)
        return True

    def require_plain(self, local: Path) -> None:
        """Refuse a place in the directory of a table with a row filter or masks, to everybody: paths go round them.

        Raises:
            PermissionDenied: It is that.
        """
        name = self._managed(local)
        table = self._workspace.catalog.storage.table_at(local) if name is None else self._table(name)
        if table is not None and Policies.of(self._workspace.catalog.attributes.of(table.id)):
            raise PermissionDenied(
                f"Table '{table.full_name}' has a row filter or column masks: it is read by its name, not by a path."
            )

    def _table(self, name: str) -> TableRecord | None:
        catalog = self._workspace.catalog
        return catalog.table(name) if catalog.has_table(name) else None

    def _managed(self, local: Path) -> str | None:
        """The name of the managed table in whose usual directory a place is."""
        tables = (self._workspace.data / "tables").resolve()
        names = local.relative_to(tables).parts if local.is_relative_to(tables) else ()
        return ".".join(names[:_NAMES]) if len(names) >= _NAMES else None

    def require_below(self, principal: Principal, local: Path, *, write: bool) -> None:
        """Refuse unless a principal may read, or write, all external tables and volumes below a directory.

        Raises:
            PermissionDenied: It may not.
        """
        if principal.is_admin:
            return
        for kind, name in self._workspace.catalog.storage.below(local):
            if kind is ObjectKind.TABLE:
                self.require_plain(self._workspace.catalog.table(name).directory.resolve())
            if kind is ObjectKind.VOLUME:
                self._require(principal, kind, name, "WRITE_VOLUME" if write else "READ_VOLUME")
            else:
                self._require(principal, kind, name, *(("SELECT", "MODIFY") if write else ("SELECT",)))

    def is_table(self, local: Path) -> bool:
        """Whether an external table is in a directory, or around it."""
        return self._workspace.catalog.storage.table_at(local) is not None

    def require_elsewhere(self, principal: Principal, local: Path, privilege: str) -> bool:
        """Refuse unless a principal may do this in a directory outside of the workspace's data.

        Returns:
            Whether an external volume or location is around it.

        Raises:
            PermissionDenied: It may not.
        """
        storage = self._workspace.catalog.storage
        volume = storage.volume_at(local)
        if volume is None or privilege not in _IN_VOLUMES:
            return storage.require(principal, local, privilege)
        if not principal.is_admin:
            self._require(principal, ObjectKind.VOLUME, volume.full_name, _IN_VOLUMES[privilege])
        return True

    def _object(self, place: Place) -> tuple[ObjectKind, str]:
        in_volumes = place.root is self._workspace.files.roots.volumes
        return ObjectKind.VOLUME if in_volumes else ObjectKind.MODEL, ".".join(place.names[:_NAMES])

    def _require(self, principal: Principal, kind: ObjectKind, name: str, *privileges: str) -> None:
        try:
            self._workspace.catalog.access(principal).require(kind, name, *privileges)
        except ApiError as error:
            if error.status != NotFound.status:
                raise
            raise NotFound(f"The {kind.label.lower()} '{name}' does not exist.") from error
