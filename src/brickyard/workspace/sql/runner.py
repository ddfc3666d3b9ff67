"""The process that runs a principal's statements of one SQL warehouse: a client of its own Spark engine.

It is a task of the compute service that goes on until it is stopped. The server tells it statements and cancellations
over the channel of its host, and hears when each is running and how it ended; rows go to files.
"""

from __future__ import annotations

import re
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brickyard.runtime.context import TaskContext
from brickyard.runtime.ending import Ending
from brickyard.workspace.compute.channel import Message
from brickyard.workspace.compute.host import WorkerHost
from brickyard.workspace.sql.engine_sessions import EngineSessions
from brickyard.workspace.sql.parameters import literals
from brickyard.workspace.sql.results import ResultWriter

__all__ = ["serve"]

#: How many statements of a principal run at once; the others wait.
_AT_ONCE = 8
_INTERRUPT_SECONDS = 0.2
_MONTHS = re.compile(r"\binterval (year|month)\b")


#: Errors of the engine, not of the statement.
_OWN_FAULTS = frozenset(("SPARK_ENGINE_ENDED", "INTERNAL_ERROR", "SESSION_NOT_FOUND"))
#: What pyspark writes before a message whose Java class it has no exception for.
_CLASS = re.compile(r"^\([\w.$]+\) (?=\[)")
_SQL_STATE = re.compile(r"SQLSTATE: ([0-9A-Z]{5})")


class _Canceled(Exception):
    """The statement was canceled before it was run."""


@dataclass(frozen=True)
class _Running:
    session: Any
    ended: threading.Event = field(default_factory=threading.Event)


class _Runner:
    def __init__(self, host: WorkerHost, remote: str) -> None:
        self._host = host
        self._sessions = EngineSessions(remote)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="statement")
        self._running: dict[str, _Running] = {}
        self._queued: set[str] = set()
        self._canceled: set[str] = set()
        self._lock = threading.Lock()

    def heard(self, message: Message) -> None:
        """Take a statement, cancel one, or end a session."""
        if "cancel" in message:
            threading.Thread(target=self._cancel, args=[message["cancel"]], daemon=True).start()
        elif "close_session" in message:
            self._pool.submit(self._sessions.close, message["close_session"])
        else:
            with self._lock:
                self._queued.add(message["statement"]["id"])
            self._pool.submit(self._run, message["statement"])

    def _cancel(self, statement_id: str) -> None:
        """Interrupt the statement until it ends: it may be between two queries of its own; take it off the queue."""
        with self._lock:
            is_queued = self._dequeued(statement_id)
            if not is_queued:
                self._canceled.add(statement_id)
            running = self._running.get(statement_id)
        if is_queued:
            self._host.say({"statement_id": statement_id, "canceled": True})
        while running is not None and not running.ended.is_set():
            running.session.interruptTag(statement_id)
            running.ended.wait(_INTERRUPT_SECONDS)

    def _dequeued(self, statement_id: str) -> bool:
        """Take a statement off the queue, holding the lock; whether it was still there."""
        found = statement_id in self._queued
        self._queued.discard(statement_id)
        return found

    def _run(self, statement: dict[str, Any]) -> None:
        with self._lock:
            if not self._dequeued(statement["id"]):
                return  # canceled meanwhile, and said so
        ended: dict[str, Any] = {"statement_id": statement["id"]}
        try:
            ended["manifest"] = self._executed(statement)
        except _Canceled:
            ended["canceled"] = True
        except Exception as error:  # the user's statement: whatever is wrong with it is its answer
            if statement["id"] in self._canceled:
                ended["canceled"] = True
            else:
                ended["error"] = _described(error)
        if "manifest" not in ended:
            shutil.rmtree(statement["directory"], ignore_errors=True)
        self._canceled.discard(statement["id"])
        self._host.say(ended)

    def _executed(self, statement: dict[str, Any]) -> dict[str, Any]:
        session = self._sessions.take(statement)
        running = _Running(session)
        try:
            with self._lock:
                if statement["id"] in self._canceled:
                    raise _Canceled
                self._running[statement["id"]] = running
            self._host.say({"statement_id": statement["id"], "running": True})
            session.addTag(statement["id"])
            return _written(session, statement)
        finally:
            session.removeTag(statement["id"])
            running.ended.set()
            with self._lock:
                self._running.pop(statement["id"], None)
            reusable = statement["id"] not in self._canceled
            self._sessions.give_back(session, statement, reusable=reusable)


def _written(session: Any, statement: dict[str, Any]) -> dict[str, Any]:
    """Run the statement, write its rows, and give the manifest."""
    frame = session.sql(statement["text"], literals(statement["parameters"]) or None)
    directory = Path(statement["directory"])
    directory.mkdir(parents=True, exist_ok=True)
    limits = (statement["row_limit"], statement["byte_limit"])
    writer = ResultWriter(
        directory, statement["format"], *limits, inline=statement["inline"], compression=statement.get("compression")
    )
    schema = frame.schema
    readable = _readable(frame, schema)
    plan = readable._plan.to_proto(session.client)
    for part in session.client.to_table_as_iterator(plan, readable._plan.observations):
        if hasattr(part, "to_batches") and not writer.add(part, schema):
            break
    return writer.finish(schema)


def _readable(frame: Any, schema: Any) -> Any:
    """The rows with intervals of months as text, which pyarrow cannot read otherwise.

    Raises:
        ValueError: There is one inside of another value.
    """
    from pyspark.sql.connect.functions import col
    from pyspark.sql.types import YearMonthIntervalType

    months = [isinstance(one.dataType, YearMonthIntervalType) for one in schema.fields]
    for one, is_months in zip(schema.fields, months, strict=True):
        if not is_months and _MONTHS.search(one.dataType.simpleString()):
            raise ValueError(
                f"[UNSUPPORTED_BY_ENGINE] The column {one.name} has intervals of months inside of"
                f" {one.dataType.typeName()}s, which a local warehouse cannot read; CAST them to STRING."
            )
    if not any(months):
        return frame
    named = frame.toDF(*(f"c{place}" for place in range(len(months))))
    columns = [col(f"c{place}") for place in range(len(months))]
    return named.select(
        *(one.cast("string") if is_months else one for one, is_months in zip(columns, months, strict=True))
    )


def _described(error: Exception) -> dict[str, Any]:
    state = getattr(error, "getSqlState", lambda: None)()
    message = getattr(error, "getMessage", lambda: None)() or str(error)
    condition = getattr(error, "getCondition", lambda: None)()
    message = _CLASS.sub("", message)
    if condition and not message.startswith("["):
        message = f"[{condition}] {message}"
    return {"message": message, "sql_state": state or _state_of(message), "code": _code(condition, error)}


def _code(condition: str | None, error: Exception) -> str:
    """The service's code: whatever the statement itself is wrong about is a bad request there."""
    from pyspark.errors import PySparkException

    if condition in _OWN_FAULTS or (condition is None and not isinstance(error, ValueError | PySparkException)):
        return "INTERNAL_ERROR"
    return "BAD_REQUEST"


def _state_of(message: str) -> str | None:
    """The SQLSTATE at the end of a message, where the error does not tell it otherwise."""
    found = _SQL_STATE.search(message)
    return found[1] if found else None


def serve(context: TaskContext, host: WorkerHost) -> Ending:
    """Run statements until the process is ended."""
    remote = host.start_engine([*context.search_path, *sys.path])
    runner = _Runner(host, remote)
    host.listen_for(runner.heard)
    host.say({"ready": True})
    threading.Event().wait()
    return Ending()
