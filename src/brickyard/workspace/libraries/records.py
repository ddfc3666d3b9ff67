"""Which libraries each cluster is to have, in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from brickyard.workspace.libraries.kinds import name_of
from brickyard.workspace.store.libraries import cluster_libraries as table

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["LibraryRecord", "LibraryStore"]


@dataclass(frozen=True)
class LibraryRecord:
    """A library of a cluster; see the table `cluster_libraries`."""

    cluster_id: str
    name: str
    library: Mapping[str, Any]
    added_by: int
    leaving: bool = False


class LibraryStore:
    """Reads and writes them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, cluster_id: str) -> list[LibraryRecord]:
        """Those of a cluster, in the order in which they were added, those that leave last."""
        with self._store.read() as connection:
            wanted = select(table).where(table.c.cluster_id == cluster_id).order_by(table.c.leaving, table.c.number)
            rows = connection.execute(wanted).mappings().all()
        return [LibraryRecord(**{name: value for name, value in row.items() if name != "number"}) for row in rows]

    def clusters(self) -> list[str]:
        """The clusters that have any."""
        with self._store.read() as connection:
            return list(connection.execute(select(table.c.cluster_id).distinct()).scalars())

    def add(self, cluster_id: str, libraries: Collection[Mapping[str, Any]], by: int) -> None:
        """Add those that it has not; those that were to leave stay."""
        with self._store.write() as connection:
            for library in libraries:
                name = name_of(library)
                mine = (table.c.cluster_id == cluster_id) & (table.c.name == name)
                if not connection.execute(update(table).where(mine).values(leaving=False)).rowcount:
                    record = LibraryRecord(cluster_id, name, library, by)
                    connection.execute(insert(table).values(**vars(record)))

    def leave(self, cluster_id: str, names: Collection[str]) -> None:
        """Have libraries leave with the next restart."""
        mine = (table.c.cluster_id == cluster_id) & table.c.name.in_(names)
        with self._store.write() as connection:
            connection.execute(update(table).where(mine).values(leaving=True))

    def remove(self, cluster_id: str, names: Collection[str] | None = None) -> None:
        """Remove libraries of a cluster; without names, those that were to leave."""
        which = table.c.leaving.is_(True) if names is None else table.c.name.in_(names)
        with self._store.write() as connection:
            connection.execute(delete(table).where((table.c.cluster_id == cluster_id) & which))

    def forget(self, cluster_id: str) -> None:
        """Remove all of a cluster that is gone."""
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.cluster_id == cluster_id))
