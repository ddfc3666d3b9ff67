"""Tables of SQL: warehouses, statements that they ran, saved queries and their visualizations."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["saved_queries", "sql_statements", "sql_warehouses", "statement_tags", "visualizations"]

sql_warehouses = Table(
    "sql_warehouses",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("creator_name", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("settings", JSON, nullable=False),  # as the API has them
)

sql_statements = Table(
    "sql_statements",
    metadata,
    Column("id", String, primary_key=True),  # in the order of their time
    Column("warehouse_id", String, nullable=False, index=True),
    Column("user_id", BigInteger, nullable=False),
    Column("user_name", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("kind", String, nullable=False),  # SELECT, INSERT, ...
    Column("client", String),
    Column("disposition", String, nullable=False),
    Column("format", String, nullable=False),
    Column("state", String, nullable=False),
    Column("submitted_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("error", JSON),
    Column("manifest", JSON),
)

saved_queries = Table(
    "saved_queries",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("state", String, nullable=False),  # ACTIVE or TRASHED
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("modified_by", String, nullable=False),
    Column("settings", JSON, nullable=False),  # as the API has them
)

visualizations = Table(
    "visualizations",
    metadata,
    Column("id", String, primary_key=True),
    Column("query_id", String, nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("settings", JSON, nullable=False),  # as the API has them
)

# Of the statements that were given some.
statement_tags = Table(
    "statement_tags",
    metadata,
    Column("id", String, primary_key=True),  # the statement's
    Column("tags", JSON, nullable=False),  # as the API has them
)
