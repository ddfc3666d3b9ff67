"""New names of catalogs, schemas, tables, volumes and models: everything in them, and their directories, move along."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update

from brickyard.workspace.catalog.errors import already_exists
from brickyard.workspace.catalog.hive import table_place
from brickyard.workspace.catalog.names import parent_of
from brickyard.workspace.catalog.objects import UnityObject, find, model_identity
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.references import rename_references
from brickyard.workspace.clock import now
from brickyard.workspace.store.catalog import catalogs, functions, grants, schemas, tables, volumes
from brickyard.workspace.store.registry import (
    lineage,
    model_aliases,
    model_tags,
    model_versions,
    registered_models,
    version_tags,
)

if TYPE_CHECKING:
    from brickyard.workspace.catalog.dropped import Dropped
    from brickyard.workspace.store import Store

__all__ = ["Renaming"]

#: Directories below the workspace's data in which each kind of object has one of its own name.
_ROOTS: Mapping[ObjectKind, tuple[str, ...]] = {
    ObjectKind.CATALOG: ("tables", "volumes", "models"),
    ObjectKind.SCHEMA: ("tables", "volumes", "models"),
    ObjectKind.TABLE: ("tables",),
    ObjectKind.VOLUME: ("volumes",),
    ObjectKind.MODEL: ("models",),
}
_PARENTS: Mapping[ObjectKind, Table] = {ObjectKind.CATALOG: catalogs, ObjectKind.SCHEMA: schemas}

_LEAVES: Mapping[ObjectKind, Table] = {ObjectKind.TABLE: tables, ObjectKind.VOLUME: volumes}


class Renaming:
    """Gives objects new names: rows and directories, or nothing at all.

    Directories are moved before the transaction is complete. A note of them is on disk meanwhile, so that `settle` puts
    them back where the transaction came to nothing.
    """

    def __init__(self, store: Store, data: Path, dropped: Dropped) -> None:
        self._store = store
        self._data = data
        self._dropped = dropped
        self._note = data / ".renaming"

    def rename(self, target: UnityObject, new_name: str, by: str) -> None:
        """Give an object another name in the same parent.

        Args:
            target: The object.
            new_name: Its new full name.
            by: Who does it.

        Raises:
            ApiError: `..._ALREADY_EXISTS`: the name is taken.
        """
        try:
            with self._store.write() as connection:
                if find(connection, target.kind, new_name) is not None:
                    raise already_exists(target.kind.value, new_name)
                stamp = {"updated_at": now(), "updated_by": by}
                _move(connection, self._data, target, new_name, stamp)
                rename_references(connection, target.kind, target.full_name, new_name)
                for _, home in self._directories(target.kind, target.full_name, new_name):
                    self._dropped.take(str(uuid.uuid4()), home)  # left there by something that has no name any more
                self._note.write_text(json.dumps([target.kind.value, target.full_name, new_name]))
                self._move_directories(target.kind, target.full_name, new_name)
        finally:
            self.settle()

    def settle(self) -> None:
        """Put directories where their objects' names say, after a renaming that was interrupted."""
        if not self._note.exists():
            return
        kind, old, new = json.loads(self._note.read_text() or '["CATALOG", "", ""]')
        with self._store.read() as connection:
            undone = bool(old) and find(connection, ObjectKind(kind), new) is None
        if undone:
            self._move_directories(ObjectKind(kind), new, old)
        self._note.unlink()

    def _move_directories(self, kind: ObjectKind, old: str, new: str) -> None:
        for source, home in self._directories(kind, old, new):
            if source.exists():
                home.parent.mkdir(parents=True, exist_ok=True)
                source.rename(home)

    def _directories(self, kind: ObjectKind, old: str, new: str) -> list[tuple[Path, Path]]:
        """What is to be moved, and where to."""
        if kind is ObjectKind.TABLE:
            return [(table_place(self._data, old), table_place(self._data, new))]
        bases = [self._data / root for root in _ROOTS[kind]]
        return [(base.joinpath(*old.split(".")), base.joinpath(*new.split("."))) for base in bases]


