"""Tables of cluster policies, and of clusters that are to keep to them later."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["cluster_policies", "pending_enforcements"]

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

# Of clusters that are to keep to their policies from their next end on.
pending_enforcements = Table(
    "pending_enforcements",
    metadata,
    Column("cluster_id", String, primary_key=True),
    Column("initiator", String, nullable=False),
    Column("initiated_at", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
)
