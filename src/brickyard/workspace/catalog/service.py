"""Unity Catalog of a workspace: catalogs, schemas, tables and volumes, with their data as plain directories."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.catalog import definers
from brickyard.workspace.catalog.access import CallerAccess
from brickyard.workspace.catalog.attributes import Attributes
from brickyard.workspace.catalog.columns import create_log, has_log
from brickyard.workspace.catalog.constraints import Constraints
from brickyard.workspace.catalog.defaults import DEFAULT_SCHEMA, add_catalog, add_main, grant_defaults
from brickyard.workspace.catalog.dropped import Dropped
from brickyard.workspace.catalog.errors import not_empty
from brickyard.workspace.catalog.external_volumes import VolumeDirectories
from brickyard.workspace.catalog.functions import Functions
from brickyard.workspace.catalog.grants import Grants
from brickyard.workspace.catalog.hive import HIVE, add_hive, in_hive, only_in_unity
from brickyard.workspace.catalog.managed import ManagedStorage
from brickyard.workspace.catalog.names import parent_of, valid_full_name, valid_name
from brickyard.workspace.catalog.objects import UnityObject
from brickyard.workspace.catalog.overlaps import require_free
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import (
    CATALOG,
    SCHEMA,
    TABLE,
    VOLUME,
    CatalogRecord,
    FunctionRecord,
    Kind,
    Securable,
    TableRecord,
    VolumeRecord,
)
from brickyard.workspace.catalog.removal import Removal, require_removable
from brickyard.workspace.catalog.renaming import Renaming
from brickyard.workspace.catalog.staging import Staging
from brickyard.workspace.catalog.storage import Storage
from brickyard.workspace.catalog.tags import Tags
from brickyard.workspace.catalog.undrop import Undrop
from brickyard.workspace.store.registry import registered_models

if TYPE_CHECKING:
    from brickyard.workspace.catalog.definers import Editor
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Catalog", "build"]

R = TypeVar("R", bound=Securable)
D = TypeVar("D", TableRecord, FunctionRecord)


class Catalog:
    """The objects of Unity Catalog; names are case-insensitive and kept in lower case.

    Attributes:
        metastore_id: The id of the one metastore, the same at every start.
        grants: What is granted on them and on registered models.
        functions: The functions.
        constraints: Keys of tables.
        storage: Storage credentials and external locations.
        managed: Where managed tables are.
        undrop: Tables that were dropped.
        tags: What objects and columns are tagged with.
        attributes: What only some objects have.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._store = workspace.store
        self._data = workspace.data
        self._dropped = Dropped(workspace.data)
        self.undrop = Undrop(workspace.store, workspace.data, self._dropped)
        self._staging = Staging(workspace.data, self._dropped)
        self.managed = ManagedStorage(workspace, self._staging)
        self._renaming = Renaming(workspace.store, workspace.data, self._dropped)
        self._lock = threading.RLock()
        self.metastore_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"brickyard:{workspace.workspace_id}"))
        self.storage = Storage(workspace)
        self._directories = VolumeDirectories(workspace, self.storage, self._dropped)
        self._renaming.settle()
        self._dropped.keep(self.undrop.homes())
        self._settle()
        add_main(workspace)
        with self._store.write() as connection:
            add_hive(connection, workspace.identity.owner.user_name)
        self.grants = Grants(self._store)
        self.functions = Functions(self._store)
        self.constraints = Constraints(self._store)
        self.tags, self.attributes = Tags(self._store), Attributes(self._store)
        self._removal = Removal(workspace, self._dropped, self.constraints, self._directories, self.undrop)
        grant_defaults(workspace, self.grants, self.metastore_id)
        self._directories.link()

    def access(self, principal: Principal) -> CallerAccess:
        """What a principal may do with these objects."""
        return CallerAccess(self._workspace, self.grants, principal)

    def catalogs(self) -> list[CatalogRecord]:
        """All catalogs of the metastore, by name; the legacy one is none of them."""
        return [one for one in self._children(CATALOG, None) if one.name != HIVE]

    def catalog(self, name: str) -> CatalogRecord:
        """A catalog.

        Raises:
            ApiError: `CATALOG_DOES_NOT_EXIST`.
        """
        return self._get(CATALOG, name)

    def create_catalog(
        self, name: str, by: str, *, comment: str | None = None, properties: dict[str, str] | None = None
    ) -> CatalogRecord:
        """Make a catalog, with its schema `default`.

        Raises:
            ApiError: `CATALOG_ALREADY_EXISTS`.
        """
        with self._store.write() as connection:
            return add_catalog(connection, valid_name(name), by, comment, properties)

    def delete_catalog(self, name: str, *, force: bool = False) -> None:
        """Delete a catalog.

        Raises:
            ApiError: `CATALOG_NOT_EMPTY`: it has more than an empty `default`, and the call is without force.
        """
        require_removable(name, in_hive(name), "catalog")
        if force:
            self._removal.models(registered_models.c.catalog_name == name.lower())
        with self._dropping() as connection:
            found = CATALOG.get(connection, name)
            schemas = SCHEMA.children(connection, found.full_name)
            others = [one.name for one in schemas if one.name != DEFAULT_SCHEMA]
            if others and not force:
                raise not_empty("CATALOG", found.full_name, f"the schemas {', '.join(others)}")
            for schema in schemas:
                self._removal.schema(connection, schema, force)
            CATALOG.remove(connection, found)

    def schemas(self, catalog: str) -> list[CatalogRecord]:
        """The schemas of a catalog, by name.

        Raises:
            ApiError: `CATALOG_DOES_NOT_EXIST`.
        """
        return self._children(SCHEMA, self.catalog(catalog).full_name)

    def schema(self, full_name: str) -> CatalogRecord:
        """A schema.

        Raises:
            ApiError: `SCHEMA_DOES_NOT_EXIST`.
        """
        return self._get(SCHEMA, full_name)

    def create_schema(
        self, full_name: str, by: str, *, comment: str | None = None, properties: dict[str, str] | None = None
    ) -> CatalogRecord:
        """Make a schema.

        Raises:
            ApiError: `SCHEMA_ALREADY_EXISTS`, `CATALOG_DOES_NOT_EXIST`.
        """
        name = valid_full_name(full_name, 2)
        with self._store.write() as connection:
            CATALOG.get(connection, parent_of(name))
            return SCHEMA.add(connection, name, by, comment=comment, properties=properties)

    def delete_schema(self, full_name: str, *, force: bool = False) -> None:
        """Delete a schema.

        Raises:
            ApiError: `SCHEMA_NOT_EMPTY`: it has tables, volumes or models, and the call is without force.
        """
        require_removable(full_name, full_name.lower() == f"{HIVE}.{DEFAULT_SCHEMA}", "schema")
        if force:
            catalog, schema = valid_full_name(full_name, 2).split(".")
            mine = (registered_models.c.catalog_name == catalog) & (registered_models.c.schema_name == schema)
            self._removal.models(mine)
        with self._dropping() as connection:
            self._removal.schema(connection, SCHEMA.get(connection, full_name), force)

    def tables(self, schema: str) -> list[TableRecord]:
        """The tables of a schema, by name.

        Raises:
            ApiError: `SCHEMA_DOES_NOT_EXIST`.
        """
        return self._children(TABLE, self.schema(schema).full_name)

    def table(self, full_name: str) -> TableRecord:
        """A table or view.

        Raises:
            ApiError: `TABLE_DOES_NOT_EXIST`.
        """
        return self._get(TABLE, full_name)

    def by_id(self, kind: Kind[R], identity: str) -> R:
        """An object by its id.

        Raises:
            ApiError: `..._DOES_NOT_EXIST`.
        """
        with self._store.read() as connection:
            return kind.by_id(connection, identity)

    def has_table(self, full_name: str) -> bool:
        """Whether there is such a table."""
        with self._store.read() as connection:
            return TABLE.find(connection, full_name) is not None

    def create_table(
        self,
        full_name: str,
        by: str,
        *,
        table_type: str = "MANAGED",
        location: Path | None = None,
        format: str | None = "DELTA",
        columns: list[dict[str, Any]] | None = None,
        comment: str | None = None,
        properties: dict[str, str] | None = None,
        view_definition: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> TableRecord:
        """Make a table; where there is no Delta log yet, an empty one is made of the columns.

        Args:
            full_name: Catalog, schema and name.
            by: Who makes and owns it.
            table_type: `MANAGED`, `EXTERNAL` or `VIEW`.
            location: Of an external table, inside the workspace's data; of a managed one, staged or in place already.
            format: The data's format; nothing for a view.
            columns: In wire form; kept only where no Delta log says them.
            comment: What it is.
            properties: Key and value pairs.
            view_definition: The query of a view.
            attributes: What only some tables have.

        Raises:
            ApiError: `TABLE_ALREADY_EXISTS`, `SCHEMA_DOES_NOT_EXIST`, or location or columns are missing or wrong.
        """
        name = valid_full_name(full_name, 3)
        with self._lock, self._store.write() as connection:
            SCHEMA.get(connection, parent_of(name))
            place = self.managed.of_table(connection, name, table_type, location)
            if place is not None and table_type == "EXTERNAL":
                require_free(connection, place, self._data)
            record = TABLE.add(
                connection,
                name,
                by,
                table_type=table_type,
                location=None if place is None else str(place),
                format=format,
                columns=None if format == "DELTA" else columns,
                comment=comment,
                properties=properties,
                view_definition=view_definition,
            )
            Attributes.write(connection, record.id, attributes or {})
            if place is not None and table_type == "MANAGED" and location != place:
                self._staging.fill(place, location)
            if place is not None and format == "DELTA" and not has_log(place):
                create_log(place, columns or [], name)
            return record

    def delete_table(self, full_name: str) -> None:
        """Delete a table; of a managed one, also the data, after the days in which it can be taken back.

        Raises:
            ApiError: `TABLE_DOES_NOT_EXIST`.
        """
        with self._dropping() as connection:
            self._removal.table(connection, TABLE.get(connection, full_name), keep=True)

    def volumes(self, schema: str) -> list[VolumeRecord]:
        """The volumes of a schema, by name.

        Raises:
            ApiError: `SCHEMA_DOES_NOT_EXIST`.
        """
        return self._children(VOLUME, self.schema(schema).full_name)

    def volume(self, full_name: str) -> VolumeRecord:
        """A volume.

        Raises:
            ApiError: `VOLUME_DOES_NOT_EXIST`.
        """
        return self._get(VOLUME, full_name)

    def has_volume(self, full_name: str) -> bool:
        """Whether there is such a volume."""
        with self._store.read() as connection:
            return VOLUME.find(connection, full_name) is not None

    def create_volume(
        self, full_name: str, by: str, *, comment: str | None = None, location: Path | None = None
    ) -> VolumeRecord:
        """Make a volume, with its directory `<data>/volumes/<catalog>/<schema>/<volume>`.

        Args:
            full_name: Catalog, schema and name.
            by: Who makes and owns it.
            comment: What it is.
            location: Of an external volume, below an external location; the volume's directory is a link there.

        Raises:
            ApiError: `VOLUME_ALREADY_EXISTS`, `SCHEMA_DOES_NOT_EXIST`, or the location is not below an external one.
        """
        name = valid_full_name(full_name, 3)
        only_in_unity(name, "Volumes")
        place = self._directories.home(name)
        with self._lock, self._store.write() as connection:
            SCHEMA.get(connection, parent_of(name))
            if location is not None:
                self._directories.require(connection, location)
            record = VOLUME.add(connection, name, by, comment=comment, location=str(location or place))
            self._directories.make(place, location)
        self._directories.link()
        return record

    def delete_volume(self, full_name: str) -> None:
        """Delete a volume with its files.

        Raises:
            ApiError: `VOLUME_DOES_NOT_EXIST`.
        """
        with self._dropping() as connection:
            self._removal.volume(connection, VOLUME.get(connection, full_name))

    def change(self, kind: Kind[R], full_name: str, by: str, values: dict[str, Any]) -> R:
        """Change comment, owner or properties of an object.

        Raises:
            ApiError: `..._DOES_NOT_EXIST`.
        """
        with self._store.write() as connection:
            return kind.change(connection, full_name, by, **values)

    def redefine(self, kind: Kind[D], full_name: str, values: dict[str, Any], editor: Editor) -> D:
        """Change a view or function, which is used with its owner's rights; see `definers.change`."""
        with self._store.write() as connection:
            return definers.change(connection, kind, full_name, values, editor)

    def rename(self, target: UnityObject, new_name: str, by: str) -> None:
        """Give an object another name in its parent; see `Renaming.rename`."""
        if in_hive(target.full_name) and target.kind in (ObjectKind.CATALOG, ObjectKind.SCHEMA):
            raise InvalidParameterValue(f"{target.full_name} is in {HIVE}, where only tables and views are renamed.")
        with self._lock:
            self._renaming.rename(target, new_name, by)
            self.grants.load()
            self._directories.link()

    def _get(self, kind: Kind[R], full_name: str) -> R:
        with self._store.read() as connection:
            return kind.get(connection, full_name)

    def _children(self, kind: Kind[R], parent: str | None) -> list[R]:
        with self._store.read() as connection:
            return kind.children(connection, parent)

    @contextmanager
    def _dropping(self) -> Iterator[Connection]:
        """A transaction that deletes rows and moves their directories aside; both happen, or neither."""
        with self._lock:
            try:
                with self._store.write() as connection:
                    yield connection
            finally:
                self._settle()
                self._directories.link()

    def _settle(self) -> None:
        with self._store.read() as connection:
            volumes = [one for one in VOLUME.children(connection) if not self.storage.is_external(one)]
            places = {one.id: Path(one.location) for one in volumes}
            managed = [one for one in TABLE.children(connection) if one.table_type == "MANAGED"]
        self._dropped.settle(places | {one.id: one.directory for one in managed}, self.undrop.expire())


def build(workspace: Workspace) -> Catalog:
    """The catalog of a workspace."""
    return Catalog(workspace)
