"""Registered models: create, describe, list, tag, delete."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from brickyard.workspace.api.errors import ResourceAlreadyExists, ResourceDoesNotExist
from brickyard.workspace.catalog.hive import only_in_unity
from brickyard.workspace.clock import now
from brickyard.workspace.registry.aliases import Aliases
from brickyard.workspace.registry.names import ModelName
from brickyard.workspace.registry.records import Page, PageRequest, RegisteredModel
from brickyard.workspace.store.registry import model_aliases, model_tags, registered_models
from brickyard.workspace.store.upsert import put

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["RegisteredModels"]

_by_name = registered_models.c.name


class RegisteredModels:
    """The models of all schemas.

    Args:
        workspace: Its catalog says whether a schema exists.
        directory: Where the files of all versions are.
    """

    def __init__(self, workspace: Workspace, directory: Path, aliases: Aliases) -> None:
        self._workspace = workspace
        self._store = workspace.store
        self._directory = directory
        self._aliases = aliases

    def directory(self, name: ModelName) -> Path:
        """Where the files of this model's versions are."""
        return self._directory / name.catalog / name.schema / name.model

    def create(
        self, name: ModelName, user: str, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> RegisteredModel:
        """Register a name.

        Raises:
            NotFound: The catalog or the schema does not exist.
            ResourceAlreadyExists: The name is taken.
        """
        only_in_unity(str(name), "Models")
        self._workspace.catalog.schema(name.parent)
        created_at = now()
        values = {
            "name": str(name),
            "catalog_name": name.catalog,
            "schema_name": name.schema,
            "description": description,
            "owner": user,
            "created_at": created_at,
            "created_by": user,
            "updated_at": created_at,
            "updated_by": user,
            "next_version": 1,
        }
        with self._store.write() as connection:
            if connection.execute(select(_by_name).where(_by_name == str(name))).first():
                raise ResourceAlreadyExists(f"the registered model {name} already exists")
            connection.execute(insert(registered_models).values(**values))
            _put_tags(connection, name, tags or {})
            return _one(connection, name)

    def get(self, name: ModelName) -> RegisteredModel:
        """One model, with its aliases and tags.

        Raises:
            ResourceDoesNotExist: There is no such model.
        """
        with self._store.read() as connection:
            return _one(connection, name)

    def list(self, page: PageRequest, catalog: str | None = None, schema: str | None = None) -> Page[RegisteredModel]:
        """Models by name, of one catalog or schema or of all."""
        query = select(registered_models).order_by(_by_name).limit(page.size + 1)
        if catalog:
            query = query.where(registered_models.c.catalog_name == catalog.lower())
        if schema:
            query = query.where(registered_models.c.schema_name == schema.lower())
        if page.after:
            query = query.where(_by_name > page.after[0])
        with self._store.read() as connection:
            rows = connection.execute(query).all()
            models = _records(connection, list(rows[: page.size]))
        return Page(models, PageRequest.token(models[-1].name) if len(rows) > page.size else None)

    def update(self, name: ModelName, user: str, changes: Mapping[str, str | None]) -> RegisteredModel:
        """Change `description` or `owner`.

        Raises:
            ResourceDoesNotExist: There is no such model.
        """
        with self._store.write() as connection:
            _one(connection, name)
            _touch(connection, name, user, **changes)
            return _one(connection, name)

    def set_tag(self, name: ModelName, user: str, key: str, value: str) -> None:
        """Set a tag of a model.

        Raises:
            ResourceDoesNotExist: There is no such model.
        """
        with self._store.write() as connection:
            _one(connection, name)
            _put_tags(connection, name, {key: value})
            _touch(connection, name, user)

    def delete_tag(self, name: ModelName, user: str, key: str) -> None:
        """Remove a tag of a model; removing one that is not there changes nothing.

        Raises:
            ResourceDoesNotExist: There is no such model.
        """
        with self._store.write() as connection:
            _one(connection, name)
            connection.execute(delete(model_tags).where(model_tags.c.name == str(name), model_tags.c.key == key))
            _touch(connection, name, user)

    def delete(self, name: ModelName) -> None:
        """Delete a model with all its versions and their files.

        Raises:
            ResourceDoesNotExist: There is no such model.
        """
        with self._store.write() as connection:
            model = _one(connection, name)
            connection.execute(delete(registered_models).where(_by_name == str(name)))
        with self._store.write() as connection:  # while nobody can make the model again and upload its files
            if connection.execute(select(_by_name).where(_by_name == str(name))).first() is None:
                shutil.rmtree(self.directory(name), ignore_errors=True)
        self._aliases.removed(model.name, list(model.aliases))


def _one(connection: Connection, name: ModelName) -> RegisteredModel:
    row = connection.execute(select(registered_models).where(_by_name == str(name))).first()
    if row is None:
        raise ResourceDoesNotExist(f"there is no registered model {name}")
    return _records(connection, [row])[0]


def _records(connection: Connection, rows: list[Row[Any]]) -> list[RegisteredModel]:
    """Rows with their aliases and tags, in two queries however many there are."""
    names = [row.name for row in rows]
    aliases: dict[str, dict[str, int]] = {name: {} for name in names}
    for found in connection.execute(select(model_aliases).where(model_aliases.c.name.in_(names))):
        aliases[found.name][found.alias] = found.version
    tags: dict[str, dict[str, str]] = {name: {} for name in names}
    for found in connection.execute(select(model_tags).where(model_tags.c.name.in_(names))):
        tags[found.name][found.key] = found.value
    return [
        RegisteredModel(
            name=row.name,
            description=row.description,
            owner=row.owner,
            created_at=row.created_at,
            created_by=row.created_by,
            updated_at=row.updated_at,
            updated_by=row.updated_by,
            aliases=aliases[row.name],
            tags=tags[row.name],
        )
        for row in rows
    ]


def _put_tags(connection: Connection, name: ModelName, tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        put(connection, model_tags, {"name": str(name), "key": key, "value": value})


def _touch(connection: Connection, name: ModelName, user: str, **changes: str | None) -> None:
    values = {**changes, "updated_at": now(), "updated_by": user}
    connection.execute(update(registered_models).where(_by_name == str(name)).values(**values))
