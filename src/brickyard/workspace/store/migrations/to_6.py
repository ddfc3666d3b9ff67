"""Schema 6: serving endpoints that have rate limits and an AI gateway."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import JSON, Column

from brickyard.workspace.store.migrations.columns import add

__all__ = ["upgrade"]


def upgrade(operations: Operations) -> None:
    """Add the columns that version 5 lacks."""
    add(operations, "serving_endpoints", Column("rate_limits", JSON), Column("ai_gateway", JSON))
