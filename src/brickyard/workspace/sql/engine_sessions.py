"""Sessions of the Spark client in a warehouse's process: some that wait for any statement, and those of connectors."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["EngineSessions", "use"]

#: What leaves nothing behind in a session, so that the next statement can use it too.
_CLEAN = frozenset(
    ("SELECT", "WITH", "VALUES", "FROM", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "INSERT", "UPDATE", "DELETE")
) | frozenset(("MERGE", "OPTIMIZE", "VACUUM", "TRUNCATE", "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT", "COPY"))
_CREATED = frozenset(("TABLE", "VIEW", "SCHEMA", "DATABASE", "CATALOG", "VOLUME", "FUNCTION"))
_SETTINGS = {"TIMEZONE": "spark.sql.session.timeZone"}
#: How many sessions, each with an engine of its own, wait for further statements.
_IDLE = 2


class EngineSessions:
    """The sessions of one process.

    Args:
        remote: The address of the process's gateway.
    """

    def __init__(self, remote: str) -> None:
        self._remote = remote
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._kept: dict[str, Any] = {}
        self._lock = threading.Lock()

    def take(self, statement: Mapping[str, Any]) -> Any:
        """A session for a statement: the connector's own, or one that nothing was left in."""
        kept = statement.get("session")
        if kept is None:
            session = self._any(statement)
            with _stopped_on_failure(session):
                use(session, statement.get("catalog"), statement.get("schema"))
            return session
        with self._lock:
            if kept["id"] not in self._kept:
                self._kept[kept["id"]] = _begun(self._any(statement), kept)
            return self._kept[kept["id"]]

    def give_back(self, session: Any, statement: Mapping[str, Any], *, reusable: bool) -> None:
        """A statement has ended in a session; one that it may have left something in ends, too."""
        if statement.get("session") is not None:
            return
        if reusable and _is_clean(statement["text"]) and self._idle.qsize() < _IDLE:
            self._idle.put(session)
        else:
            session.stop()  # the engine of the session ends, too

    def close(self, session_id: str) -> None:
        """End a connector's session."""
        with self._lock:
            session = self._kept.pop(session_id, None)
        if session is not None:
            session.stop()

    def _any(self, statement: Mapping[str, Any]) -> Any:
        from pyspark.sql.connect.session import SparkSession

        try:
            return self._idle.get_nowait()
        except queue.Empty:
            session = SparkSession.builder.remote(self._remote).create()
            with _stopped_on_failure(session):
                _configure(session, statement["parameters_of_all"])
            return session


@contextlib.contextmanager
def _stopped_on_failure(session: Any) -> Iterator[None]:
    """Stop a session that nobody is given: its engine would be left."""
    with contextlib.ExitStack() as stack:
        stack.callback(session.stop)
        yield
        stack.pop_all()


def _begun(session: Any, kept: Mapping[str, Any]) -> Any:
    with _stopped_on_failure(session):
        use(session, kept["catalog"], kept["schema"])
        _configure(session, kept["settings"])
    return session


def _configure(session: Any, parameters: Mapping[str, str]) -> None:
    """Set what the engine evaluates statements by; the server sees to the other SQL parameters."""
    for name, value in parameters.items():
        if name in _SETTINGS or "." in name:
            session.conf.set(_SETTINGS.get(name, name), value)


def use(session: Any, catalog: str | None, schema: str | None) -> None:
    """Give a session, which may have run others, the catalog and schema of this statement."""
    wanted, current = catalog or "main", session.catalog
    if current.currentCatalog() != wanted or (schema is None and current.currentDatabase() != "default"):
        current.setCurrentCatalog(wanted)  # the schema is `default` then
    if schema is not None and current.currentDatabase() != schema:
        current.setCurrentDatabase(schema)


def _is_clean(text: str) -> bool:
    """Whether a statement leaves nothing behind in its session; where that is not plain, it is taken to."""
    words = text.lstrip(" \t\r\n(").upper().split(None, 4)[:4]
    if words[:1] == ["CREATE"]:
        what = words[3:4] if words[1:3] == ["OR", "REPLACE"] else words[1:2]
        return not _CREATED.isdisjoint(what)
    return words[:1] != [] and words[0] in _CLEAN
