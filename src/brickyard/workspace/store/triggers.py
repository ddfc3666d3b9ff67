"""The table of what the triggers of jobs remember: which files and table versions they have seen, when they fired."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["job_triggers"]

job_triggers = Table(
    "job_triggers",
    metadata,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("definition", Text, nullable=False),  # the trigger that remembers this; another one begins anew
    Column("state", Text, nullable=False),
)
