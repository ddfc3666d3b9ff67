"""The audit record: each change and each refusal, with who, from where, what and how it ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from brickyard.workspace.store.audit import audit

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["Audit", "AuditEvent"]

_BATCH = 1000


@dataclass(frozen=True)
class AuditEvent:
    """One line of the record.

    Attributes:
        principal: User name or application id; empty where nobody was signed in.
        source_address: The address that the call came from.
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


class Audit:
    """Keeps events in the workspace's database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, event: AuditEvent) -> None:
        """Keep an event, with the time of now; durable on return."""
        values = asdict(event) | {"time": int(time.time() * 1000)}
        with self._store.write() as connection:
            connection.execute(insert(audit).values(**values))

    def events(self, since: int = 0) -> Iterator[AuditEvent]:
        """The events from a time on (epoch milliseconds), oldest first, in bounded memory."""
        last = 0
        while True:
            query = select(audit).where((audit.c.time >= since) & (audit.c.id > last)).order_by(audit.c.id)
            with self._store.read() as connection:
                rows = connection.execute(query.limit(_BATCH)).all()
            for row in rows:
                yield AuditEvent(
                    row.principal, row.source_address, row.action, row.object, row.status, row.error_code, row.time
                )
            if len(rows) < _BATCH:
                return
            last = rows[-1].id
