"""Removing objects of Unity Catalog with what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, select

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.catalog.errors import not_empty
from brickyard.workspace.catalog.objects import models_in
from brickyard.workspace.catalog.records import (
    FUNCTION,
    SCHEMA,
    TABLE,
    VOLUME,
    CatalogRecord,
    TableRecord,
    VolumeRecord,
)
from brickyard.workspace.store.registry import registered_models

if TYPE_CHECKING:
    from brickyard.workspace.catalog.constraints import Constraints
    from brickyard.workspace.catalog.dropped import Dropped
    from brickyard.workspace.catalog.external_volumes import VolumeDirectories
    from brickyard.workspace.catalog.undrop import Undrop
    from brickyard.workspace.workspace import Workspace

__all__ = ["Removal", "require_removable"]


class Removal:
    """Deletes rows, and moves their directories aside; inside a transaction of the catalog's."""

    def __init__(
        self,
        workspace: Workspace,
        dropped: Dropped,
        constraints: Constraints,
        directories: VolumeDirectories,
        undrop: Undrop,
    ) -> None:
        self._workspace = workspace
        self._undrop = undrop
        self._dropped = dropped
        self._constraints = constraints
        self._directories = directories

    def schema(self, connection: Connection, schema: CatalogRecord, force: bool) -> None:
        """Remove a schema with what is in it.

        Raises:
            ApiError: `SCHEMA_NOT_EMPTY`: there is something in it, and the call is without force.
        """
        tables = TABLE.children(connection, schema.full_name)
        volumes = VOLUME.children(connection, schema.full_name)
        models = models_in(connection, schema.full_name)
        functions = FUNCTION.children(connection, schema.full_name)
        if models or ((tables or volumes or functions) and not force):
            names = ", ".join([*(one.name for one in (*tables, *volumes, *functions)), *models])
            raise not_empty("SCHEMA", schema.full_name, f"the tables, volumes, functions or models {names}")
        for function in functions:
            FUNCTION.remove(connection, function)
        for table in tables:
            self.table(connection, table)
        for volume in volumes:
            self.volume(connection, volume)
        SCHEMA.remove(connection, schema)

    def models(self, where: ColumnElement[bool]) -> None:
        """Models belong to the registry, which deletes them with their versions and files."""
        from brickyard.workspace.registry.names import ModelName

        with self._workspace.store.read() as connection:
            names = connection.execute(select(registered_models.c.name).where(where)).scalars().all()
        for name in names:
            self._workspace.registry.models.delete(ModelName.parse(name))

    def table(self, connection: Connection, table: TableRecord, *, keep: bool = False) -> None:
        """Remove a table; of a managed one, also the data. `keep` says that it can be taken back."""
        if keep and self._undrop.takes(table):
            self._undrop.keep(connection, table)
        TABLE.remove(connection, table)
        self._constraints.forget(connection, table.id)
        if table.table_type == "MANAGED":
            self._dropped.take(table.id, table.directory)

    def volume(self, connection: Connection, volume: VolumeRecord) -> None:
        """Remove a volume; of a managed one, also the files."""
        VOLUME.remove(connection, volume)
        self._directories.remove(volume)


def require_removable(name: str, is_fixed: bool, what: str) -> None:
    """Refuse to drop what is always there."""
    if is_fixed:
        raise InvalidParameterValue(f"The {what} {name} is always there, and cannot be dropped.")
