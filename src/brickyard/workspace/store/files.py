"""Tables of the workspace tree: the identities of what is on disk."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["workspace_objects"]

workspace_objects = Table(
    "workspace_objects",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("path", String, nullable=False, unique=True),
    Column("parent", String, nullable=False, index=True),
    Column("kind", String, nullable=False),  # NOTEBOOK, FILE or DIRECTORY
    Column("language", String),
    Column("created_at", BigInteger, nullable=False),
)
