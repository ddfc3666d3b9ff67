"""Schema 7: serving endpoints that tell people by mail how updates ended."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import JSON, Column

from brickyard.workspace.store.migrations.columns import add

__all__ = ["upgrade"]


def upgrade(operations: Operations) -> None:
    """Add the column that version 6 lacks."""
    add(operations, "serving_endpoints", Column("email_notifications", JSON))
