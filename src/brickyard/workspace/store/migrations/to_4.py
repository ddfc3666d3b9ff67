"""Schema 4: runs of tasks that say on which cluster they were."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, Text

from brickyard.workspace.store.migrations.columns import add

__all__ = ["upgrade"]


def upgrade(operations: Operations) -> None:
    """Add the column that version 3 lacks."""
    add(operations, "task_runs", Column("cluster", Text))
