"""SQLite in WAL mode: a file in the workspace's directory, and nothing to install."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from brickyard.errors import WorkspaceProcessError
from brickyard.workspace.store.failures import Failure, failure

if TYPE_CHECKING:
    from brickyard.workspace.store.base import Owner

__all__ = ["Sqlite"]

# NORMAL: a write has reached the operating system when it returns; a killed process loses nothing.
_SETTINGS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")
_LARGE_BYTES = 16 << 20  # a look at more would be felt at every start
_START_AFRESH = "or start afresh with `brickyard workspace reset`"


class Sqlite:
    """A database file.

    Args:
        path: It is made where it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self._url = URL.create("sqlite", database=str(path))

    def writer(self) -> Engine:
        """One connection, whose transactions take the file's write lock when they begin."""
        return self._engine("BEGIN IMMEDIATE", _SETTINGS, pool_size=1, max_overflow=0)

    def reader(self) -> Engine:
        """Connections that see the file as it was when their transaction read first."""
        return self._engine("BEGIN", (*_SETTINGS, "query_only=ON"))

    def prepare(self, connection: Connection) -> None:
        """The file is all there is to prepare, and it exists."""

    def take(self, connection: Connection, owner: Owner) -> None:
        """A file in the workspace's own directory is its own; one that is not large is looked at whether it is whole.

        Raises:
            WorkspaceProcessError: It is damaged.
        """
        pages, size = (connection.exec_driver_sql(f"PRAGMA {one}").scalar_one() for one in ("page_count", "page_size"))
        if pages * size > _LARGE_BYTES:
            return
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise WorkspaceProcessError(
                f"the workspace's database is damaged: {' '.join(found.split())}",
                where=self.place,
                next=f"restore the file from a copy, {_START_AFRESH}",
            )

    def lost(self, owner: Owner) -> WorkspaceProcessError:
        """The file was deleted or emptied."""
        return WorkspaceProcessError(
            f"the database of the workspace {owner.name!r} is empty: what it held is lost",
            where=self.place,
            next=f"restore a backup, {_START_AFRESH}",
        )

    def refusal(self, error: SQLAlchemyError) -> WorkspaceProcessError:
        """A full disk, a file in use, or a damaged one."""
        words = str(getattr(error, "orig", None) or error)
        kind = failure(error)
        if kind is Failure.FULL:
            message, next = f"the workspace's database cannot be written: {words}", "make room, and start again"
        elif "locked" in words:
            message = "another program has the workspace's database open and is writing"
            next = "end that program, and start again"
        elif "readonly" in words or "unable to open" in words:
            message, next = f"the workspace's database cannot be opened: {words}", "give access to the file"
        else:
            message = f"the workspace's database cannot be read: {words}"
            next = f"restore the file from a copy, {_START_AFRESH}"
        return WorkspaceProcessError(message, where=self.place, next=next)

    def address(self, name: str, directory: Path) -> str:
        """A file of the library's own; in WAL mode, its readers and its writer do not wait for each other."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{name}.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        return f"sqlite:///{path}"

    def erase(self) -> None:
        """The file goes with the workspace's directory."""

    def _engine(self, begin: str, settings: tuple[str, ...], **pool: int) -> Engine:
        engine = create_engine(self._url, connect_args={"check_same_thread": False, "timeout": 30}, **pool)

        def configure(connection: Any, _record: object) -> None:
            connection.isolation_level = None  # transactions are begun below, not guessed by the driver
            for setting in settings:
                connection.execute(f"PRAGMA {setting}").close()

        event.listen(engine, "connect", configure)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine
