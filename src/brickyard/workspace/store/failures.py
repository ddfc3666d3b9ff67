"""What a failure of the database means to who asked for something."""

from __future__ import annotations

import enum
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

__all__ = ["DatabaseTaken", "Failure", "failure"]

# SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_FULL = "53100"
_TOO_MANY_CONNECTIONS = "53300"
_CONNECTION, _OPERATOR = "08", "57P"
_DAMAGED = ("malformed", "not a database", "disk I/O error")
# What SQLite says where a file may not grow: https://www.sqlite.org/rescode.html
_NO_ROOM = {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMOPEN", "SQLITE_IOERR_SHMSIZE"}


class Failure(enum.Enum):
    """What went wrong, by what can be done about it."""

    FULL = "make room"
    UNAVAILABLE = "try again when the database is back"
    UNFIT = "send another value: this one cannot be stored"
    DAMAGED = "restore the database from a copy"


class DatabaseTaken(SQLAlchemyError):
    """Another process has taken the database."""


def failure(error: BaseException) -> Failure | None:
    """What an error of a database means; nothing where it means none of these."""
    if isinstance(error, DatabaseTaken):
        return Failure.UNAVAILABLE
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    return _of_postgresql(error, cause) if isinstance(error, DBAPIError) else None


def _of_sqlite(error: sqlite3.Error) -> Failure | None:
    words = str(error)
    if "disk is full" in words or getattr(error, "sqlite_errorname", None) in _NO_ROOM:
        return Failure.FULL
    return Failure.DAMAGED if any(one in words for one in _DAMAGED) else None


def _of_postgresql(error: DBAPIError, cause: BaseException | None) -> Failure | None:
    state = getattr(cause, "sqlstate", None) or ""
    if state == _FULL:
        return Failure.FULL
    if state.startswith((_CONNECTION, _OPERATOR)) or state == _TOO_MANY_CONNECTIONS:
        return Failure.UNAVAILABLE
    names = {one.__name__ for one in type(cause).__mro__}
    if error.connection_invalidated or (not state and "OperationalError" in names):
        return Failure.UNAVAILABLE
    return Failure.UNFIT if "DataError" in names else None
