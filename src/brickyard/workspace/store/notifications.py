"""Tables of notification destinations, and of the notifications that are to be delivered."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["notification_destinations", "notifications"]

notification_destinations = Table(
    "notification_destinations",
    metadata,
    Column("id", String, primary_key=True),
    Column("display_name", String, nullable=False, unique=True),
    Column("type", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # its configuration, which has secrets: nonce and ciphertext
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("due_at", BigInteger, nullable=False, index=True),  # epoch milliseconds
    Column("tries", Integer, nullable=False),
    Column("message", Text, nullable=False),  # what happened, and to whom it is told, as JSON
)
