"""Clusters and their events in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import RowMapping, delete, func, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.clock import now
from brickyard.workspace.clusters.records import LIVE, ClusterRecord, EventRecord, Json
from brickyard.workspace.store.clusters import cluster_events, clusters

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.store import Store

__all__ = ["ClusterStore"]


class ClusterStore:
    """Reads and writes clusters; a change and the events that belong to it are written in one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: dict[str, Json] = {}

    def hold(self, cluster_id: str, **values: Any) -> None:
        """Answer these of a cluster until it can be changed, so that nobody waits for one of which nothing runs."""
        self._held[cluster_id] = self._held.get(cluster_id, {}) | values

    def find(self, cluster_id: str) -> ClusterRecord | None:
        """A cluster, where there is one of that id."""
        with self._store.read() as connection:
            row = connection.execute(select(clusters).where(clusters.c.id == cluster_id)).mappings().first()
        return None if row is None else self._record(row)

    def get(self, cluster_id: str) -> ClusterRecord:
        """A cluster.

        Raises:
            InvalidParameterValue: There is none of that id; the SDK makes a `ResourceDoesNotExist` of it.
        """
        found = self.find(cluster_id)
        if found is None:
            raise InvalidParameterValue(f"Cluster {cluster_id} does not exist")
        return found

    def with_token(self, token: str) -> ClusterRecord | None:
        """The cluster that was made with an idempotency token."""
        with self._store.read() as connection:
            row = connection.execute(select(clusters).where(clusters.c.token == token)).mappings().first()
        return None if row is None else self._record(row)

    def all(self) -> list[ClusterRecord]:
        """All clusters, the newest first."""
        with self._store.read() as connection:
            rows = connection.execute(select(clusters).order_by(clusters.c.created_at.desc(), clusters.c.id)).mappings()
            return [self._record(row) for row in rows]

    def any(self) -> bool:
        """Whether there is any cluster."""
        with self._store.read() as connection:
            return connection.execute(select(clusters.c.id).limit(1)).first() is not None

    def live(self) -> list[ClusterRecord]:
        """Those of which something runs, or ran when the workspace ended."""
        with self._store.read() as connection:
            rows = connection.execute(select(clusters).where(clusters.c.state.in_(LIVE))).mappings()
            found = [self._record(row) for row in rows]
        return [one for one in found if one.state in LIVE]

    def add(self, cluster: ClusterRecord, *events: tuple[str, Json]) -> None:
        """Write a new cluster."""
        with self._store.write() as connection:
            connection.execute(insert(clusters).values(**vars(cluster)))
            _append(connection, cluster.id, events)

    def change(
        self,
        cluster_id: str,
        *events: tuple[str, Json],
        also: Callable[[Connection], None] | None = None,
        **values: Any,
    ) -> None:
        """Change columns of a cluster, and write what happened: types and details of events.

        Args:
            cluster_id: The cluster.
            events: What happened.
            also: What else is to be written with it, or not at all.
            values: The columns.
        """
        values = {**self._held.get(cluster_id, {}), **values}
        with self._store.write() as connection:
            if values:
                connection.execute(update(clusters).where(clusters.c.id == cluster_id).values(**values))
            _append(connection, cluster_id, events)
            if also is not None:
                also(connection)
        self._held.pop(cluster_id, None)

    def note(self, cluster_id: str, **values: Any) -> None:
        """Change columns that say nothing of the cluster's state: what is held of that stays held."""
        with self._store.write() as connection:
            connection.execute(update(clusters).where(clusters.c.id == cluster_id).values(**values))

    def delete(self, cluster_ids: Iterable[str]) -> None:
        """Delete clusters with their events."""
        ids = list(cluster_ids)
        with self._store.write() as connection:
            connection.execute(delete(cluster_events).where(cluster_events.c.cluster_id.in_(ids)))
            connection.execute(delete(clusters).where(clusters.c.id.in_(ids)))
        for one in ids:
            self._held.pop(one, None)

    def events(
        self,
        cluster_id: str,
        *,
        types: Iterable[str],
        span: tuple[int, int],
        newest_first: bool,
        offset: int,
        limit: int,
    ) -> tuple[int, list[EventRecord]]:
        """How many events of a cluster there are of these types (of all without any) in a time; and a page of them."""
        mine = (cluster_events.c.cluster_id == cluster_id) & cluster_events.c.timestamp.between(*span)
        wanted = list(types)
        if wanted:
            mine &= cluster_events.c.type.in_(wanted)
        order = [cluster_events.c.timestamp, cluster_events.c.id]
        columns = [cluster_events.c[name] for name in EventRecord.__dataclass_fields__]
        page = select(*columns).where(mine).order_by(*(one.desc() for one in order) if newest_first else order)
        with self._store.read() as connection:
            total = connection.execute(select(func.count()).select_from(cluster_events).where(mine)).scalar() or 0
            rows = connection.execute(page.offset(offset).limit(limit)).mappings()
            return total, [EventRecord(**row) for row in rows]

    def _record(self, row: RowMapping) -> ClusterRecord:
        found = ClusterRecord(**row)
        return replace(found, **self._held.get(found.id, {}))


def _append(connection: Any, cluster_id: str, events: Iterable[tuple[str, Json]]) -> None:
    rows = [{"cluster_id": cluster_id, "timestamp": now(), "type": kind, "details": what} for kind, what in events]
    if rows:
        connection.execute(insert(cluster_events), rows)
