"""Schema 3: runs that say what started them, which task waits for them, and how they were repaired."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Text, inspect

from brickyard.workspace.store.migrations.columns import add

__all__ = ["upgrade"]


def upgrade(operations: Operations) -> None:
    """Add the columns that version 2 lacks."""
    add(operations, "runs", Column("trigger", Text), Column("parent", BigInteger), Column("repairs", Text))
    found = inspect(operations.get_bind())
    if found.has_table("runs") and all(index["name"] != "ix_runs_parent" for index in found.get_indexes("runs")):
        operations.create_index("ix_runs_parent", "runs", ["parent"])
