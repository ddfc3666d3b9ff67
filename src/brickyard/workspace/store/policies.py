"""The table of cluster policies."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["cluster_policies"]

cluster_policies = Table(
    "cluster_policies",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("description", Text),
    Column("definition", Text),  # of its own: nothing where it inherits that of a family
    Column("family_id", String),
    Column("overrides", Text),  # of the family's definition
    Column("libraries", JSON, nullable=False),  # as the API has them
    Column("max_clusters_per_user", BigInteger),
    Column("creator_name", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("is_default", Boolean, nullable=False),
)
