"""Tables of Git folders, and of the credentials with which they are fetched."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, LargeBinary, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["git_credentials", "git_hosts", "repos"]

git_credentials = Table(
    "git_credentials",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("principal_id", BigInteger, nullable=False, index=True),
    Column("provider", String, nullable=False),
    Column("name", String),
    Column("username", String),
    Column("email", String),
    Column("is_default", Boolean, nullable=False),
    Column("sealed", LargeBinary),  # the token: nonce and ciphertext
)

git_hosts = Table(  # where tokens for servers of one's own may go
    "git_hosts",
    metadata,
    Column("principal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("provider", String, primary_key=True),
    Column("host", String, primary_key=True),  # with its port
)

repos = Table(
    "repos",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # the number of the workspace object
    Column("path", String, nullable=False, unique=True),
    Column("url", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("creator_id", BigInteger, nullable=False),
    Column("credential_id", BigInteger),
    Column("sparse_patterns", JSON),
)
