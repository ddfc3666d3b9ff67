"""The database behind a workspace: one writer at a time, readers beside it, durable once acknowledged."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from brickyard.errors import WorkspaceProcessError

if TYPE_CHECKING:
    from sqlalchemy import Engine, RowMapping, Select

__all__ = [
    "SCHEMA_VERSION",
    "Backend",
    "Owner",
    "Reader",
    "Store",
    "database_owner",
    "load_tables",
    "metadata",
    "schema_version",
]

#: Raised with every release that changes a table; `migrations` has a step to each from the one before.
SCHEMA_VERSION = 7

metadata = MetaData()
schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))
# Whose database it is, where a database is not a file of the workspace.
database_owner = Table(
    "database_owner",
    metadata,
    Column("workspace_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
)


@dataclass(frozen=True)
class Owner:
    """The workspace that opens a database.

    Attributes:
        name: The workspace's name, for messages to others.
        workspace_id: Its number.
        new: Whether it has never started before; only then may it take an empty database.
    """

    name: str
    workspace_id: int
    new: bool


class Backend(Protocol):
    """What differs from database to database; there is a module of `backends` for each.

    Attributes:
        place: Which database, for messages: never with a password.
    """

    place: str

    def writer(self) -> Engine:
        """The engine of the one connection that writes; its transactions exclude other processes' too."""

    def reader(self) -> Engine:
        """The engine of readers: a transaction is a snapshot, and refuses to write."""

    def prepare(self, connection: Connection) -> None:
        """Make what tables need before the first is looked for."""

    def take(self, connection: Connection, owner: Owner) -> None:
        """Make sure that the database is this workspace's.

        Raises:
            WorkspaceProcessError: It is another's.
        """

    def lost(self, owner: Owner) -> WorkspaceProcessError:
        """Why a database without tables is none for a workspace that has started before."""

    def refusal(self, error: SQLAlchemyError) -> WorkspaceProcessError:
        """Why the database cannot be opened, for who starts the workspace."""

    def address(self, name: str, directory: Path) -> str:
        """Where a library that has tables of its own may keep them, as SQLAlchemy's URL, without a password."""

    def erase(self) -> None:
        """Delete what the workspace keeps outside its directory."""


class Reader:
    """The database of a workspace for reading only: while the workspace has it open, and while it does not run.

    Args:
        place: The file, or the address of a PostgreSQL database.

    Raises:
        WorkspaceProcessError: It cannot be reached or read, or the workspace has never started.
    """

    def __init__(self, place: Path | str) -> None:
        if isinstance(place, Path) and not place.exists():
            raise WorkspaceProcessError(
                "the workspace has no database yet", where=str(place), next="start the workspace once"
            )
        self._backend = _backend(place, None)
        self._reader = self._backend.reader()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot to read from."""
        try:
            with self._reader.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._backend.refusal(error) from error

    def close(self) -> None:
        """Give the connections back."""
        self._reader.dispose()


class Store:
    """The database of a workspace: a file of SQLite, or a PostgreSQL database.

    A write that returned survives the end of this process, however it ends. A read sees one state of the
    database from its first query on, and never waits for a writer.

    Args:
        place: The file, which is made where it is missing, or the address of a PostgreSQL database.
        owner: The workspace; without it, nobody asks whose database it is.

    Raises:
        WorkspaceProcessError: The database cannot be reached or read, belongs to another workspace, is in use, or
            was written by a newer Brickyard.
    """

    def __init__(self, place: Path | str, owner: Owner | None = None) -> None:
        self._backend = _backend(place, owner)
        self._write_lock = threading.RLock()
        self._writer, self._reader = self._backend.writer(), self._backend.reader()
        try:
            self._prepare(owner)
        except SQLAlchemyError as error:
            self.close()
            raise self._backend.refusal(error) from error
        except BaseException:
            self.close()
            raise

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; durable when the block ends, undone when it raises."""
        with self._write_lock, self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot to read from; never waits for a writer, and cannot write."""
        with self._reader.begin() as connection:
            yield connection

    def rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        """What a query finds, by the names of the columns."""
        with self.read() as connection:
            return connection.execute(query).mappings().all()

    def first(self, query: Select[Any]) -> RowMapping | None:
        """The first row that a query finds, where it finds any."""
        with self.read() as connection:
            return connection.execute(query).mappings().first()

    def address(self, name: str, directory: Path) -> str:
        """Where a library may keep tables of its own, beside the workspace's: SQLAlchemy's URL, without a password.

        Args:
            name: What the library's file or schema is called.
            directory: Where its files are.
        """
        return self._backend.address(name, directory)

    def erase(self) -> None:
        """Close the store, and delete what the workspace keeps outside its directory."""
        self.close()
        self._backend.erase()

    def close(self) -> None:
        """Give the connections back."""
        self._reader.dispose()
        self._writer.dispose()

    def _prepare(self, owner: Owner | None) -> None:
        load_tables()
        with self.write() as connection:
            self._backend.prepare(connection)
            version = _version(connection)
            if version is None and owner is not None and not owner.new:
                raise self._backend.lost(owner)
            if version is not None and version != SCHEMA_VERSION:
                self._migrate(connection, version)
            metadata.create_all(connection)
            if version is None:
                connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
            if owner is not None:
                self._backend.take(connection, owner)

    def _migrate(self, connection: Connection, version: int) -> None:
        """Bring an older database to what is known here: whole, or not at all."""
        if version > SCHEMA_VERSION:
            raise WorkspaceProcessError(
                f"the workspace was written by a newer Brickyard (schema {version}, known {SCHEMA_VERSION})",
                where=self._backend.place,
                next="upgrade brickyard",
            )
        from brickyard.workspace.store.migrations import migrate

        for step in range(version + 1, SCHEMA_VERSION + 1):
            migrate(connection, step)


@functools.cache
def load_tables() -> None:
    """Import the modules of this package, so that `metadata` knows every family's tables."""
    package = importlib.import_module("brickyard.workspace.store")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg:
            importlib.import_module(f"{package.__name__}.{module.name}")
    for table in metadata.tables.values():
        for column in table.columns:
            _by_bytes(column)


def _by_bytes(column: Column[Any]) -> None:
    """Order text by its bytes, as SQLite does, where a database would order it by the rules of a language."""
    if isinstance(column.type, String) and column.type.collation is None:
        ordered = type(column.type)(column.type.length, collation="C")
        column.type = column.type.with_variant(ordered, "postgresql")


def _version(connection: Connection) -> int | None:
    """The version of the tables; nothing where there are none yet."""
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.execute(select(schema_version.c.version)).scalar()


def _backend(place: Path | str, owner: Owner | None) -> Backend:
    if isinstance(place, Path):
        from brickyard.workspace.store.backends.sqlite import Sqlite

        return Sqlite(place)
    from brickyard.workspace.store.backends.postgresql import Postgresql

    return Postgresql(place, owner)
