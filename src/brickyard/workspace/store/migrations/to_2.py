"""Schema 2: service principals beside users, and tokens that say who made them and when they were used."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import JSON, BigInteger, Column

from brickyard.workspace.store.migrations.columns import add, string

__all__ = ["upgrade"]


def upgrade(operations: Operations) -> None:
    """Add the columns that version 1 lacks."""
    add(
        operations,
        "principals",
        Column("kind", string(), nullable=False, server_default="USER"),
        Column("external_id", string()),
        Column("profile", JSON),
        Column("created_at", BigInteger, nullable=False, server_default="0"),
    )
    add(operations, "tokens", Column("created_by", BigInteger), Column("last_used_at", BigInteger))
