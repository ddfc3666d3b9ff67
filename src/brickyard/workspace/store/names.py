"""Names of which there is one in a table."""

from __future__ import annotations

from sqlalchemy import Connection, Table, select

__all__ = ["name_taken"]


def name_taken(connection: Connection, table: Table, name: str, own: str) -> bool:
    """Whether another row than that of the id `own` has a name."""
    others = (table.c.name == name) & (table.c.id != own)
    return connection.execute(select(table.c.id).where(others)).first() is not None
