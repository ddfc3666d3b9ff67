"""The table of the audit record."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["audit"]

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("time", BigInteger, nullable=False, index=True),
    Column("principal", String, nullable=False),
    Column("source_address", String, nullable=False),
    Column("action", String, nullable=False),
    Column("object", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error_code", String, nullable=False),
)
