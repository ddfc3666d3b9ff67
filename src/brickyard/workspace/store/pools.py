"""The table of instance pools."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["instance_pools"]

instance_pools = Table(
    "instance_pools",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("creator_id", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("settings", JSON, nullable=False),  # as the API has them
)
