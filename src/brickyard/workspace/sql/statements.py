"""Statements: submitted, executed, waited for, canceled; their results for a while, and their record for longer."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from brickyard.workspace.api.errors import NotFound, PermissionDenied
from brickyard.workspace.clock import now
from brickyard.workspace.sql.history import HistoryFilter, forget_old, page
from brickyard.workspace.sql.records import ENDED, StatementRecord, WarehouseRecord, new_id
from brickyard.workspace.sql.requests import StatementRequest
from brickyard.workspace.store.sql import sql_statements as table
from brickyard.workspace.store.sql import statement_tags

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.sql.runners import Runner
    from brickyard.workspace.sql.sessions import Session, Sessions
    from brickyard.workspace.sql.warehouses import Warehouses
    from brickyard.workspace.workspace import Workspace

__all__ = ["Statement", "Statements"]

_log = logging.getLogger(__name__)
#: For how long results can be fetched: twelve hours, as on the service.
_HOUR = 3_600_000
_RESULT_MILLISECONDS = 12 * _HOUR


class Statement:
    """A statement that has not ended, or has just.

    Attributes:
        record: How it is now.
        finished: Done when it has ended.
    """

    def __init__(self, statements: Statements, record: StatementRecord, order: dict[str, Any]) -> None:
        self._statements = statements
        self._lock = threading.Lock()
        self.record = record
        self.order = order
        self.runner: Runner | None = None
        self.limit: threading.Timer | None = None
        self.finished: Future[None] = Future()

    @property
    def id(self) -> str:
        """Its id."""
        return self.record.id

    def end_after(self, seconds: int) -> None:
        """Let it run for so long at most; 0 is as long as it takes."""
        if seconds:
            self.limit = threading.Timer(seconds, self._overdue, [seconds])
            self.limit.daemon = True
            self.limit.start()

    def _overdue(self, seconds: int) -> None:
        text = f"The statement was canceled because it ran longer than the STATEMENT_TIMEOUT of {seconds} seconds."
        self.ended({"error": {"message": text, "sql_state": None, "code": "DEADLINE_EXCEEDED"}})
        if self.runner is not None:
            self.runner.cancel(self.id)

    def running(self) -> None:
        """It is being executed."""
        with self._lock:
            if self.record.state == "PENDING":
                self.record = replace(self.record, state="RUNNING", started_at=now())

    def ended(self, message: dict[str, Any]) -> None:
        """It has ended; the first end counts."""
        with self._lock:
            if self.record.state in ENDED:
                return
            self.record = _ended(self.record, message)
        if self.limit is not None:
            self.limit.cancel()
        self._statements.keep(self)


class Statements:
    """The statements of a workspace."""

    def __init__(self, workspace: Workspace, warehouses: Warehouses, sessions: Sessions) -> None:
        self._store = workspace.store
        self._warehouses, self._sessions = warehouses, sessions
        self._directory = workspace.root / "sql" / "results"
        self._live: dict[str, Statement] = {}
        self._expires_next = 0
        self._settle()

    def _settle(self) -> None:
        """What was running when the workspace ended has failed; results that are too old are deleted."""
        unfinished = table.c.state.not_in(ENDED)
        message = "The workspace stopped while the statement was running."
        error = {"message": message, "sql_state": None, "code": "ABORTED"}
        with self._store.write() as connection:
            connection.execute(update(table).where(unfinished).values(state="FAILED", ended_at=now(), error=error))
        self._expire()

    def submit(self, request: StatementRequest, by: Principal, client: str | None) -> Statement:
        """Start a statement.

        Raises:
            NotFound: Its session is not open.
            ResourceDoesNotExist: There is no such warehouse.
        """
        warehouse = self._warehouses.get(request.warehouse_id)
        session = self._sessions.used(request.session_id, warehouse.id, by) if request.session_id else None
        record = StatementRecord(
            id=new_id(),
            warehouse_id=warehouse.id,
            user_id=by.id,
            user_name=by.user_name,
            text=request.text,
            kind=request.kind,
            client=client,
            disposition=request.disposition,
            format=request.format,
            state="PENDING",
            submitted_at=now(),
        )
        self._expire()
        with self._store.write() as connection:
            connection.execute(insert(table).values(**record.row()))
            if request.tags:
                connection.execute(insert(statement_tags).values(id=record.id, tags=list(request.tags)))
        order = self._order(record.id, request) | ({"session": session.order} if session else {})
        statement = self._live[record.id] = Statement(self, record, order)
        statement.runner = session.runner if session else self._warehouses.runner(warehouse, by)
        statement.end_after(_timeout(order["parameters_of_all"], warehouse, session))
        statement.runner.submit(statement)
        return statement

    def live(self, statement_id: str) -> Statement | None:
        """A statement that has not ended."""
        return self._live.get(statement_id)

    def get(self, statement_id: str, caller: Principal) -> StatementRecord:
        """A statement of the caller's.

        Raises:
            NotFound: There is none of that id.
            PermissionDenied: It is somebody else's.
        """
        live = self._live.get(statement_id)
        record = live.record if live is not None else self._find(statement_id)
        if record.user_id != caller.id and not caller.is_admin:
            raise PermissionDenied(f"{caller.user_name} did not execute the statement {statement_id}.")
        return record

    def cancel(self, statement_id: str, caller: Principal) -> None:
        """Stop a statement; does nothing where it has ended.

        Raises:
            NotFound: There is none of that id.
            PermissionDenied: It is somebody else's.
        """
        self.get(statement_id, caller)
        live = self._live.get(statement_id)
        if live is not None and live.runner is not None:
            live.runner.cancel(statement_id)

    def close(self, statement_id: str, caller: Principal) -> None:
        """Delete the result of a statement; one that has not ended is canceled.

        Raises:
            NotFound: There is none of that id.
            PermissionDenied: It is somebody else's.
        """
        record = self.get(statement_id, caller)
        if record.state not in ENDED:
            self.cancel(statement_id, caller)
            return
        shutil.rmtree(self._directory / statement_id, ignore_errors=True)  # first, as the disk may be full
        if record.state == "SUCCEEDED":
            with self._store.write() as connection:
                connection.execute(update(table).where(table.c.id == statement_id).values(state="CLOSED"))

    def chunk(self, statement_id: str, name: str) -> Path:
        """A file of a result.

        Raises:
            NotFound: It has expired.
        """
        place = self._directory / statement_id / name
        if not place.is_file():
            raise NotFound(f"The result of statement {statement_id} is not available any more; execute it again.")
        return place

    def history(self, wanted: HistoryFilter, size: int) -> list[StatementRecord]:
        """The newest statements that pass, at most so many."""
        with self._store.read() as connection:
            return page(connection, wanted, self._live, size)

    def tags(self, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """The tags of those of the statements that have some, by the statement's id."""
        wanted = select(statement_tags.c.id, statement_tags.c.tags).where(statement_tags.c.id.in_(list(ids)))
        with self._store.read() as connection:
            return {row.id: row.tags for row in connection.execute(wanted)}

    def keep(self, statement: Statement) -> None:
        """Write down how a statement has ended, and let go of it."""
        record = statement.record
        values = {name: getattr(record, name) for name in ("state", "started_at", "ended_at", "error", "manifest")}
        try:
            with self._store.write() as connection:
                connection.execute(update(table).where(table.c.id == record.id).values(**values))
        except Exception:  # whoever waits hears how it ended all the same
            _log.exception("the end of statement %s could not be written", record.id)
        else:
            self._live.pop(record.id, None)
        statement.finished.set_result(None)
        self._warehouses.done(record.warehouse_id)

    def _find(self, statement_id: str) -> StatementRecord:
        row = self._store.first(select(table).where(table.c.id == statement_id))
        if row is None:
            raise NotFound(f"The statement {statement_id} was not found.")
        record = StatementRecord.of(row)
        old = record.ended_at is not None and record.ended_at < now() - _RESULT_MILLISECONDS
        return replace(record, state="CLOSED") if old and record.state == "SUCCEEDED" else record

    def _order(self, statement_id: str, request: StatementRequest) -> dict[str, Any]:
        return {
            "id": statement_id,
            "text": request.text,
            "catalog": request.catalog or self._warehouses.settings.default_catalog,
            "schema": request.schema,
            "parameters": [dict(one) for one in request.parameters],
            "format": request.format,
            "compression": request.compression,
            "inline": request.disposition == "INLINE",
            "row_limit": request.row_limit,
            "byte_limit": request.byte_limit,
            "directory": str(self._directory / statement_id),
            "parameters_of_all": self._warehouses.config.parameters,
        }

    def _expire(self) -> None:
        """Delete results and records that are too old, once an hour."""
        if now() < self._expires_next:
            return
        self._expires_next = now() + _HOUR
        # in this order: a statement that has files is live until the database says when it has ended
        places = list(self._directory.iterdir()) if self._directory.is_dir() else []
        live = set(self._live)
        recent = select(table.c.id).where(table.c.ended_at >= now() - _RESULT_MILLISECONDS)
        with self._store.read() as connection:
            kept = live | set(connection.execute(recent).scalars())
        for place in places:
            if place.name not in kept:
                shutil.rmtree(place, ignore_errors=True)
        with self._store.write() as connection:  # after the files, as the disk may be full
            forget_old(connection)


def _ended(record: StatementRecord, message: Mapping[str, Any]) -> StatementRecord:
    record = replace(record, ended_at=now(), started_at=record.started_at or now())
    if message.get("canceled"):
        return replace(record, state="CANCELED")
    if "error" in message:
        return replace(record, state="FAILED", error=message["error"])
    return replace(record, state="SUCCEEDED", manifest=message["manifest"])


def _timeout(of_all: Mapping[str, str], warehouse: WarehouseRecord, session: Session | None) -> int:
    """For how many seconds a statement may run: as its session says, else its warehouse, else what holds for all."""
    own = session.settings.get("STATEMENT_TIMEOUT") if session else None
    return int(own or warehouse.settings.get("statement_timeout") or of_all.get("STATEMENT_TIMEOUT") or 0)
