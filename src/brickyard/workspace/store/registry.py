"""Tables of the model registry in Unity Catalog: models, their versions, aliases, tags and lineage.

A model is keyed by its full name in lower case, as Unity Catalog keeps names.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["lineage", "model_aliases", "model_tags", "model_versions", "registered_models", "version_tags"]

registered_models = Table(
    "registered_models",
    metadata,
    Column("name", String, primary_key=True),
    Column("catalog_name", String, nullable=False),
    Column("schema_name", String, nullable=False),
    Column("description", Text),
    Column("owner", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String, nullable=False),
    Column("next_version", Integer, nullable=False, default=1),  # never goes back: a number is used once
    Index("registered_models_by_schema", "catalog_name", "schema_name"),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("name", String, ForeignKey("registered_models.name", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("status", String, nullable=False),
    Column("source", Text),
    Column("run_id", String, index=True),
    Column("run_workspace_id", String),
    Column("model_id", String),
    Column("feature_deps", Text),
    Column("dependencies", Text, nullable=False),
    Column("description", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String, nullable=False),
)


def _of_version(*columns: Column[str] | Column[int]) -> list[Column[str] | Column[int] | ForeignKeyConstraint]:
    return [
        Column("name", String, primary_key=True),
        Column("version", Integer, primary_key=True),
        *columns,
        ForeignKeyConstraint(
            ["name", "version"], ["model_versions.name", "model_versions.version"], ondelete="CASCADE"
        ),
    ]


model_tags = Table(
    "registered_model_tags",
    metadata,
    Column("name", String, ForeignKey("registered_models.name", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

version_tags = Table(
    "model_version_tags",
    metadata,
    *_of_version(Column("key", String, primary_key=True), Column("value", Text, nullable=False)),
)

model_aliases = Table(
    "registered_model_aliases",
    metadata,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(["name", "version"], ["model_versions.name", "model_versions.version"], ondelete="CASCADE"),
)

lineage = Table(
    "model_version_lineage",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("direction", String, nullable=False),
    Column("entities", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("recorded_by", String, nullable=False),
    ForeignKeyConstraint(["name", "version"], ["model_versions.name", "model_versions.version"], ondelete="CASCADE"),
)
