"""Objects of Unity Catalog as privileges see them: who owns them, and what they are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, select

from brickyard.workspace.catalog.names import parent_of, valid_full_name
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import Securable
from brickyard.workspace.store.catalog import (
    catalogs,
    dropped_tables,
    external_locations,
    functions,
    schemas,
    storage_credentials,
    tables,
    volumes,
)
from brickyard.workspace.store.registry import registered_models

if TYPE_CHECKING:
    from sqlalchemy import Row, Table

    from brickyard.workspace.registry import RegisteredModel
    from brickyard.workspace.workspace import Workspace

__all__ = ["Described", "UnityObject", "described", "find", "identities", "metastore", "model_identity", "models_in"]

#: What a list has of an object: a record of the catalog, or of the model registry.
Described: TypeAlias = "Securable | RegisteredModel"

_TABLES: Mapping[ObjectKind, Table] = {
    ObjectKind.CATALOG: catalogs,
    ObjectKind.SCHEMA: schemas,
    ObjectKind.TABLE: tables,
    ObjectKind.VOLUME: volumes,
    ObjectKind.FUNCTION: functions,
    ObjectKind.STORAGE_CREDENTIAL: storage_credentials,
    ObjectKind.EXTERNAL_LOCATION: external_locations,
}
_model_columns = (registered_models.c.name, registered_models.c.owner, registered_models.c.created_at)


@dataclass(frozen=True)
class UnityObject:
    """An object on which privileges are granted.

    Attributes:
        kind: What it is.
        full_name: Its name; of the metastore, the workspace's.
        id: What no other object has, even one that gets its name later.
        owner: User name, application id or name of a group.
        parent: What it is in; nothing for catalogs, which do not inherit from the metastore.
    """

    kind: ObjectKind
    full_name: str
    id: str
    owner: str
    parent: UnityObject | None = None

    def path(self) -> list[UnityObject]:
        """From the catalog down to the object itself."""
        return [*(self.parent.path() if self.parent else []), self]


def metastore(workspace: Workspace) -> UnityObject:
    """The one metastore."""
    owner = workspace.identity.owner.user_name
    return UnityObject(ObjectKind.METASTORE, workspace.name, workspace.catalog.metastore_id, owner)


def find(connection: Connection, kind: ObjectKind, full_name: str) -> UnityObject | None:
    """The object of a name, or nothing.

    Raises:
        InvalidParameterValue: That is no name of such an object.
    """
    name = valid_full_name(full_name, kind.depth)
    parent = None
    if kind.depth > 1:
        parent = find(connection, kind.container, parent_of(name))
        if parent is None:
            return None
    if kind is ObjectKind.MODEL:
        model = connection.execute(select(*_model_columns).where(registered_models.c.name == name)).first()
        if model is None:
            return None
        return UnityObject(kind, name, model_identity(name, model.created_at), model.owner, parent)
    table = _TABLES[kind]
    row = connection.execute(select(table.c.id, table.c.owner).where(table.c.full_name == name)).first()
    return None if row is None else UnityObject(kind, name, row.id, row.owner, parent)


def described(kind: ObjectKind, one: Described) -> UnityObject:
    """An object that was read already; without what it is in."""
    if isinstance(one, Securable):
        return UnityObject(kind, one.full_name, one.id, one.owner)
    return UnityObject(kind, one.name, model_identity(one.name, one.created_at), one.owner)


def model_identity(name: str, created_at: int) -> str:
    """What tells a model from an earlier one of the same name; the registry has no id for it."""
    return f"{name}@{created_at}"


def identities(connection: Connection, kind: ObjectKind) -> set[str]:
    """The ids of all objects of a kind, except of the metastore."""
    if kind is ObjectKind.MODEL:
        rows: list[Row[Any]] = list(connection.execute(select(*_model_columns)))
        return {model_identity(row.name, row.created_at) for row in rows}
    found = set(connection.execute(select(_TABLES[kind].c.id)).scalars())
    if kind is ObjectKind.TABLE:  # those that can still be taken back, with what was granted on them
        found |= set(connection.execute(select(dropped_tables.c.id)).scalars())
    return found


def models_in(connection: Connection, schema: str) -> list[str]:
    """The names, without that of the schema, of the models in it."""
    catalog, name = schema.split(".")
    mine = (registered_models.c.catalog_name == catalog) & (registered_models.c.schema_name == name)
    found = connection.execute(select(registered_models.c.name).where(mine).order_by(registered_models.c.name))
    return [full_name.rpartition(".")[2] for full_name in found.scalars()]
