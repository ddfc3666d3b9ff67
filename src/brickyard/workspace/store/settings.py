"""The table of settings that hold for the whole workspace."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["settings"]

settings = Table(
    "settings",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)
