"""Bringing older databases to what is known here: a module for the step to each schema version, all in one transaction.

A step changes the tables that older databases have; tables that they lack are made whole afterwards, so a step leaves a
table alone that is not there yet. Steps see only what is in their own module, never today's tables.
"""

from __future__ import annotations

import importlib
import logging

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text

__all__ = ["migrate"]

_log = logging.getLogger(__name__)


def migrate(connection: Connection, version: int) -> None:
    """Bring a database from the version before to this one, in the connection's transaction."""
    step = importlib.import_module(f"{__name__}.to_{version}")
    step.upgrade(Operations(MigrationContext.configure(connection)))
    connection.execute(text("UPDATE schema_version SET version = :version"), {"version": version})
    _log.info("the database is migrated to schema %s", version)
