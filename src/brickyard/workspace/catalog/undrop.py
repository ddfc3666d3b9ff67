"""Tables that were dropped, kept for seven days so that they can be taken back.

Of a managed table the files wait where those of dropped objects do. A table comes back with its id, so that its
grants and tags count again; its keys do not, as on the service. Views do not, nor tables of a schema that is dropped.

Source: https://docs.databricks.com/sql/language-manual/sql-ref-syntax-ddl-undrop-table
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select

from brickyard.workspace.api.errors import InvalidState
from brickyard.workspace.catalog.errors import already_exists, does_not_exist
from brickyard.workspace.catalog.hive import in_hive, table_place
from brickyard.workspace.catalog.names import parent_of
from brickyard.workspace.catalog.overlaps import require_free
from brickyard.workspace.catalog.records import SCHEMA, TABLE, TableRecord
from brickyard.workspace.clock import now
from brickyard.workspace.store.catalog import dropped_tables as table

if TYPE_CHECKING:
    from brickyard.workspace.catalog.dropped import Dropped
    from brickyard.workspace.store import Store

__all__ = ["DroppedTable", "Undrop"]

_DAYS = 7
_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True)
class DroppedTable:
    """A table that was dropped: what it was, and when that was, in epoch milliseconds."""

    record: TableRecord
    deleted_at: int


class Undrop:
    """Keeps what is dropped, and gives it back.

    Args:
        store: The workspace's database.
        data: The workspace's data.
        dropped: Where files wait.
    """

    def __init__(self, store: Store, data: Path, dropped: Dropped) -> None:
        self._store = store
        self._data = data
        self._dropped = dropped

    def takes(self, record: TableRecord) -> bool:
        """Whether a table is kept when it is dropped; there is no way back in the legacy catalog."""
        return record.table_type != "VIEW" and not in_hive(record.full_name)

    def keep(self, connection: Connection, record: TableRecord) -> None:
        """Keep a table that is being dropped."""
        schema = SCHEMA.get(connection, parent_of(record.full_name))
        row = {"id": record.id, "schema_id": schema.id, "record": json.dumps(asdict(record))}
        connection.execute(insert(table).values(**row, deleted_at=now()))

    def expire(self) -> set[str]:
        """Forget what was dropped too long ago, or whose schema is gone; the ids of the rest."""
        with self._store.write() as connection:
            schemas = {one.id for one in SCHEMA.children(connection)}
            oldest = now() - _DAYS * _DAY_MS
            old = (table.c.deleted_at < oldest) | table.c.schema_id.not_in(schemas)
            connection.execute(delete(table).where(old))
            return set(connection.execute(select(table.c.id)).scalars())

    def homes(self) -> dict[str, Path]:
        """Where the managed tables that are kept were, unless another table is there: id and directory."""
        with self._store.read() as connection:
            records = [json.loads(text) for text in connection.execute(select(table.c.record)).scalars()]
            taken = {one.location for one in TABLE.children(connection)}
        managed = [one for one in records if one["table_type"] == "MANAGED" and one["location"] not in taken]
        return {one["id"]: Path(one["location"]) for one in managed}

    def of_schema(self, schema: str) -> list[DroppedTable]:
        """The tables that were dropped from a schema, the latest first.

        Raises:
            ApiError: `SCHEMA_DOES_NOT_EXIST`.
        """
        self.expire()
        with self._store.read() as connection:
            mine = table.c.schema_id == SCHEMA.get(connection, schema).id
            rows = connection.execute(select(table).where(mine).order_by(table.c.deleted_at.desc())).all()
            return [self._read(row._mapping, schema) for row in rows]

    def by_id(self, table_id: str) -> DroppedTable:
        """A table that was dropped.

        Raises:
            ApiError: `TABLE_DOES_NOT_EXIST`.
        """
        self.expire()
        with self._store.read() as connection:
            row = connection.execute(select(table).where(table.c.id == table_id)).first()
            names = {one.id: one.full_name for one in SCHEMA.children(connection)}
        if row is None:
            raise does_not_exist("TABLE", f"dropped with the id {table_id}")
        return self._read(row._mapping, names[row.schema_id])

    def restore(self, found: DroppedTable) -> TableRecord:
        """Give a table back.

        Raises:
            ApiError: `TABLE_ALREADY_EXISTS`: there is another of its name by now; or the files are gone.
        """
        record = found.record
        with self._store.write() as connection:
            if TABLE.find(connection, record.full_name) is not None:
                raise already_exists("TABLE", record.full_name)
            if record.table_type == "MANAGED" and not self._dropped.holds(record.id):
                raise InvalidState(f"The files of the dropped table {record.full_name} are gone.")
            if record.table_type == "EXTERNAL":
                require_free(connection, record.directory, self._data)
            TABLE.restore(connection, record)
            connection.execute(delete(table).where(table.c.id == record.id))
            if record.table_type == "MANAGED":
                self._dropped.give_back(record.id, record.directory)
        return record

    def _read(self, row: Mapping[Any, Any], schema: str) -> DroppedTable:
        """A row; its schema may have another name by now, and the table's place goes with it."""
        fields = json.loads(row["record"])
        name = f"{schema}.{fields['name']}"
        if fields["location"] == str(table_place(self._data, fields["full_name"])):
            fields["location"] = str(table_place(self._data, name))
        return DroppedTable(TableRecord(**{**fields, "full_name": name}), row["deleted_at"])
