"""The table of global init scripts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["global_init_scripts"]

global_init_scripts = Table(
    "global_init_scripts",
    metadata,
    Column("script_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("script", Text, nullable=False),  # in base64
    Column("enabled", Boolean, nullable=False),
    Column("position", Integer, nullable=False),  # from 0, without gaps
    Column("created_by", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_by", String, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
