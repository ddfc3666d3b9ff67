"""What several steps do."""

from __future__ import annotations

from typing import Any

from alembic.operations import Operations
from sqlalchemy import Column, String, Text, inspect

__all__ = ["add", "string", "unlimited"]


def add(operations: Operations, table: str, *columns: Column[Any]) -> None:
    """Add columns to a table of an older database; a table that is not there yet is made whole later."""
    found = inspect(operations.get_bind())
    if found.has_table(table):
        there = {column["name"] for column in found.get_columns(table)}
        for column in columns:
            if column.name not in there:
                operations.add_column(table, column)


def string() -> String:
    """Text that is ordered by its bytes on every database."""
    return String().with_variant(String(collation="C"), "postgresql")


def unlimited() -> Text:
    """Long text that is ordered by its bytes on every database."""
    return Text().with_variant(Text(collation="C"), "postgresql")
