"""Tables of serving endpoints."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["serving_endpoints"]

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
)
