"""What is to be delivered, in the database: written in the transaction of what it tells of, so that none is lost."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, or_, select, update

from brickyard.workspace.notifications.messages import subject_of
from brickyard.workspace.store.notifications import notifications as table

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["MOST", "Entry", "Notice", "Target", "due", "keep", "next_due", "put", "unwatch"]

#: More are not kept: nobody can read what so many say.
MOST = 10_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """Something to tell somebody.

    Attributes:
        due_at: When, in epoch milliseconds.
        message: What happened, and to whom it is told.
    """

    due_at: int
    message: Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """Where a notice goes.

    Attributes:
        destination: The id of a destination, or nothing.
        addresses: Those of a mail, where it goes to no destination.
    """

    destination: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A notice that is kept.

    Attributes:
        id: Its number.
        tries: How often it was tried to deliver it.
        message: As in the notice.
    """

    id: int
    tries: int
    message: dict[str, Any]

    @property
    def target(self) -> Target:
        """Where it goes."""
        to = self.message["to"]
        return Target(to.get("destination", ""), tuple(to.get("addresses", ())))


def put(connection: Connection, notices: Sequence[Notice]) -> None:
    """Keep notices until they are delivered."""
    rows = [{"due_at": one.due_at, "tries": 0, "message": json.dumps(one.message)} for one in notices]
    if not rows:
        return
    waits = or_(table.c.due_at <= time.time() * 1000, table.c.tries > 0)  # not what is for slow runs only
    kept = connection.execute(select(func.count()).select_from(table).where(waits)).scalar_one()
    if kept + len(rows) > MOST:
        _log.error("%s notifications wait already, so this is not sent: %s", kept, subject_of(notices[0].message))
        return
    connection.execute(insert(table), rows)


def unwatch(connection: Connection, run_ids: Iterable[int]) -> None:
    """Forget what was to be told if these runs or attempts at tasks took too long: they have ended."""
    for run_id in run_ids:
        mine = table.c.message.contains(f'"run_id": {run_id},', autoescape=True) & table.c.message.contains('"watch": ')
        connection.execute(delete(table).where(mine))


def due(connection: Connection, now: int) -> Iterator[Entry]:
    """What is due, oldest first, while the connection is there."""
    query = select(table).where(table.c.due_at <= now).order_by(table.c.due_at, table.c.id)
    return (Entry(row.id, row.tries, json.loads(row.message)) for row in connection.execute(query))


def next_due(connection: Connection, now: int) -> int | None:
    """When the next one is due of those that are not yet; nothing where there is none."""
    found: int | None = connection.execute(select(func.min(table.c.due_at)).where(table.c.due_at > now)).scalar()
    return found


def keep(connection: Connection, later: Mapping[int, int], done: Iterable[int]) -> None:
    """Forget what is done, and note when the others are tried again.

    Args:
        connection: A transaction that may write.
        later: By number, when one is due again.
        done: The numbers of those that need nothing more.
    """
    connection.execute(delete(table).where(table.c.id.in_(list(done))))
    for number, due_at in later.items():
        mine = table.c.id == number
        connection.execute(update(table).where(mine).values(due_at=due_at, tries=table.c.tries + 1))
