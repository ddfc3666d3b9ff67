"""The audit record: each change and each refusal, with who, from where, what and how it ended."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, Row, Select, insert, select
from sqlalchemy.exc import SQLAlchemyError

from brickyard.workspace.clock import now
from brickyard.workspace.store.audit import audit

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["REFUSED", "Audit", "AuditEvent", "AuditFilter", "Readable", "events"]

REFUSED = (401, 403)
_BATCH = 1000
_LOOK_SECONDS = 0.3

_log = logging.getLogger(__name__)


class Readable(Protocol):
    """What the record is read from: the workspace's own store, or a reader beside it."""

    def read(self) -> AbstractContextManager[Connection]:
        """A consistent snapshot."""
        ...


@dataclass(frozen=True)
class AuditEvent:
    """One line of the record.

    Attributes:
        principal: User name or application id; empty where nobody was signed in.
        source_address: The address that the call came from; empty where the workspace itself acts for the principal.
        action: The API family and operation, for example `jobs.create`.
        object: What it was done to, for example `job_id=12`; never a value of a secret.
        status: The HTTP status.
        error_code: The vendor's error code; empty after success.
        time: Epoch milliseconds.
    """

    principal: str
    source_address: str
    action: str
    object: str
    status: int
    error_code: str = ""
    time: int = 0


@dataclass(frozen=True)
class AuditFilter:
    """Which events are asked for; what is not given does not count.

    Attributes:
        since: From this time on, in epoch milliseconds.
        until: Before this time.
        principal: Of this user name or application id.
        action: Of this operation (`secrets.put_secret`), or of this family (`secrets`).
        object: With this text in what it was done to.
        status: With this HTTP status.
        refused: Only what was refused.
    """

    since: int | None = None
    until: int | None = None
    principal: str | None = None
    action: str | None = None
    object: str | None = None
    status: int | None = None
    refused: bool = False

    def query(self) -> Select[Any]:
        """What the database can decide; it compares text as it likes, so `fits` decides the rest."""
        query = select(audit).order_by(audit.c.id)
        if self.since is not None:
            query = query.where(audit.c.time >= self.since)
        if self.until is not None:
            query = query.where(audit.c.time < self.until)
        if self.status is not None:
            query = query.where(audit.c.status == self.status)
        return query.where(audit.c.status.in_(REFUSED)) if self.refused else query

    def fits(self, event: AuditEvent) -> bool:
        """Whether an event is one of these, of what the query lets through."""
        family = event.action.partition(".")[0]
        return (
            (self.principal is None or event.principal.lower() == self.principal.lower())
            and (self.action is None or self.action in (event.action, family))
            and (self.object is None or self.object in event.object)
        )


@dataclass(eq=False)
class _Entry:
    values: dict[str, Any]
    kept: bool = False


class Audit:
    """Keeps events in the workspace's database; those that come at the same time, in one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[_Entry] = deque()
        self._turn = threading.Lock()

    def record(self, event: AuditEvent) -> None:
        """Keep an event, with the time of now; durable on return. Not to be called within a transaction."""
        values = {name: _storable(value) for name, value in asdict(event).items()} | {"time": now()}
        entry = _Entry(values)
        self._waiting.append(entry)
        with self._turn:
            if not entry.kept:  # by whoever had the turn before
                self._keep(entry)

    def _keep(self, entry: _Entry) -> None:
        """Write all that wait; only who has the turn may."""
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        batch = waiting if entry in waiting else [entry, *waiting]  # alone, if it was in a batch that failed
        with self._store.write() as connection:
            connection.execute(insert(audit), [one.values for one in batch])
        for one in batch:
            one.kept = True

    def record_refusal(self, principal: str, action: str, object: str) -> None:
        """Keep what the workspace itself refused to do for a principal: a job's task, say, or an endpoint."""
        event = AuditEvent(principal, "", action, object, status=403, error_code="PERMISSION_DENIED")
        try:
            self.record(event)
        except SQLAlchemyError:  # as for calls: what is refused stays refused
            _log.exception("the audit record lacks: %s", event)


def _storable(value: Any) -> Any:
    """Text that every database takes: without NUL and without halves of characters."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def events(record: Readable, wanted: AuditFilter, *, follow: bool = False) -> Iterator[AuditEvent]:
    """The events that are asked for, oldest first, in bounded memory.

    Args:
        record: Where they are.
        wanted: Which of them.
        follow: Go on with those that come.
    """
    last = 0
    while True:
        with record.read() as connection:
            rows = connection.execute(wanted.query().where(audit.c.id > last).limit(_BATCH)).all()
        for row in rows:
            event = _event(row)
            if wanted.fits(event):
                yield event
        if rows:
            last = rows[-1].id
        if len(rows) < _BATCH:
            if not follow:
                return
            time.sleep(_LOOK_SECONDS)


def _event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(row.principal, row.source_address, row.action, row.object, row.status, row.error_code, row.time)
