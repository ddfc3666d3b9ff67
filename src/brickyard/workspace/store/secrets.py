"""Tables of secrets; values are stored encrypted only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["secret_scopes", "secret_values"]

secret_scopes = Table(
    "secret_scopes",
    metadata,
    Column("id", String, primary_key=True),  # the name in lower case: scope names are case-insensitive
    Column("name", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
)

secret_values = Table(
    "secret_values",
    metadata,
    Column("scope", String, ForeignKey("secret_scopes.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # nonce and ciphertext
    Column("updated_at", BigInteger, nullable=False),
)
