"""Storage credentials and external locations: places outside of the workspace's data, and who may use them.

A location at `file:/` is a directory of this machine, which the server reads and writes as its own user; the credential
then only says who may make such locations. Locations in a cloud are kept and shown, and nothing is read there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, select, update

from brickyard.workspace.api.errors import ApiError, InvalidParameterValue, PermissionDenied
from brickyard.workspace.catalog.errors import already_exists, does_not_exist, not_empty
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import (
    EXTERNAL_LOCATION,
    STORAGE_CREDENTIAL,
    TABLE,
    VOLUME,
    CredentialRecord,
    Kind,
    LocationRecord,
    Securable,
    TableRecord,
    VolumeRecord,
)
from brickyard.workspace.catalog.urls import Address, address
from brickyard.workspace.store.catalog import tables

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Storage", "no_location"]

R = TypeVar("R", bound=Securable)


class Storage:
    """The storage credentials and external locations of a workspace.

    Args:
        workspace: Whose they are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._store = workspace.store
        self._data = workspace.data.resolve()

    def credentials(self) -> list[CredentialRecord]:
        """All storage credentials, by name."""
        with self._store.read() as connection:
            return STORAGE_CREDENTIAL.children(connection)

    def credential(self, name: str) -> CredentialRecord:
        """A storage credential.

        Raises:
            ApiError: `STORAGE_CREDENTIAL_DOES_NOT_EXIST`.
        """
        with self._store.read() as connection:
            return STORAGE_CREDENTIAL.get(connection, name)

    def credential_by_id(self, identity: str) -> CredentialRecord:
        """The storage credential of an external location."""
        with self._store.read() as connection:
            return STORAGE_CREDENTIAL.by_id(connection, identity)

    def create_credential(self, name: str, by: str, **values: Any) -> CredentialRecord:
        """Keep a storage credential.

        Raises:
            ApiError: `STORAGE_CREDENTIAL_ALREADY_EXISTS`.
        """
        with self._store.write() as connection:
            return STORAGE_CREDENTIAL.add(connection, name, by, **values)

    def delete_credential(self, name: str, *, force: bool) -> None:
        """Delete a storage credential; with `force`, the external locations that use it too.

        Raises:
            ApiError: `STORAGE_CREDENTIAL_NOT_EMPTY`: a location uses it, and the call is without force.
        """
        with self._store.write() as connection:
            found = STORAGE_CREDENTIAL.get(connection, name)
            using = [one for one in EXTERNAL_LOCATION.children(connection) if one.credential_id == found.id]
            if using and not force:
                names = ", ".join(one.name for one in using)
                raise not_empty("STORAGE_CREDENTIAL", found.name, f"the external locations {names}")
            for one in using:
                self._remove_location(connection, one, force=True)
            STORAGE_CREDENTIAL.remove(connection, found)

    def locations(self) -> list[LocationRecord]:
        """All external locations, by name."""
        with self._store.read() as connection:
            return EXTERNAL_LOCATION.children(connection)

    def location(self, name: str) -> LocationRecord:
        """An external location.

        Raises:
            ApiError: `EXTERNAL_LOCATION_DOES_NOT_EXIST`.
        """
        with self._store.read() as connection:
            return EXTERNAL_LOCATION.get(connection, name)

    def create_location(self, name: str, by: str, url: str, credential: str, **values: Any) -> LocationRecord:
        """Keep an external location.

        Raises:
            ApiError: `EXTERNAL_LOCATION_ALREADY_EXISTS`, or the place is another's or the workspace's own.
        """
        place = address(url, self._data)
        with self._store.write() as connection:
            used = STORAGE_CREDENTIAL.get(connection, credential)
            if EXTERNAL_LOCATION.find(connection, name) is not None:
                raise already_exists("EXTERNAL_LOCATION", name)
            self._require_place(connection, place, name)
            return EXTERNAL_LOCATION.add(connection, name, by, url=place.url, credential_id=used.id, **values)

    def change_location(self, name: str, by: str, values: dict[str, Any], *, force: bool) -> LocationRecord:
        """Change an external location; to move one that tables or volumes are in needs `force`.

        Raises:
            ApiError: As for `create_location`, or `EXTERNAL_LOCATION_NOT_EMPTY`.
        """
        with self._store.write() as connection:
            found = EXTERNAL_LOCATION.get(connection, name)
            if "url" in values:
                place = address(values["url"], self._data)
                self._require_place(connection, place, found.name)
                if place.url != found.url:
                    self._require_unused(connection, found, force=force)
                values = {**values, "url": place.url}
            return _changed(connection, EXTERNAL_LOCATION, found, by, values)

    def change_credential(self, name: str, by: str, values: dict[str, Any]) -> CredentialRecord:
        """Change a storage credential."""
        with self._store.write() as connection:
            found = STORAGE_CREDENTIAL.get(connection, name)
            return _changed(connection, STORAGE_CREDENTIAL, found, by, values)

    def delete_location(self, name: str, *, force: bool) -> None:
        """Delete an external location; files, tables and volumes in it stay.

        Raises:
            ApiError: `EXTERNAL_LOCATION_NOT_EMPTY`: there are tables or volumes, and the call is without force.
        """
        with self._store.write() as connection:
            self._remove_location(connection, EXTERNAL_LOCATION.get(connection, name), force=force)

    def around(self, place: Path) -> LocationRecord | None:
        """The external location that a directory of this machine is in."""
        wanted = Address("", place.resolve())
        covering = (one for one in self.locations() if address(one.url, self._data).covers(wanted))
        return next((one for one in covering), None)

    def require(self, principal: Principal, place: Path, privilege: str) -> bool:
        """Refuse unless a principal may do this below an external location.

        Returns:
            Whether the place is below one.

        Raises:
            PermissionDenied: It may not, or the location is for reading only.
        """
        location = self.around(place)
        if location is None:
            return False
        if privilege != "READ_FILES" and (
            location.read_only or self.credential_by_id(location.credential_id).read_only
        ):
            raise PermissionDenied(f"The external location '{location.name}' is read only.")
        if not principal.is_admin:
            access = self._workspace.catalog.access(principal)
            access.require(ObjectKind.EXTERNAL_LOCATION, location.name, privilege)
        return True

    def table_at(self, place: Path) -> TableRecord | None:
        """The table whose directory, not where managed tables are usually kept, a place is, or is in."""
        with self._store.read() as connection:
            mine = tables.c.table_type != "VIEW"
            usual = self._workspace.data / "tables"
            rows = connection.execute(select(tables.c.full_name, tables.c.location).where(mine)).all()
            names = [one for one in rows if not Path(one.location).is_relative_to(usual)]
            name = next((one.full_name for one in names if place.is_relative_to(Path(one.location).resolve())), None)
            return None if name is None else TABLE.get(connection, name)

    def below(self, place: Path) -> list[tuple[ObjectKind, str]]:
        """The external tables and volumes whose directories are below a place, and not it itself."""
        with self._store.read() as connection:
            mine = tables.c.table_type != "VIEW"
            rows = connection.execute(select(tables.c.full_name, tables.c.location).where(mine)).all()
            found = [(ObjectKind.TABLE, one.full_name, one.location) for one in rows]
            external = (one for one in VOLUME.children(connection) if self.is_external(one))
            found += [(ObjectKind.VOLUME, one.full_name, one.location) for one in external]
        usual = self._workspace.data / "tables"
        others = ((kind, name, Path(one)) for kind, name, one in found if not Path(one).is_relative_to(usual))
        return [(kind, name) for kind, name, one in others if place in one.resolve().parents]

    def volume_at(self, place: Path) -> VolumeRecord | None:
        """The external volume whose directory a place is, or is in."""
        with self._store.read() as connection:
            found = (one for one in VOLUME.children(connection) if self.is_external(one))
            return next((one for one in found if place.is_relative_to(Path(one.location).resolve())), None)

    def is_external(self, volume: VolumeRecord) -> bool:
        """Whether the files of a volume are elsewhere than those of managed volumes."""
        return Path(volume.location) != self._workspace.data.joinpath("volumes", *volume.full_name.split("."))

    def _require_place(self, connection: Connection, place: Address, name: str) -> None:
        for other in EXTERNAL_LOCATION.children(connection):
            theirs = address(other.url, self._data)
            if other.name != name and (theirs.covers(place) or place.covers(theirs)):
                raise InvalidParameterValue(
                    f"Input path url '{place.url}' overlaps with the external location '{other.name}' ({other.url})."
                )
        if place.local is not None and not place.url.startswith("dbfs:"):
            self.require_outside(place.local)

    def require_outside(self, local: Path) -> None:
        """What Brickyard keeps, of this and of other workspaces, is nobody's external location.

        Raises:
            InvalidParameterValue: A directory overlaps with that, or is none.
        """
        for kept in self.kept():
            if local.is_relative_to(kept) or kept.is_relative_to(local):
                raise InvalidParameterValue(f"{local} overlaps with {kept}, where workspaces keep what they hold.")
        if not local.is_dir():
            raise InvalidParameterValue(f"{local} is not a directory of this machine that the workspace can read.")

    def kept(self) -> tuple[Path, Path]:
        """Where the workspace's data are, and where it and others keep their databases and tokens."""
        root = self._workspace.root.resolve()
        return self._data, root.parent.parent if root.parent.name == "workspaces" else root

    def _remove_location(self, connection: Connection, found: LocationRecord, *, force: bool) -> None:
        self._require_unused(connection, found, force=force)
        EXTERNAL_LOCATION.remove(connection, found)

    def _require_unused(self, connection: Connection, found: LocationRecord, *, force: bool) -> None:
        mine = address(found.url, self._data)
        directories = [
            (one.full_name, Path(one.location)) for one in VOLUME.children(connection) if self.is_external(one)
        ]
        directories += [(one.full_name, one.directory) for one in TABLE.children(connection) if one.location]
        inside = [name for name, place in directories if mine.covers(Address("", place.resolve()))]
        if inside and not force:
            raise not_empty("EXTERNAL_LOCATION", found.name, f"the tables or volumes {', '.join(sorted(inside))}")


def no_location(place: Path) -> ApiError:
    """No external location is around a path."""
    return does_not_exist("EXTERNAL_LOCATION", f"around {place.as_uri()}")


def _changed(connection: Connection, kind: Kind[R], found: R, by: str, values: dict[str, Any]) -> R:
    """Change an object that nothing is in, its name too."""
    new_name = values.pop("new_name", None) or found.full_name
    if new_name != found.full_name:
        if kind.find(connection, new_name) is not None:
            raise already_exists(kind.noun, new_name)
        mine = kind.table.c.full_name == found.full_name
        connection.execute(update(kind.table).where(mine).values(full_name=new_name, name=new_name))
    return kind.change(connection, new_name, by, **values)
