"""The database behind a workspace: one writer at a time, readers beside it, durable once acknowledged."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, event, insert, select
from sqlalchemy.exc import DatabaseError

from brickyard.errors import WorkspaceProcessError

__all__ = ["SCHEMA_VERSION", "Store", "metadata"]

SCHEMA_VERSION = 1

metadata = MetaData()
_schema = Table("schema_version", metadata, Column("version", Integer, primary_key=True))


def load_tables() -> None:
    """Import every module of this package, so that `metadata` knows every family's tables."""
    package = importlib.import_module("brickyard.workspace.store")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


class Store:
    """A SQLite database in WAL mode.

    A write that returned has reached the operating system: killing the process cannot lose it.

    Args:
        path: The database file; it is created, with its tables, where it does not exist.

    Raises:
        WorkspaceProcessError: The file is damaged, or comes from a newer Brickyard.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write_lock = threading.RLock()
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 30})
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        try:
            self._prepare()
        except DatabaseError as error:
            raise WorkspaceProcessError(
                f"the workspace's database cannot be read: {error.orig}",
                where=str(path),
                next="restore the file from a copy, or start afresh with `brickyard workspace reset`",
            ) from error

    def _prepare(self) -> None:
        load_tables()
        with self.write() as connection:
            metadata.create_all(connection)
            version = connection.execute(select(_schema.c.version)).scalar()
            if version is None:
                connection.execute(insert(_schema).values(version=SCHEMA_VERSION))
            elif version > SCHEMA_VERSION:
                raise WorkspaceProcessError(
                    f"the workspace was written by a newer Brickyard (schema {version}, known {SCHEMA_VERSION})",
                    where=str(self._path),
                    next="upgrade brickyard",
                )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; durable when the block ends, undone when it raises."""
        with self._write_lock, self._engine.connect() as connection:
            writer = connection.execution_options(write=True)
            with writer.begin():
                yield writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot to read from; never waits for a writer."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def _configure(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None  # transactions are begun by `_begin`, not guessed by the driver
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        dbapi_connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
