"""Tables of serving endpoints."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["serving_endpoints", "serving_events"]

serving_endpoints = Table(
    "serving_endpoints",
    metadata,
    Column("name", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("creator", String, nullable=False),
    Column("description", String),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("config", JSON, nullable=False),  # what serves, or will when its models are there
    Column("config_version", Integer, nullable=False),
    Column("pending_config", JSON),  # an update that does not serve yet
    Column("pending_at", BigInteger),
    Column("failure", String),  # why the last update or load failed
    Column("rate_limits", JSON),  # as the caller wrote them
    Column("ai_gateway", JSON),  # as the caller wrote it
    Column("email_notifications", JSON),  # addresses by event
)

serving_events = Table(
    "serving_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("endpoint_id", String, nullable=False),
    Column("timestamp", BigInteger, nullable=False),  # epoch milliseconds
    Column("type", String, nullable=False),
    Column("message", Text, nullable=False),
    Index("ix_serving_events_of", "endpoint_id", "id"),
)
