"""SQL tasks: a saved query or a file, on a SQL warehouse: https://docs.databricks.com/jobs/sql.html ."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.runtime.notebook.sql import statements
from brickyard.workspace.api.errors import ApiError, InvalidParameterValue, PermissionDenied
from brickyard.workspace.compute.tasks import TaskOutcome, TaskState
from brickyard.workspace.jobs.kinds.base import Faulty, Prepared, Start
from brickyard.workspace.jobs.kinds.git_snapshot import snapshot_of
from brickyard.workspace.jobs.records import ITERATIONS, Json
from brickyard.workspace.jobs.references import resolve_all
from brickyard.workspace.sql.requests import statement_request

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.sql import Sql
    from brickyard.workspace.sql.statements import Statement

__all__ = ["SqlTask"]

_log = logging.getLogger(__name__)
_CLIENT = "jobs"
_PLACEHOLDER = re.compile(r"\{\{\s*([\w .-]+?)\s*\}\}")
_NOT_HERE = ("alert", "dashboard")
_MOST_ROWS, _MOST_BYTES = 1000, 48 << 10  # of what other tasks can refer to
_VALUES = {"text_value": "STRING", "numeric_value": "DOUBLE", "date_value": "DATE", "enum_value": "STRING"}


class SqlTask:
    """Statements on a warehouse, one after the other in one session, with the rights of the run."""

    name = "sql_task"
    in_process = False
    survives = False

    def check(self, key: str, work: Json) -> None:
        """Refuse what is neither a query nor a file."""
        for name in _NOT_HERE:
            if name in work:
                raise InvalidParameterValue(f"task {key!r}: sql_task.{name} is not supported by the local workspace")
        if ("query" in work) == ("file" in work):
            raise InvalidParameterValue(f"task {key!r}: sql_task needs either query or file")

    def prepare(self, start: Start) -> Prepared:
        """The statements, with the parameters in them."""
        work: Json = resolve_all(start.definition[self.name], start.scope)
        overriding = start.run.request.overriding.get("sql_params", {})
        given = work.get("parameters", {}) | overriding | dict(start.run.request.parameters)
        try:
            script = _script(start, work, given)
        except ApiError as error:
            code = "UNAUTHORIZED_ERROR" if isinstance(error, PermissionDenied) else "INVALID_RUN_CONFIGURATION"
            raise Faulty(error.message, code) from error
        keeps = start.run.run_type != ITERATIONS  # else nothing can refer to it
        return Prepared({self.name: {"parameters": given}}, lambda: _Running(start.workspace.sql, script, keeps=keeps))


@dataclass(frozen=True)
class _Script:
    """Statements that are to be executed.

    Attributes:
        warehouse_id: Where.
        catalog: The current catalog at their start; none for the default.
        schema: The current schema at their start; none for the default.
        statements: Their texts.
        parameters: What `:name` stands for in them, as statement execution has them.
        by: Whose rights they have.
    """

    warehouse_id: str
    catalog: str | None
    schema: str | None
    statements: Sequence[str]
    parameters: Sequence[Mapping[str, Any]]
    by: Principal


def _script(start: Start, work: Json, given: Mapping[str, str]) -> _Script:
    workspace, by = start.workspace, start.principal
    warehouse = workspace.sql.warehouses.get(work["warehouse_id"])
    workspace.identity.permissions.require(by, warehouse.securable, "CAN_USE")
    settings: Mapping[str, Any] = {}
    if "query" in work:
        query = workspace.sql.queries.get(work["query"]["query_id"])
        workspace.identity.permissions.require(by, query.securable, "CAN_RUN")
        settings, text = query.settings, str(query.settings["query_text"])
    else:
        text = _text(start, work["file"])
    types = {one["name"]: _default(one) for one in settings.get("parameters", [])}
    values = {name: value for name, (value, _) in types.items() if value is not None} | dict(given)
    named = [
        {"name": name, "value": value, "type": types.get(name, ("", "STRING"))[1]} for name, value in values.items()
    ]
    texts = _statements(_filled(text, values))
    return _Script(warehouse.id, settings.get("catalog"), settings.get("schema"), texts, named, by)


def _statements(text: str) -> list[str]:
    from sqlglot.errors import TokenError

    try:
        found = statements(text)
    except TokenError as error:
        raise InvalidParameterValue(f"the SQL cannot be read: {error}") from error
    if not found:
        raise InvalidParameterValue("there is no SQL statement to execute")
    return found


def _filled(text: str, parameters: Mapping[str, str]) -> str:
    """The text with `{{ name }}` replaced by the parameter's value, as queries had them before `:name`.

    Raises:
        InvalidParameterValue: There is no such parameter.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in parameters:
            raise InvalidParameterValue(f"the SQL needs the parameter {match[1]!r}, which is not given")
        return parameters[match[1]]

    return _PLACEHOLDER.sub(value, text)


def _text(start: Start, file: Json) -> str:
    path, files = file["path"], start.workspace.files
    if file.get("source") == "GIT":
        local = snapshot_of(start.workspace, start.run).file(path)
    else:
        files.place_access.require_read(start.principal, files.roots.located(path).path)
        local = files.local_path(path)
    try:
        return local.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameterValue(f"the SQL file {path} cannot be read: it does not exist or is no text") from error


