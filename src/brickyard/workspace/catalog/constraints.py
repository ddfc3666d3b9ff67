"""Keys of tables: known to the catalog, and not enforced, as on the service.

Source: https://docs.databricks.com/tables/constraints ("informational primary key and foreign key constraints").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from brickyard.workspace.catalog.columns import read_columns
from brickyard.workspace.catalog.records import TABLE, TableRecord
from brickyard.workspace.store.catalog import constraints as table

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["FOREIGN", "Constraints"]

PRIMARY, FOREIGN = "primary_key_constraint", "foreign_key_constraint"


class Constraints:
    """The constraints of a workspace's tables."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, record: TableRecord) -> list[dict[str, Any]]:
        """The constraints of a table, as the API has them."""
        wanted = select(table.c.definition).where(table.c.table_id == record.id).order_by(table.c.name)
        with self._store.read() as connection:
            return [json.loads(one) for one in connection.execute(wanted).scalars()]

    def create(self, full_name: str, constraint: Mapping[str, Any]) -> dict[str, Any]:
        """Add a constraint.

        Raises:
            ApiError: There is no such table.
            InvalidParameterValue: It names columns that there are not, or a table has two primary keys.
            ResourceAlreadyExists: Its name is taken.
        """
        kinds = [kind for kind in (PRIMARY, FOREIGN, "named_table_constraint") if constraint.get(kind)]
        if len(kinds) != 1:
            raise InvalidParameterValue("a constraint is one of primary_key_constraint, foreign_key_constraint")
        (kind,) = kinds
        definition = dict(constraint[kind])
        with self._store.write() as connection:
            record = TABLE.get(connection, full_name)
            self._check(connection, record, kind, definition)
            key = (table.c.table_id == record.id) & (table.c.name == definition["name"])
            if connection.execute(select(table.c.name).where(key)).first() is not None:
                raise ResourceAlreadyExists(f"Constraint '{definition['name']}' of {record.full_name} already exists.")
            row = {"table_id": record.id, "name": definition["name"], "definition": json.dumps({kind: definition})}
            connection.execute(insert(table).values(**row))
        return {kind: definition}

    def delete(self, full_name: str, name: str, *, cascade: bool) -> None:
        """Remove a constraint; with `cascade` also the foreign keys that refer to it.

        Raises:
            ApiError: There is no such table.
            ResourceDoesNotExist: There is no such constraint.
            InvalidParameterValue: A foreign key refers to it, and the call is without cascade.
        """
        with self._store.write() as connection:
            record = TABLE.get(connection, full_name)
            key = (table.c.table_id == record.id) & (table.c.name == name)
            found = connection.execute(select(table.c.definition).where(key)).scalar()
            if found is None:
                raise ResourceDoesNotExist(f"Constraint '{name}' of {record.full_name} does not exist.")
            for table_id, other in _referring(connection, record) if PRIMARY in json.loads(found) else []:
                if not cascade:
                    raise InvalidParameterValue(f"The foreign key '{other}' refers to '{name}'; use cascade.")
                self._remove(connection, table_id, other)
            self._remove(connection, record.id, name)

    def children(self, full_name: str, name: str) -> list[str]:
        """The full names of the tables whose foreign keys refer to a primary key; of another constraint, none.

        Raises:
            ApiError: There is no such table.
        """
        with self._store.read() as connection:
            record = TABLE.get(connection, full_name)
            if not any(one.get(PRIMARY, {}).get("name") == name for one in _all(connection, record)):
                return []
            ids = {table_id for table_id, _ in _referring(connection, record)}
            return [one.full_name for one in TABLE.children(connection) if one.id in ids]

    def forget(self, connection: Connection, table_id: str) -> None:
        """Remove the constraints of a table that is dropped."""
        connection.execute(delete(table).where(table.c.table_id == table_id))

    def _remove(self, connection: Connection, table_id: str, name: str) -> None:
        connection.execute(delete(table).where((table.c.table_id == table_id) & (table.c.name == name)))

    def _check(self, connection: Connection, record: TableRecord, kind: str, definition: dict[str, Any]) -> None:
        if not isinstance(definition.get("name"), str) or not definition["name"]:
            raise InvalidParameterValue("the constraint needs a name")
        if kind == PRIMARY:
            _check_columns(record, definition, "child_columns")
            _check_needed(record, definition)
            if any(PRIMARY in one for one in _all(connection, record)):
                raise InvalidParameterValue(f"{record.full_name} already has a primary key.")
        elif kind == FOREIGN:
            _check_columns(record, definition, "child_columns")
            parent = TABLE.get(connection, str(definition.get("parent_table")))
            definition["parent_table"] = parent.full_name
            keys = [one[PRIMARY]["child_columns"] for one in _all(connection, parent) if PRIMARY in one]
            wanted = definition.get("parent_columns") or (keys[0] if keys else [])
            definition["parent_columns"] = wanted
            if not keys or set(keys[0]) != set(wanted):
                raise InvalidParameterValue(f"{wanted} is not the primary key of {parent.full_name}.")


def _all(connection: Connection, record: TableRecord) -> list[dict[str, Any]]:
    wanted = select(table.c.definition).where(table.c.table_id == record.id)
    return [json.loads(one) for one in connection.execute(wanted).scalars()]


def _referring(connection: Connection, record: TableRecord) -> list[tuple[str, str]]:
    """The foreign keys that refer to a table."""
    rows = connection.execute(select(table.c.table_id, table.c.name, table.c.definition)).all()
    return [
        (row.table_id, row.name)
        for row in rows
        if json.loads(row.definition).get(FOREIGN, {}).get("parent_table") == record.full_name
    ]


def _check_columns(record: TableRecord, definition: Mapping[str, Any], field: str) -> None:
    known = {column.name for column in read_columns(record.directory)} if record.format == "DELTA" else None
    wanted = definition.get(field)
    if not isinstance(wanted, list) or not wanted:
        raise InvalidParameterValue(f"{field} must name columns")
    for name in wanted:
        if known is not None and name not in known:
            raise InvalidParameterValue(f"{record.full_name} has no column {name!r}.")


def _check_needed(record: TableRecord, definition: Mapping[str, Any]) -> None:
    """Columns of a primary key are never null."""
    columns = read_columns(record.directory) if record.format == "DELTA" else []
    nullable = [one.name for one in columns if one.nullable and one.name in definition["child_columns"]]
    if nullable:
        named = ", ".join(f"`{name}`" for name in nullable)
        raise InvalidParameterValue(
            f"Cannot create the primary key `{definition['name']}` because its child column(s) {named} is nullable."
            " Please change the column nullability and retry."
        )
