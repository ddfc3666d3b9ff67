"""What catalogs, schemas and locations can have besides what all have: storage, modes, options, bindings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select

from brickyard.workspace.store.catalog import attributes as table

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["Attributes"]


class Attributes:
    """Values by the id of the object and their name, as JSON has them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, object_id: str) -> Mapping[str, Any]:
        """What an object has."""
        with self._store.read() as connection:
            return self.read(connection, object_id)

    @staticmethod
    def read(connection: Connection, object_id: str) -> Mapping[str, Any]:
        """What an object has, in a transaction that is open."""
        rows = connection.execute(select(table.c.name, table.c.value).where(table.c.object_id == object_id))
        return {row.name: json.loads(row.value) for row in rows}

    def put(self, object_id: str, values: Mapping[str, Any]) -> None:
        """Give an object values; none takes one away."""
        with self._store.write() as connection:
            self.write(connection, object_id, values)

    @staticmethod
    def write(connection: Connection, object_id: str, values: Mapping[str, Any]) -> None:
        """Give an object values in a transaction that is open; none takes one away."""
        connection.execute(delete(table).where((table.c.object_id == object_id) & table.c.name.in_(values)))
        rows = [
            {"object_id": object_id, "name": name, "value": json.dumps(value)}
            for name, value in values.items()
            if value is not None
        ]
        if rows:
            connection.execute(insert(table), rows)