def _default(parameter: Mapping[str, Any]) -> tuple[str | None, str]:
    """The default value of a query's parameter, and its SQL type."""
    for name, kind in _VALUES.items():
        if name in parameter:
            value = parameter[name].get("value", parameter[name].get("date_value"))
            if name == "enum_value":
                value = next(iter(parameter[name].get("values", [])), None)
            if name == "date_value" and parameter[name].get("precision", "DAY_PRECISION") != "DAY_PRECISION":
                kind = "TIMESTAMP"
            return None if value is None else str(value), kind
    return None, "STRING"


class _Running:
    """Statements that are executed one after the other, on a thread of their own.

    Args:
        sql: The service that executes them.
        script: The statements.
        keeps: Whether tasks of this run, or of a later repair, may refer to what the last one selects.
    """

    def __init__(self, sql: Sql, script: _Script, *, keeps: bool) -> None:
        self._sql = sql
        self._script = script
        self._keeps = keeps
        self._lock = threading.Lock()
        self._stopping: TaskState | None = None
        self._current: Statement | None = None
        self._ids: list[str] = []
        self._outcome: Future[TaskOutcome] = Future()
        threading.Thread(target=self._run, name="sql-task", daemon=True).start()

    def when_done(self, callback: Callable[[TaskOutcome], None]) -> None:
        """Call `callback` with the outcome."""
        self._outcome.add_done_callback(lambda done: callback(done.result()))

    def stop(self, state: TaskState) -> None:
        """Cancel the statement that is being executed; none follows."""
        with self._lock:
            self._stopping = self._stopping or state
            current = self._current
        if current is not None and current.runner is not None:
            current.runner.cancel(current.id)

    def _run(self) -> None:
        try:
            outcome = self._executed()
        except ApiError as error:
            outcome = TaskOutcome("FAILED", error.message, error=error.message)
        except Exception as error:  # on this thread nobody else hears of it, and the task must end
            _log.exception("a SQL task cannot go on")
            outcome = TaskOutcome("FAILED", f"{type(error).__name__}: {error}", code="INTERNAL_ERROR")
        self._outcome.set_result(outcome)

    def _executed(self) -> TaskOutcome:
        script = self._script
        place = {"warehouse_id": script.warehouse_id, "catalog": script.catalog, "schema": script.schema}
        session = self._sql.sessions.open(place, script.by)
        try:
            for text in script.statements:
                failure = self._execute(text, session.id)
                if failure is not None:
                    return failure
        finally:
            self._sql.sessions.close(session.id, script.by)
        return TaskOutcome("SUCCESS", result=self._result(script.statements[-1], self._rows()))

    def _execute(self, text: str, session_id: str) -> TaskOutcome | None:
        """Execute a statement; answers how the task ends where it does not go on."""
        script = self._script
        body = {
            "statement": text,
            "warehouse_id": script.warehouse_id,
            "session_id": session_id,
            "parameters": script.parameters,
            "disposition": "EXTERNAL_LINKS",
        }
        with self._lock:
            if (stopped := self._stopped(text)) is not None:
                return stopped
            statement = self._sql.statements.submit(statement_request(body), script.by, _CLIENT)
            self._current = statement
            self._ids.append(statement.id)
        statement.finished.result()
        if (stopped := self._stopped(text)) is not None:
            return stopped
        record = statement.record
        if record.state == "SUCCEEDED":
            return None
        message = str((record.error or {}).get("message") or f"The statement ended as {record.state}.")
        return TaskOutcome("FAILED", message, error=message, result=self._result(text))

    def _stopped(self, text: str) -> TaskOutcome | None:
        """How it ends where it was asked to stop."""
        return None if self._stopping is None else TaskOutcome(self._stopping, result=self._result(text))

    def _rows(self) -> list[dict[str, Any]] | None:
        """What the last statement has selected, where that is kept and not too much."""
        record = self._current.record if self._keeps and self._current is not None else None
        if record is None or record.manifest is None or record.manifest["total_row_count"] > _MOST_ROWS:
            return None
        if not record.manifest["total_row_count"]:
            return []
        if record.manifest["total_byte_count"] > _MOST_BYTES:
            return None
        names = [one["name"] for one in record.manifest["schema"]["columns"]]
        try:
            values = json.loads(self._sql.statements.chunk(record.id, "0.json").read_text("utf-8"))
        except (ApiError, OSError, ValueError) as error:  # what it has done is done, and must not be done again
            _log.warning("the rows of statement %s cannot be read: %s", record.id, error)
            return None
        rows = [dict(zip(names, row, strict=True)) for row in values]
        return rows if len(json.dumps(rows)) <= _MOST_BYTES else None

    def _result(self, text: str, rows: list[dict[str, Any]] | None = None) -> str:
        """What the run's output says of it: the last statement, and the ids of all."""
        return json.dumps({"query_text": text, "statements": self._ids, "rows": rows})
