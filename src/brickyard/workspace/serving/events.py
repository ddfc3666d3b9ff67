"""What happened to endpoints, kept in the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from brickyard.workspace.clock import now
from brickyard.workspace.notifications import outbox
from brickyard.workspace.serving.notices import notices
from brickyard.workspace.store.serving import serving_events as table

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["Event", "EventLog"]

#: How many events of an endpoint are kept.
MOST_EVENTS = 1000


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        timestamp: When, in epoch milliseconds.
        type: What, for example `UPDATE_FAILED`.
        message: The same for people.
    """

    timestamp: int
    type: str
    message: str


class EventLog:
    """The events of one endpoint.

    Args:
        store: The workspace's database.
        endpoint_id: Whose they are.
        wake: Called where people are to be told.
    """

    def __init__(self, store: Store, endpoint_id: str, wake: Callable[[], None]) -> None:
        self._store = store
        self._id = endpoint_id
        self._wake = wake

    def add(self, kind: str, message: str) -> None:
        """Write what happened, and who is to be told; the oldest events make room."""
        mine = table.c.endpoint_id == self._id
        with self._store.write() as connection:
            told = notices(connection, self._id, kind, message)
            outbox.put(connection, told)
            connection.execute(insert(table).values(endpoint_id=self._id, timestamp=now(), type=kind, message=message))
            if (connection.execute(select(func.count()).where(mine)).scalar() or 0) > MOST_EVENTS:
                oldest = connection.execute(select(func.min(table.c.id)).where(mine)).scalar()
                connection.execute(delete(table).where(table.c.id == oldest))
        if told:
            self._wake()

    def all(self) -> list[Event]:
        """The events, the newest first."""
        found = select(table.c.timestamp, table.c.type, table.c.message).where(table.c.endpoint_id == self._id)
        return [Event(**row) for row in self._store.rows(found.order_by(table.c.id.desc()))]

    def forget(self) -> None:
        """Delete them."""
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.endpoint_id == self._id))
