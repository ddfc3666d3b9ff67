"""The sessions of one engine: whose they are, and what is left of none of them."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from brickyard.workspace.compute.gateway.admission import Caller
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sail import SessionKey
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.uses import call_of

__all__ = ["Sessions"]

_CLOSED_REMEMBERED = 1000
SQL_EXCEPTION = "org.apache.spark.SparkSQLException"


@dataclass
class _Entry:
    session: Session
    used_at: float
    calls: int = 0
    server_id: str = field(default_factory=lambda: uuid.uuid4().hex)


class Sessions:
    """Keeps the sessions of clients by user and id.

    Args:
        make: Makes a session for a caller.
        clock: Seconds, monotonic.
    """

    def __init__(
        self, make: Callable[[SessionKey, Caller], Session], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make = make
        self._clock = clock
        self._entries: dict[SessionKey, _Entry] = {}
        self._closed: OrderedDict[SessionKey, None] = OrderedDict()
        self._lock = threading.Lock()
        self.idle_since = clock()

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, key: SessionKey) -> Session:
        return self._entries[key].session

    def all(self) -> list[Session]:
        """Every session."""
        with self._lock:
            return [one.session for one in self._entries.values()]

    def get(self, key: SessionKey) -> Session | None:
        """The session, where there is one."""
        entry = self._entries.get(key)
        return None if entry is None else entry.session

    @contextlib.contextmanager
    def used(
        self, key: SessionKey, caller: Caller, observed: str, *, make: bool = True, new: bool = False
    ) -> Iterator[str]:
        """Use a session, made at its first call; gives its id on this server.

        Args:
            key: Whose session, and which.
            caller: Who calls; the session goes on with this token's rights.
            observed: The id on the server that the client knows; empty where it knows none.
            make: Whether there may be none yet.
            new: Whether there must be none yet.

        Raises:
            SparkError: INVALID_HANDLE: the session was closed, is one of an engine that has ended, or unknown;
                INVALID_CLONE_SESSION_REQUEST: it is there, or was.
        """
        if new:
            self._check_unused(key)
        entry = self._enter(key, caller, observed, make=make)
        try:
            with call_of(key.session_id):
                yield entry.server_id
        finally:
            with self._lock:
                entry.calls -= 1
                entry.used_at = self._clock()

    def _enter(self, key: SessionKey, caller: Caller, observed: str, *, make: bool) -> _Entry:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._check_new(key, observed, make=make)
                entry = self._entries[key] = _Entry(self._make(key, caller), self._clock())
            elif observed and observed != entry.server_id and not entry.session.sail.capabilities.is_spark:
                raise _changed(key)
            entry.session.serve(caller.catalog, caller.places)
            entry.calls += 1
            return entry

    def close(self, key: SessionKey) -> Session | None:
        """Forget a session that was released: its id is not used again; what it was, where there was one."""
        with self._lock:
            return self._forget(key)

    def close_idle(self, seconds: float) -> list[Session]:
        """Forget the sessions that nobody has used for so long; what they were."""
        with self._lock:
            now = self._clock()
            idle = [key for key, one in self._entries.items() if not one.calls and now - one.used_at >= seconds]
            return [session for key in idle if (session := self._forget(key)) is not None]

    def _forget(self, key: SessionKey) -> Session | None:
        entry = self._entries.pop(key, None)
        self.idle_since = self._clock()
        self._closed[key] = None
        while len(self._closed) > _CLOSED_REMEMBERED:
            self._closed.popitem(last=False)
        return None if entry is None else entry.session

    def empty_for(self) -> float:
        """For how many seconds there has been no session."""
        return 0.0 if self._entries else self._clock() - self.idle_since

    def unused_for(self) -> float:
        """For how many seconds nobody has called; 0 while somebody waits for an answer."""
        with self._lock:
            now, entries = self._clock(), list(self._entries.values())
            return min([now - self.idle_since, *(0.0 if one.calls else now - one.used_at for one in entries)])

    def _check_unused(self, key: SessionKey) -> None:
        for found, condition, state in ((self._entries, "EXISTS", "exists"), (self._closed, "CLOSED", "was closed")):
            if key in found:
                raise SparkError(
                    f"INVALID_CLONE_SESSION_REQUEST.TARGET_SESSION_ID_ALREADY_{condition}",
                    f"Invalid session clone request. Target session ID {key.session_id} {state} already.",
                    kind=SQL_EXCEPTION,
                    sql_state="42K04",
                )

    def _check_new(self, key: SessionKey, observed: str, *, make: bool) -> None:
        if key in self._closed:
            raise _invalid(key, "SESSION_CLOSED", "Session was closed.")
        if observed:
            raise _changed(key)
        if not make:
            raise _invalid(key, "SESSION_NOT_FOUND", "Session not found.")


def _changed(key: SessionKey) -> SparkError:
    text = "The existing Spark server driver instance has restarted. Please reconnect: create a new session."
    return _invalid(key, "SESSION_CHANGED", text)


def _invalid(key: SessionKey, condition: str, text: str) -> SparkError:
    message = f"The handle {key.session_id} is invalid. {text}"
    return SparkError(f"INVALID_HANDLE.{condition}", message, kind=SQL_EXCEPTION, sql_state="HY000")
