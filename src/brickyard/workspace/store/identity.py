"""Tables of users, service principals, groups and what they sign in with.

Wherever a table of any family has a column `principal_id`, its rows end with that principal.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["group_members", "groups", "oauth_secrets", "principals", "tokens"]

# Users and service principals; the name of a service principal is its application id.
principals = Table(
    "principals",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("kind", String, nullable=False, server_default="USER"),
    Column("user_name", String, nullable=False, unique=True),
    Column("display_name", String, nullable=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("external_id", String),
    Column("profile", JSON),  # the SCIM attributes that the workspace keeps without using them
    Column("created_at", BigInteger, nullable=False, server_default="0"),
)

groups = Table(
    "groups",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("display_name", String, nullable=False, unique=True),
    Column("external_id", String),
    Column("profile", JSON),
)

# A member is a user, a service principal or another group: their ids never coincide.
group_members = Table(
    "group_members",
    metadata,
    Column("group_id", BigInteger, ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("member_id", BigInteger, primary_key=True, index=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("principal_id", BigInteger, ForeignKey("principals.id"), nullable=False),
    Column("comment", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("listed", Boolean, nullable=False, default=True),  # tokens of tasks are not the user's to list
    Column("created_by", BigInteger),  # another principal, for tokens made on its behalf
    Column("last_used_at", BigInteger),
)

# What a service principal exchanges for an access token (OAuth, client credentials).
oauth_secrets = Table(
    "oauth_secrets",
    metadata,
    Column("id", String, primary_key=True),
    Column("principal_id", BigInteger, ForeignKey("principals.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("hash", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
