"""What the catalog knows of its objects, and how they are found and kept in the database."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Table, delete, insert, select, update

from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.catalog.errors import already_exists, does_not_exist
from brickyard.workspace.catalog.names import parent_of, valid_full_name
from brickyard.workspace.clock import now
from brickyard.workspace.store.catalog import (
    catalogs,
    external_locations,
    functions,
    schemas,
    storage_credentials,
    tables,
    volumes,
)

__all__ = ["CATALOG", "EXTERNAL_LOCATION", "FUNCTION", "SCHEMA", "STORAGE_CREDENTIAL", "TABLE", "VOLUME"]
__all__ += ["CatalogRecord", "CredentialRecord", "FunctionRecord", "Kind", "LocationRecord", "Securable"]
__all__ += ["TableRecord", "VolumeRecord"]

_JSON = ("properties", "columns", "definition", "identity")


@dataclass(frozen=True)
class Securable:
    """What all objects have; times are epoch milliseconds."""

    full_name: str
    id: str
    name: str
    owner: str
    comment: str | None
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str


@dataclass(frozen=True)
class CatalogRecord(Securable):
    """A catalog or a schema."""

    properties: Mapping[str, str] | None


@dataclass(frozen=True)
class TableRecord(Securable):
    """A table or view.

    Attributes:
        table_type: `MANAGED`, `EXTERNAL` or `VIEW`.
        format: `DELTA` or another of the vendor's formats; nothing for a view.
        location: The directory of its data; nothing for a view.
        columns: As they were given (wire form), where no Delta log says them.
        view_definition: The query of a view.
    """

    properties: Mapping[str, str] | None
    table_type: str
    format: str | None
    location: str | None
    columns: list[dict[str, Any]] | None
    view_definition: str | None

    @property
    def directory(self) -> Path:
        """The directory of its data.

        Raises:
            ValueError: It is a view.
        """
        if self.location is None:
            raise ValueError(f"{self.full_name} has no data of its own")
        return Path(self.location)


@dataclass(frozen=True)
class VolumeRecord(Securable):
    """A volume; `location` is the directory of its files."""

    location: str


@dataclass(frozen=True)
class FunctionRecord(Securable):
    """A function; `definition` is what the API was sent: parameters, types, language and body."""

    definition: Mapping[str, Any]


@dataclass(frozen=True)
class CredentialRecord(Securable):
    """A storage credential.

    Attributes:
        identity: The cloud's identity as the vendor's API writes it, without secrets; nothing for this machine's own.
        read_only: Whether nothing may be written with it.
        isolation_mode: As the vendor's API names it.
    """

    identity: Mapping[str, Any] | None
    read_only: bool
    isolation_mode: str


@dataclass(frozen=True)
class LocationRecord(Securable):
    """An external location: a place outside of the workspace's data on which privileges are granted.

    Attributes:
        url: Where it is.
        credential_id: The storage credential that leads there.
        read_only: Whether nothing may be written there.
        fallback: As the vendor's API has it; kept and shown.
        isolation_mode: As the vendor's API names it.
    """

    url: str
    credential_id: str
    read_only: bool
    fallback: bool
    isolation_mode: str


R = TypeVar("R", bound=Securable)


@dataclass(frozen=True)
class Kind(Generic[R]):
    """One kind of object: its rows, and how they are found.

    Attributes:
        noun: As in the vendor's error codes.
        table: Its rows.
        record: What a row is read into.
        depth: How many names lead to it.
    """

    noun: str
    table: Table
    record: type[R]
    depth: int

    def find(self, connection: Connection, full_name: str) -> R | None:
        """The object of that name, or nothing."""
        name = valid_full_name(full_name, self.depth)
        row = connection.execute(select(self.table).where(self.table.c.full_name == name)).mappings().first()
        return None if row is None else self._read(row)

    def get(self, connection: Connection, full_name: str) -> R:
        """The object of that name.

        Raises:
            ApiError: `..._DOES_NOT_EXIST`.
        """
        found = self.find(connection, full_name)
        if found is None:
            raise self._missing(connection, full_name)
        return found

    def _missing(self, connection: Connection, full_name: str) -> ApiError:
        """What is missing: the object, or already the catalog or schema that it would be in."""
        names = valid_full_name(full_name, self.depth).split(".")
        for above in (CATALOG, SCHEMA)[: self.depth - 1]:
            inside = ".".join(names[: above.depth])
            if above.find(connection, inside) is None:
                return does_not_exist(above.noun, inside)
        return does_not_exist(self.noun, full_name)

    def by_id(self, connection: Connection, identity: str) -> R:
        """The object of that id.

        Raises:
            ApiError: `..._DOES_NOT_EXIST`.
        """
        row = connection.execute(select(self.table).where(self.table.c.id == identity)).mappings().first()
        if row is None:
            raise does_not_exist(self.noun, identity)
        return self._read(row)

    def children(self, connection: Connection, parent: str | None = None) -> list[R]:
        """The objects of a parent by name; without one, all."""
        query = select(self.table).order_by(self.table.c.full_name)
        if parent is not None:
            query = query.where(self.table.c.parent == parent)
        return [self._read(row) for row in connection.execute(query).mappings()]

    def add(self, connection: Connection, full_name: str, by: str, **values: Any) -> R:
        """Make an object.

        Raises:
            ApiError: `..._ALREADY_EXISTS`.
        """
        if self.find(connection, full_name) is not None:
            raise already_exists(self.noun, full_name)
        created_at = now()
        row: dict[str, Any] = {
            "full_name": full_name,
            "id": str(uuid.uuid4()),
            "name": full_name.split(".")[-1],
            "owner": by,
        }
        row |= {"created_at": created_at, "created_by": by, "updated_at": created_at, "updated_by": by}
        if self.depth > 1:
            row["parent"] = parent_of(full_name)
        connection.execute(insert(self.table).values(**row, **_written(values)))
        return self.get(connection, full_name)

    def restore(self, connection: Connection, record: R) -> None:
        """Make an object as it was."""
        row = {field.name: getattr(record, field.name) for field in fields(record)}
        if self.depth > 1:
            row["parent"] = parent_of(record.full_name)
        connection.execute(insert(self.table).values(**_written(row)))

    def change(self, connection: Connection, full_name: str, by: str, **values: Any) -> R:
        """Change an object.

        Raises:
            ApiError: `..._DOES_NOT_EXIST`.
        """
        found = self.get(connection, full_name)
        stamp = {"updated_at": now(), "updated_by": by}
        mine = self.table.c.full_name == found.full_name
        connection.execute(update(self.table).where(mine).values(**stamp, **_written(values)))
        return self.get(connection, full_name)

    def remove(self, connection: Connection, record: R) -> None:
        """Delete the row of an object."""
        connection.execute(delete(self.table).where(self.table.c.full_name == record.full_name))

    def _read(self, row: Mapping[Any, Any]) -> R:
        wanted = [field.name for field in fields(self.record)]
        return self.record(**{name: _json(row[name]) if name in _JSON else row[name] for name in wanted})


CATALOG = Kind("CATALOG", catalogs, CatalogRecord, 1)
SCHEMA = Kind("SCHEMA", schemas, CatalogRecord, 2)
TABLE = Kind("TABLE", tables, TableRecord, 3)
VOLUME = Kind("VOLUME", volumes, VolumeRecord, 3)
FUNCTION = Kind("FUNCTION", functions, FunctionRecord, 3)
STORAGE_CREDENTIAL = Kind("STORAGE_CREDENTIAL", storage_credentials, CredentialRecord, 1)
EXTERNAL_LOCATION = Kind("EXTERNAL_LOCATION", external_locations, LocationRecord, 1)


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if name in _JSON and value is not None else value for name, value in values.items()}


def _json(value: str | None) -> Any:
    return None if value is None else json.loads(value)
