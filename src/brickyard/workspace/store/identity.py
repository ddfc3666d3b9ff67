"""Tables of principals and their tokens."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["principals", "tokens"]

principals = Table(
    "principals",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("user_name", String, nullable=False, unique=True),
    Column("display_name", String, nullable=False),
    Column("active", Boolean, nullable=False, default=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("principal_id", BigInteger, ForeignKey("principals.id"), nullable=False),
    Column("comment", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("listed", Boolean, nullable=False, default=True),  # tokens of tasks are not the user's to list
)
