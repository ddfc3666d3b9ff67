"""Statement execution: `/api/2.0/sql/statements`. Wire types: `databricks.sdk.service.sql`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotFound
from brickyard.workspace.links import require_signed, signed
from brickyard.workspace.sql.records import StatementRecord
from brickyard.workspace.sql.requests import StatementRequest, statement_request
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from brickyard.workspace.sql.statements import Statement

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/sql/statements"
_LINK = "/api/2.0/sql/result-files/{statement_id}/{name}"
_CONNECTOR_SECONDS = 1.0
_MEDIA = {"json": "application/json", "csv": "text/csv", "arrow": "application/vnd.apache.arrow.stream"}
_SUFFIXES = {"JSON_ARRAY": "json", "CSV": "csv", "ARROW_STREAM": "arrow"}


def _uses(workspace: Workspace, call: Call) -> None:
    """Whoever may use the warehouse."""
    warehouse = workspace.sql.warehouses.get(str(call.body.get("warehouse_id")))
    workspace.identity.permissions.require(call.principal, warehouse.securable, "CAN_USE")


async def _uses_later(workspace: Workspace, call: Call) -> None:
    """Asked in a thread by the operation itself, as the database may wait."""


@family.call("POST", _ROOT, access=_uses_later)
async def execute_statement(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Execute a statement, and wait for its end for some seconds."""
    request = statement_request(call.body)
    statement = await asyncio.to_thread(_submitted, workspace, call, request)
    await _wait(statement, _seconds(request))
    if request.cancels and not statement.finished.done():
        await asyncio.to_thread(workspace.sql.statements.cancel, statement.id, call.principal)
        await _wait(statement, 10)
    return await asyncio.to_thread(_answer, workspace, statement.record)


def _seconds(request: StatementRequest) -> float:
    """How long the answer waits; connectors ask again, and learn the id only from it: they cannot cancel before."""
    polls = request.session_id and not request.cancels
    return min(request.wait_seconds, _CONNECTOR_SECONDS) if polls else request.wait_seconds


def _submitted(workspace: Workspace, call: Call, request: StatementRequest) -> Statement:
    _uses(workspace, call)
    agent = call.request.headers.get("user-agent")
    return workspace.sql.statements.submit(request, call.principal, agent)


async def _wait(statement: Statement, seconds: float) -> None:
    if seconds:
        await asyncio.wait([asyncio.wrap_future(statement.finished)], timeout=seconds)


@family.call("GET", _ROOT + "/{statement_id}", access=anyone)
def get_statement(workspace: Workspace, call: Call) -> dict[str, Any]:
    """How a statement is now and, where it has succeeded, its first chunk."""
    return _answer(workspace, workspace.sql.statements.get(call.path["statement_id"], call.principal))


@family.call("GET", _ROOT + "/{statement_id}/result/chunks/{chunk_index}", access=anyone)
def get_statement_result_chunk_n(workspace: Workspace, call: Call) -> dict[str, Any]:
    """One chunk of a result."""
    record = workspace.sql.statements.get(call.path["statement_id"], call.principal)
    if record.state != "SUCCEEDED" or record.manifest is None:
        raise InvalidParameterValue(f"The statement {record.id} is {record.state}: it has no result.")
    index = call.path["chunk_index"]
    if not index.isdecimal() or int(index) >= len(record.manifest["chunks"]):
        raise InvalidParameterValue(f"The result has {len(record.manifest['chunks'])} chunks; {index} is none of them.")
    return _chunk(workspace, record, int(index))


@family.call("POST", _ROOT + "/{statement_id}/cancel", access=anyone)
def cancel_execution(workspace: Workspace, call: Call) -> None:
    """Stop a statement."""
    workspace.sql.statements.cancel(call.path["statement_id"], call.principal)


@family.call("DELETE", _ROOT + "/{statement_id}", access=anyone)
def close_statement(workspace: Workspace, call: Call) -> None:
    """Delete a result that a connector has read."""
    workspace.sql.statements.close(call.path["statement_id"], call.principal)


@family.call("GET", _LINK, access=anyone)
def get_result_file(workspace: Workspace, call: Call) -> Response:
    """A chunk's file, for whoever has the link to it."""
    require_signed(call.request.url.path, call.query)
    statement_id, name = call.path["statement_id"], call.path["name"]
    place = workspace.sql.statements.chunk(statement_id, name)
    return Response(place.read_bytes(), media_type=_MEDIA[place.suffix[1:]])


def _answer(workspace: Workspace, record: StatementRecord) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if record.state == "SUCCEEDED" and record.manifest is not None and record.manifest["chunks"]:
        try:
            result = _chunk(workspace, record, 0)
        except NotFound:  # deleted since
            record = replace(record, state="CLOSED")
    status: dict[str, Any] = {"state": record.state}
    if record.error is not None:
        status["error"] = {"error_code": record.error.get("code", "BAD_REQUEST"), "message": record.error["message"]}
        if record.error.get("sql_state"):
            status["sql_state"] = record.error["sql_state"]
    found: dict[str, Any] = {"statement_id": record.id, "status": status}
    if record.state == "SUCCEEDED" and record.manifest is not None:
        found["manifest"] = dict(record.manifest)
        found["result"] = result
    return found


def _chunk(workspace: Workspace, record: StatementRecord, index: int) -> dict[str, Any]:
    manifest = record.manifest or {}
    name = f"{index}.{_SUFFIXES[record.format]}"
    found = dict(manifest["chunks"][index])
    if index + 1 < len(manifest["chunks"]):
        found["next_chunk_index"] = index + 1
        row = manifest["chunks"][index + 1]["row_offset"]
        found["next_chunk_internal_link"] = f"{_ROOT}/{record.id}/result/chunks/{index + 1}?row_offset={row}"
    place = workspace.sql.statements.chunk(record.id, name)
    if record.disposition == "INLINE":
        return found | {"data_array": json.loads(place.read_bytes())}
    return {"external_links": [found | _link(workspace, record.id, name)]}


def _link(workspace: Workspace, statement_id: str, name: str) -> dict[str, str]:
    link, expires = signed(_LINK.format(statement_id=statement_id, name=name))
    return {
        "external_link": f"{workspace.url}{link}",
        "expiration": datetime.fromtimestamp(expires, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
