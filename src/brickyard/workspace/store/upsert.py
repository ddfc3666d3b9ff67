"""Writing a row whether or not there is one with its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table

__all__ = ["put"]


def put(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row or, where its primary key is taken, change the row that has it.

    Args:
        connection: A transaction that may write.
        table: The table.
        row: The key's columns, and the ones to set.
    """
    from sqlalchemy.dialects import postgresql, sqlite

    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    key = [column.name for column in table.primary_key]
    changes = {name: value for name, value in row.items() if name not in key}
    statement = insert(table).values(**row)
    if changes:
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes))
    else:
        connection.execute(statement.on_conflict_do_nothing())
