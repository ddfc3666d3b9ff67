"""Where managed tables are: in the workspace's data, or below the storage root of their schema or catalog.

Source: https://docs.databricks.com/connect/unity-catalog/cloud-storage/managed-storage
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.catalog.attributes import Attributes
from brickyard.workspace.catalog.errors import does_not_exist
from brickyard.workspace.catalog.hive import in_hive, table_place
from brickyard.workspace.catalog.names import parent_of
from brickyard.workspace.catalog.overlaps import MANAGED_DIRECTORY, STORAGE_ROOT, require_free_root
from brickyard.workspace.catalog.records import CATALOG, SCHEMA
from brickyard.workspace.catalog.urls import address

if TYPE_CHECKING:
    from brickyard.workspace.catalog.staging import Staging
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["STORAGE_ROOT", "ManagedStorage"]


class ManagedStorage:
    """Storage roots, and the directories of managed tables.

    Args:
        workspace: Whose they are.
        staging: Where engines write new tables.
    """

    def __init__(self, workspace: Workspace, staging: Staging) -> None:
        self._workspace = workspace
        self._staging = staging
        self._data = workspace.data

    def require(self, principal: Principal, url: str, name: str) -> str:
        """Refuse a storage root that nothing can be kept in, or that the principal may not use.

        Returns:
            The url in the form in which it is kept.

        Raises:
            ApiError: `EXTERNAL_LOCATION_DOES_NOT_EXIST`: none is around it.
            InvalidParameterValue: An external table or volume is there.
            NotImplementedByWorkspace: It is in a cloud.
            PermissionDenied: Without CREATE MANAGED STORAGE on the location.
        """
        place = address(url, self._data.resolve())
        if place.local is None:
            raise NotImplementedByWorkspace(
                f"A local workspace has no way to {url}: use an external location at file:/ or dbfs:/ as the root."
            )
        if place.url.startswith("dbfs:") and in_hive(name):
            return place.url
        if not self._workspace.catalog.storage.require(principal, place.local, "CREATE_MANAGED_STORAGE"):
            raise does_not_exist("EXTERNAL_LOCATION", f"around {place.url}")
        if not in_hive(name):
            with self._workspace.store.read() as connection:
                require_free_root(connection, place.local)
        return place.url

    def place(self, connection: Connection, full_name: str) -> Path:
        """Where a new managed table is to be."""
        above = parent_of(full_name)
        schema = SCHEMA.get(connection, above)
        root = Attributes.read(connection, schema.id).get(STORAGE_ROOT)
        if root is None and not in_hive(full_name):
            root = Attributes.read(connection, CATALOG.get(connection, parent_of(above)).id).get(STORAGE_ROOT)
        if root is None:
            return table_place(self._data, full_name)
        local = address(root, self._data.resolve()).local
        if local is None:
            raise InvalidParameterValue(f"{root} is not on this machine any more.")
        if in_hive(full_name):
            return local / full_name.rpartition(".")[2]
        return local / MANAGED_DIRECTORY / "schemas" / schema.id / "tables" / str(uuid.uuid4())

    def of_table(self, connection: Connection, name: str, kind: str, location: Path | None) -> Path | None:
        """Where a new table is to be; a view is nowhere.

        Args:
            connection: A transaction.
            name: Its full name.
            kind: `MANAGED`, `EXTERNAL` or `VIEW`.
            location: What was asked for; of a managed table, where it was staged.

        Raises:
            InvalidParameterValue: It cannot be there.
        """
        if kind == "VIEW":
            return None
        if kind == "MANAGED":
            managed = self.place(connection, name)
            if location not in (None, managed) and not self._staging.holds(location):
                raise InvalidParameterValue(f"The data of the managed table {name} must be in {managed.as_uri()}.")
            return managed
        if location is None:
            raise InvalidParameterValue("storage_location is required for an external table")
        return self._external(location)

    def _external(self, location: Path) -> Path:
        place, mounts = location.resolve(), self._workspace.files.mounting
        around = self._workspace.catalog.storage.around
        if not (place.is_relative_to(self._data.resolve()) or mounts.around(place) or around(location)):
            raise InvalidParameterValue(
                f"{location} is outside of the workspace's data ({self._data}), and no external location is around it."
            )
        if place.is_relative_to((self._data / "tables").resolve()):
            raise InvalidParameterValue(f"{location} is where managed tables are kept; choose a place of its own.")
        return location

    def shown(self, url: str | None, kind: str, identity: str) -> str | None:
        """The directory of a catalog's or schema's managed data, as the API shows it."""
        return None if url is None else f"{url.rstrip('/')}/{MANAGED_DIRECTORY}/{kind}/{identity}"
