"""Schema 5: clusters that have the tags of their job run, and say what became of the delivery of their logs."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import JSON, Column

from brickyard.workspace.store.migrations.columns import add

__all__ = ["upgrade"]


def upgrade(operations: Operations) -> None:
    """Add the columns that version 4 lacks."""
    add(operations, "clusters", Column("tags", JSON), Column("log_status", JSON))
