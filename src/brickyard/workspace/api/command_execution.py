"""Command execution, API 1.2: contexts on running clusters, and the commands in them.

Only who has made a context may use it. CAN_ATTACH_TO on the cluster is needed to make one, and to execute something.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import MAX_JSON_BYTES, Call, Family, json_object
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.forms import form_file
from brickyard.workspace.identity.permissions import Securable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from databricks.sdk.service.compute import ContextStatusResponse, Created

    from brickyard.workspace.commands.context import Context
    from brickyard.workspace.files.storage import Spool
    from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()


@family.call("POST", "/api/1.2/contexts/create", access=anyone)
def create_context(workspace: Workspace, call: Call) -> Created:
    """Start a context on a running cluster."""
    from databricks.sdk.service.compute import Created

    cluster_id = _text(call.body, "clusterId")
    _language(call.body)
    return Created(workspace.commands.create(cluster_id, call.principal).id)


@family.call("GET", "/api/1.2/contexts/status", access=anyone)
def context_status(workspace: Workspace, call: Call) -> ContextStatusResponse:
    """Whether a context is there to execute something."""
    from databricks.sdk.service.compute import ContextStatus, ContextStatusResponse

    context = _context(workspace, call)
    return ContextStatusResponse(context.id, ContextStatus(context.state))


@family.call("POST", "/api/1.2/contexts/destroy", access=anyone)
def destroy_context(workspace: Workspace, call: Call) -> dict[str, Any]:
    """End a context."""
    context = _context(workspace, call)
    workspace.commands.destroy(context)
    return {"id": context.id}


@family.call("POST", "/api/1.2/commands/execute", access=anyone, stream=True)
async def execute(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Execute a command: text in JSON, or a file in a form."""
    with workspace.files.storage.spool() as body, workspace.files.storage.spool() as content:
        await body.receive(call.request.stream(), MAX_JSON_BYTES)
        kind = call.request.headers.get("content-type", "")
        fields = await anyio.to_thread.run_sync(_unpack, body, kind, content)
        return await anyio.to_thread.run_sync(_executed, workspace, call, fields)


def _executed(workspace: Workspace, call: Call, fields: Mapping[str, Any]) -> dict[str, Any]:
    cluster_id, context_id = _text(fields, "clusterId"), _text(fields, "contextId")
    call.request.state.call = replace(call, body={"clusterId": cluster_id, "contextId": context_id})  # for the audit
    context = workspace.commands.get(cluster_id, context_id, call.principal)
    if context.error is None:  # else the cluster may be gone, and it is said that the context has ended
        workspace.identity.permissions.require(call.principal, Securable("clusters", cluster_id), "CAN_ATTACH_TO")
    return {"id": workspace.commands.execute(context, _text(fields, "command"), _language(fields)).id}


@family.call("GET", "/api/1.2/commands/status", access=anyone)
def command_status(workspace: Workspace, call: Call) -> dict[str, Any]:
    """How far a command is, and its results once it has ended.

    This is the SDK's `CommandStatusResponse`, which would leave out results that are empty.
    """
    context = _context(workspace, call)
    command = workspace.commands.command(context, _text(call.query, "commandId"))
    state = command.state  # before its results are read, which are there by then
    return {"id": command.id, "status": state, "results": context.results(command)}


@family.call("POST", "/api/1.2/commands/cancel", access=anyone)
def cancel(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Stop a command; the context goes on."""
    context = _context(workspace, call)
    command = workspace.commands.command(context, _text(call.body, "commandId"))
    context.cancel(command)
    return {"id": command.id}


def _context(workspace: Workspace, call: Call) -> Context:
    return workspace.commands.get(_text(call.fields, "clusterId"), _text(call.fields, "contextId"), call.principal)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # ids of contexts are numbers, as which some clients send them
    if not isinstance(value, str) or not value:
        raise InvalidParameterValue(f"requirement failed: missing {name}, which is a text")
    return value


def _language(fields: Mapping[str, Any]) -> str:
    language = _text(fields, "language").lower()
    if language in ("scala", "r"):
        raise NotImplementedByWorkspace(f"the local workspace executes no {language}; its languages are python and sql")
    if language not in ("python", "sql"):
        raise InvalidParameterValue(f"language must be python or sql, not {language[:80]!r}")
    return language


def _unpack(body: Spool, kind: str, content: Spool) -> dict[str, Any]:
    """The fields of `execute`; of a form, the command may be a file."""
    if kind.startswith("multipart/form-data"):
        fields = form_file(body, kind, "command", content)
        return {**fields, "command": content.read().decode(errors="replace")}
    return json_object(body.read() or b"{}")
