"""Tables of the file trees: the identities of what is in the workspace's, and what is mounted into DBFS."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["mounts", "workspace_objects"]

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

mounts = Table(
    "dbfs_mounts",
    metadata,
    Column("point", String, primary_key=True),  # `/mnt/lake`
    Column("source", String, nullable=False),  # as it was given
    Column("target", String, nullable=False),  # a directory on disk
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
)
