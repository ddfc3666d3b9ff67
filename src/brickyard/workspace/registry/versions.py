"""Versions of registered models: numbered at creation, sealed when their files are complete."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, tuple_, update

from brickyard.workspace.api.errors import InvalidState, ResourceDoesNotExist
from brickyard.workspace.clock import now
from brickyard.workspace.registry.aliases import Aliases
from brickyard.workspace.registry.models import RegisteredModels
from brickyard.workspace.registry.names import ModelName
from brickyard.workspace.registry.records import ModelVersion, NewVersion, Page, PageRequest, Status
from brickyard.workspace.store import Store
from brickyard.workspace.store.registry import (
    lineage,
    model_aliases,
    model_versions,
    registered_models,
    version_tags,
)
from brickyard.workspace.store.upsert import put

__all__ = ["ModelVersions"]

_columns = model_versions.c


class ModelVersions:
    """The versions of all models."""

    def __init__(self, store: Store, models: RegisteredModels, aliases: Aliases) -> None:
        self._store = store
        self._models = models
        self._aliases = aliases

    def path(self, name: ModelName, version: int) -> Path:
        """Where the files of a version are."""
        return self._models.directory(name) / str(version)

    def create(self, name: ModelName, user: str, new: NewVersion) -> ModelVersion:
        """Take the next number; the client uploads the files and then finalizes.

        Raises:
            ResourceDoesNotExist: There is no such model.
        """
        with self._store.write() as connection:
            version = _next_version(connection, name)
            # files of a model of the same name that was deleted must not get into this one
            shutil.rmtree(self.path(name, version), ignore_errors=True)
            connection.execute(insert(model_versions).values(**_values(name, version, user, new)))
            _put_tags(connection, name, version, new.tags)
            return self._one(connection, name, version)

    def finalize(self, name: ModelName, version: int, user: str) -> ModelVersion:
        """Seal a version: from here on its files do not change. Doing it twice changes nothing.

        Raises:
            ResourceDoesNotExist: There is no such version.
            InvalidState: Nothing was uploaded.
        """
        with self._store.write() as connection:
            found = self._one(connection, name, version)
            if found.status is Status.READY:
                return found
            if not any(file.is_file() for file in found.path.rglob("*")):
                raise InvalidState(f"version {version} of {name} has no files; upload them before finalizing")
            _touch(connection, name, version, user, status=Status.READY.value)
            return self._one(connection, name, version)

    def get(self, name: ModelName, version: int) -> ModelVersion:
        """One version.

        Raises:
            ResourceDoesNotExist: There is no such version.
        """
        with self._store.read() as connection:
            return self._one(connection, name, version)

    def status(self, name: ModelName, version: int) -> Status | None:
        """Where a version is in its registration, or nothing where there is none."""
        with self._store.read() as connection:
            status = connection.execute(select(_columns.status).where(_key(name, version))).scalar()
        return None if status is None else Status(status)

    def search(self, page: PageRequest, name: ModelName | None = None, run_id: str | None = None) -> Page[ModelVersion]:
        """Versions of a model or of a run, newest first."""
        query = select(model_versions).order_by(_columns.name, _columns.version.desc()).limit(page.size + 1)
        if name is not None:
            query = query.where(_columns.name == str(name))
        if run_id is not None:
            query = query.where(_columns.run_id == run_id)
        if page.after:
            last_name, last_version = page.after
            same = (_columns.name == last_name) & (_columns.version < last_version)
            query = query.where((_columns.name > last_name) | same)
        with self._store.read() as connection:
            rows = connection.execute(query).all()
            found = self._records(connection, rows[: page.size])
        more = len(rows) > page.size
        return Page(found, PageRequest.token(found[-1].name, found[-1].version) if more else None)

    def update(self, name: ModelName, version: int, user: str, description: str | None) -> ModelVersion:
        """Change the description.

        Raises:
            ResourceDoesNotExist: There is no such version.
        """
        with self._store.write() as connection:
            self._one(connection, name, version)
            _touch(connection, name, version, user, description=description)
            return self._one(connection, name, version)

    def set_tag(self, name: ModelName, version: int, user: str, key: str, value: str) -> None:
        """Set a tag of a version.

        Raises:
            ResourceDoesNotExist: There is no such version.
        """
        with self._store.write() as connection:
            self._one(connection, name, version)
            _put_tags(connection, name, version, {key: value})
            _touch(connection, name, version, user)

    def delete_tag(self, name: ModelName, version: int, user: str, key: str) -> None:
        """Remove a tag of a version; removing one that is not there changes nothing.

        Raises:
            ResourceDoesNotExist: There is no such version.
        """
        tag = (version_tags.c.name == str(name)) & (version_tags.c.version == version) & (version_tags.c.key == key)
        with self._store.write() as connection:
            self._one(connection, name, version)
            connection.execute(delete(version_tags).where(tag))
            _touch(connection, name, version, user)

    def delete(self, name: ModelName, version: int) -> None:
        """Delete a version with its files and the aliases that point to it; its number is not used again.

        Raises:
            ResourceDoesNotExist: There is no such version.
        """
        with self._store.write() as connection:
            found = self._one(connection, name, version)
            connection.execute(delete(model_versions).where(_key(name, version)))
        with self._store.write() as connection:  # a model that was deleted and made again counts from 1 again
            if connection.execute(select(_columns.version).where(_key(name, version))).first() is None:
                shutil.rmtree(found.path, ignore_errors=True)
        self._aliases.removed(found.name, list(found.aliases))

    def record_lineage(self, name: ModelName, version: int, user: str, direction: str, entities: object) -> None:
        """Keep which notebook, job or table made or used a version.

        Raises:
            ResourceDoesNotExist: There is no such version.
        """
        with self._store.write() as connection:
            self._one(connection, name, version)
            connection.execute(
                insert(lineage).values(
                    name=str(name),
                    version=version,
                    direction=direction,
                    entities=json.dumps(entities),
                    recorded_at=now(),
                    recorded_by=user,
                )
            )

    def _one(self, connection: Connection, name: ModelName, version: int) -> ModelVersion:
        row = connection.execute(select(model_versions).where(_key(name, version))).first()
        if row is None:
            raise ResourceDoesNotExist(f"the registered model {name} has no version {version}")
        return self._records(connection, [row])[0]

    def _records(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[ModelVersion]:
        """Rows with their aliases and tags, in two queries however many there are."""
        keys = [(row.name, row.version) for row in rows]
        aliases: dict[tuple[str, int], list[str]] = {key: [] for key in keys}
        pair = tuple_(model_aliases.c.name, model_aliases.c.version)
        for found in connection.execute(select(model_aliases).where(pair.in_(keys)).order_by(model_aliases.c.alias)):
            aliases[found.name, found.version].append(found.alias)
        tags: dict[tuple[str, int], dict[str, str]] = {key: {} for key in keys}
        pair = tuple_(version_tags.c.name, version_tags.c.version)
        for found in connection.execute(select(version_tags).where(pair.in_(keys))):
            tags[found.name, found.version][found.key] = found.value
        return [self._record(row, aliases[row.name, row.version], tags[row.name, row.version]) for row in rows]

    def _record(self, row: Row[Any], aliases: list[str], tags: dict[str, str]) -> ModelVersion:
        return ModelVersion(
            name=row.name,
            version=row.version,
            path=self.path(ModelName.parse(row.name), row.version),
            status=Status(row.status),
            id=row.id,
            source=row.source,
            run_id=row.run_id,
            run_workspace_id=row.run_workspace_id,
            model_id=row.model_id,
            description=row.description,
            created_at=row.created_at,
            created_by=row.created_by,
            updated_at=row.updated_at,
            updated_by=row.updated_by,
            aliases=tuple(aliases),
            tags=tags,
        )


def _next_version(connection: Connection, name: ModelName) -> int:
    model = registered_models.c.name == str(name)
    version = connection.execute(select(registered_models.c.next_version).where(model)).scalar()
    if version is None:
        raise ResourceDoesNotExist(f"there is no registered model {name}")
    connection.execute(update(registered_models).where(model).values(next_version=version + 1))
    return int(version)


def _values(name: ModelName, version: int, user: str, new: NewVersion) -> dict[str, object]:
    created_at = now()
    given = {key: value for key, value in asdict(new).items() if key not in {"tags", "dependencies"}}
    return {
        **given,
        "name": str(name),
        "version": version,
        "id": str(uuid.uuid4()),
        "status": Status.PENDING.value,
        "dependencies": json.dumps(new.dependencies),
        "created_at": created_at,
        "created_by": user,
        "updated_at": created_at,
        "updated_by": user,
    }


def _key(name: ModelName, version: int) -> ColumnElement[bool]:
    return (_columns.name == str(name)) & (_columns.version == version)


def _put_tags(connection: Connection, name: ModelName, version: int, tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        put(connection, version_tags, {"name": str(name), "version": version, "key": key, "value": value})


def _touch(connection: Connection, name: ModelName, version: int, user: str, **changes: str | None) -> None:
    values = {**changes, "updated_at": now(), "updated_by": user}
    connection.execute(update(model_versions).where(_key(name, version)).values(**values))
