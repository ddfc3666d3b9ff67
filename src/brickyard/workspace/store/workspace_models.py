"""The table of models in the workspace's own registry: MLflow knows them by name, permissions by a number."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["workspace_models"]

workspace_models = Table(
    "workspace_models",
    metadata,
    Column("id", String, primary_key=True),  # as in /api/2.0/permissions/registered-models/{id}
    Column("name", String, nullable=False, unique=True),
    Column("creator", String, nullable=False),
)
