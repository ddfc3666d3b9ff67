"""The table of secret scopes whose secrets are in an Azure Key Vault; nothing of what is in the vault is kept."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["key_vaults"]

key_vaults = Table(
    "key_vaults",
    metadata,
    Column("scope", String, ForeignKey("secret_scopes.id", ondelete="CASCADE"), primary_key=True),
    Column("resource_id", String, nullable=False),
    Column("dns_name", String, nullable=False),
)
