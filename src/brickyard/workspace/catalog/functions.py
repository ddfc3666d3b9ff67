"""The functions of Unity Catalog: what the API was sent, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.catalog.names import parent_of, valid_full_name
from brickyard.workspace.catalog.records import FUNCTION, SCHEMA, FunctionRecord

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["Functions"]


class Functions:
    """The functions of a workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, full_name: str, by: str, definition: Mapping[str, Any], comment: str | None) -> FunctionRecord:
        """Make a function.

        Raises:
            ApiError: `FUNCTION_ALREADY_EXISTS`, `SCHEMA_DOES_NOT_EXIST`.
        """
        name = valid_full_name(full_name, 3)
        with self._store.write() as connection:
            SCHEMA.get(connection, parent_of(name))
            return FUNCTION.add(connection, name, by, comment=comment, definition=dict(definition))

    def get(self, full_name: str) -> FunctionRecord:
        """A function.

        Raises:
            ApiError: `FUNCTION_DOES_NOT_EXIST`.
        """
        with self._store.read() as connection:
            return FUNCTION.get(connection, full_name)

    def has(self, full_name: str) -> bool:
        """Whether there is such a function."""
        with self._store.read() as connection:
            return FUNCTION.find(connection, full_name) is not None

    def all(self, schema: str) -> list[FunctionRecord]:
        """The functions of a schema, by name.

        Raises:
            ApiError: `SCHEMA_DOES_NOT_EXIST`.
        """
        with self._store.read() as connection:
            return FUNCTION.children(connection, SCHEMA.get(connection, schema).full_name)

    def delete(self, full_name: str) -> None:
        """Delete a function.

        Raises:
            ApiError: `FUNCTION_DOES_NOT_EXIST`.
        """
        with self._store.write() as connection:
            FUNCTION.remove(connection, FUNCTION.get(connection, full_name))