def _move(connection: Connection, data: Path, target: UnityObject, new: str, stamp: Mapping[str, Any]) -> None:
    old, last = target.full_name, new.rpartition(".")[2]
    if target.kind in _LEAVES:
        _move_leaf(connection, data, _LEAVES[target.kind], old, {"full_name": new, "name": last, **stamp})
    elif target.kind is ObjectKind.MODEL:
        _move_models(connection, registered_models.c.name == old, old, new)
        connection.execute(update(registered_models).where(registered_models.c.name == new).values(**stamp))
    else:
        _move_parent(connection, data, _PARENTS[target.kind], old, {"full_name": new, "name": last, **stamp})


def _move_parent(connection: Connection, data: Path, table: Table, old: str, values: Mapping[str, Any]) -> None:
    """Move a catalog or schema: its children need the new row before the old one goes."""
    new = values["full_name"]
    row = dict(connection.execute(select(table).where(table.c.full_name == old)).mappings().one())
    connection.execute(insert(table).values(**{**row, **values, "id": str(uuid.uuid4())}))
    if table is catalogs:
        for child in connection.execute(select(schemas.c.full_name).where(schemas.c.parent == old)).scalars().all():
            moved = f"{new}.{child.rpartition('.')[2]}"
            _move_parent(connection, data, schemas, child, {"full_name": moved, "parent": new})
    else:
        for leaves in (tables, volumes):
            for leaf in connection.execute(select(leaves.c.full_name).where(leaves.c.parent == old)).scalars().all():
                moved = f"{new}.{leaf.rpartition('.')[2]}"
                _move_leaf(connection, data, leaves, leaf, {"full_name": moved, "parent": new})
        _move_functions(connection, old, new)
        catalog, _, schema = old.partition(".")
        mine = (registered_models.c.catalog_name == catalog) & (registered_models.c.schema_name == schema)
        _move_models(connection, mine, old, new)
    connection.execute(delete(table).where(table.c.full_name == old))
    connection.execute(update(table).where(table.c.full_name == new).values(id=row["id"]))


def _move_functions(connection: Connection, old: str, new: str) -> None:
    """Move the functions of a schema."""
    wanted = select(functions.c.full_name, functions.c.name).where(functions.c.parent == old)
    for name, last in connection.execute(wanted).all():
        moved = {"full_name": f"{new}.{last}", "parent": new}
        connection.execute(update(functions).where(functions.c.full_name == name).values(**moved))


def _move_leaf(connection: Connection, data: Path, table: Table, old: str, values: Mapping[str, Any]) -> None:
    """Move a table or volume; of one whose data is where its name says, the data, too."""
    mine = table.c.full_name == old
    location = connection.execute(select(table.c.location).where(mine)).scalar_one()
    if location == str(_home(data, table, old)):
        values = {**values, "location": str(_home(data, table, values["full_name"]))}
    connection.execute(update(table).where(mine).values(**values))


def _home(data: Path, table: Table, full_name: str) -> Path:
    """Where the data of a managed table or volume is."""
    return table_place(data, full_name) if table is tables else data.joinpath("volumes", *full_name.split("."))


def _move_models(connection: Connection, where: ColumnElement[bool], old: str, new: str) -> None:
    """Move models whose names begin with `old`: copies first, as versions, aliases and tags refer to names."""
    for row in connection.execute(select(registered_models).where(where)).mappings().all():
        name, renamed = row["name"], new + row["name"].removeprefix(old)
        catalog, schema = parent_of(renamed).split(".")
        place = {"name": renamed, "catalog_name": catalog, "schema_name": schema}
        connection.execute(insert(registered_models).values(**{**row, **place}))
        versions = connection.execute(select(model_versions).where(model_versions.c.name == name)).mappings().all()
        for version in versions:
            copy = {**version, "name": renamed, "id": str(uuid.uuid4())}
            connection.execute(insert(model_versions).values(**copy))
        for table in (model_aliases, model_tags, version_tags, lineage):
            connection.execute(update(table).where(table.c.name == name).values(name=renamed))
        connection.execute(delete(registered_models).where(registered_models.c.name == name))
        for version in versions:
            key = (model_versions.c.name == renamed) & (model_versions.c.version == version["version"])
            connection.execute(update(model_versions).where(key).values(id=version["id"]))
        before, after = (model_identity(one, row["created_at"]) for one in (name, renamed))
        granted = (grants.c.kind == ObjectKind.MODEL.value) & (grants.c.object_id == before)
        connection.execute(update(grants).where(granted).values(object_id=after))
