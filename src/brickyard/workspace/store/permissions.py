"""The table of permissions that were granted on objects."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["permissions"]

permissions = Table(
    "permissions",
    metadata,
    Column("kind", String, primary_key=True),  # as in /api/2.0/permissions/{kind}/{id}; `tree` for workspace objects
    Column("object_id", String, primary_key=True),  # of workspace objects, the path
    Column("principal_id", BigInteger, primary_key=True),  # a user, a service principal or a group
    Column("level", String, nullable=False),
)
