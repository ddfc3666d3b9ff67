"""Tables of clusters and of what happened to them. Times are epoch milliseconds."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["cluster_events", "clusters"]

clusters = Table(
    "clusters",
    metadata,
    Column("id", String, primary_key=True),
    Column("definition", JSON, nullable=False),  # the vendor's ClusterSpec, complete
    Column("given", JSON, nullable=False),  # as the caller wrote it
    Column("creator_name", String, nullable=False),
    Column("source", String, nullable=False),  # API, UI or JOB
    Column("created_at", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("state_message", Text, nullable=False),
    Column("context_id", BigInteger, nullable=False),  # another one with every start of its engine
    Column("started_at", BigInteger),
    Column("restarted_at", BigInteger),
    Column("terminated_at", BigInteger),
    Column("reason", JSON),  # the vendor's TerminationReason
    Column("pinned_at", BigInteger),
    Column("token", String, unique=True),  # the idempotency token of its creation
    Column("tags", JSON),  # the default tags that those of job runs have besides
    Column("log_status", JSON),  # the vendor's LogSyncStatus
)

cluster_events = Table(
    "cluster_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cluster_id", String, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("type", String, nullable=False),
    Column("details", JSON, nullable=False),  # the vendor's EventDetails
    Index("ix_cluster_events_of", "cluster_id", "timestamp", "id"),
)
