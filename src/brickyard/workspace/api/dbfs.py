"""DBFS: the ten calls. Everybody may read and write its root, but for the files of tables of Unity Catalog."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from brickyard.workspace.api.access import admins_only, anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, MalformedRequest
from brickyard.workspace.api.forms import form_file
from brickyard.workspace.files.dbfs import MAX_BLOCK, BlockTooLarge
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.files import CreateResponse, FileInfo, ListStatusResponse, ReadResponse

    from brickyard.workspace.files.dbfs import DbfsEntry
    from brickyard.workspace.files.storage import Spool

__all__ = ["family"]

family = Family()
_DEFAULT_LENGTH = MAX_BLOCK // 2
_MAX_BODY = 2**31  # of a form; the vendor streams those


def _reads(workspace: Workspace, call: Call) -> None:
    workspace.files.place_access.require_dbfs(call.principal, _path(call.query))


def _writes(workspace: Workspace, call: Call) -> None:
    workspace.files.place_access.require_dbfs(call.principal, _path(call.body), write=True)


def _deletes(workspace: Workspace, call: Call) -> None:
    workspace.files.place_access.require_dbfs(call.principal, _path(call.body), write=True, deep=True)


def _moves(workspace: Workspace, call: Call) -> None:
    require = workspace.files.place_access.require_dbfs
    require(call.principal, _path(call.body, "source_path"), write=True, deep=True)
    require(call.principal, _path(call.body, "destination_path"), write=True)


@family.call("POST", "/api/2.0/dbfs/create", access=_writes)
def create(workspace: Workspace, call: Call) -> CreateResponse:
    """Open a file for writing; the answer is its handle."""
    from databricks.sdk.service.files import CreateResponse

    overwrite = _flag(call.body, "overwrite")
    return CreateResponse(workspace.files.dbfs.create(_path(call.body), call.principal.id, overwrite=overwrite))


@family.call("POST", "/api/2.0/dbfs/add-block", access=anyone)
def add_block(workspace: Workspace, call: Call) -> None:
    """Append a block to an open file."""
    workspace.files.dbfs.add_block(_number(call.body, "handle"), call.principal.id, _bytes(call.body.get("data")))


@family.call("POST", "/api/2.0/dbfs/close", access=anyone)
def close(workspace: Workspace, call: Call) -> None:
    """End an open file."""
    workspace.files.dbfs.close(_number(call.body, "handle"), call.principal.id)


@family.call("POST", "/api/2.0/dbfs/put", access=anyone, stream=True)
async def put(workspace: Workspace, call: Call) -> None:
    """Write a whole file: base64 in JSON, at most 1 MiB, or a form with any content."""
    files = workspace.files
    with files.storage.spool() as body, files.storage.spool() as content:
        await body.receive(call.request.stream(), _MAX_BODY)
        kind = call.request.headers.get("content-type", "")
        fields = await anyio.to_thread.run_sync(_unpack, body, kind, content)
        path, overwrite = _path(fields), _flag(fields, "overwrite")
        call.request.state.call = replace(call, body={"path": path})  # for the audit record
        await anyio.to_thread.run_sync(lambda: files.place_access.require_dbfs(call.principal, path, write=True))
        await anyio.to_thread.run_sync(lambda: files.dbfs.put(path, content, overwrite=overwrite))


@family.call("GET", "/api/2.0/dbfs/read", access=_reads)
def read(workspace: Workspace, call: Call) -> ReadResponse:
    """A part of a file, as base64."""
    from databricks.sdk.service.files import ReadResponse

    offset, length = _number(call.query, "offset", 0), _number(call.query, "length", _DEFAULT_LENGTH)
    data = workspace.files.dbfs.read(_path(call.query), offset, length)
    return ReadResponse(bytes_read=len(data), data=base64.b64encode(data).decode())


@family.call("GET", "/api/2.0/dbfs/get-status", access=_reads)
def get_status(workspace: Workspace, call: Call) -> FileInfo:
    """What is known of a file or directory."""
    return _info(workspace.files.dbfs.status(_path(call.query)))


@family.call("GET", "/api/2.0/dbfs/list", access=_reads)
def list_status(workspace: Workspace, call: Call) -> ListStatusResponse:
    """The entries of a directory."""
    from databricks.sdk.service.files import ListStatusResponse

    return ListStatusResponse([_info(one) for one in workspace.files.dbfs.list(_path(call.query))])


@family.call("POST", "/api/2.0/dbfs/mkdirs", access=_writes)
def mkdirs(workspace: Workspace, call: Call) -> None:
    """Make a directory and its parents."""
    workspace.files.dbfs.make_directory(_path(call.body))


@family.call("POST", "/api/2.0/dbfs/move", access=_moves)
def move(workspace: Workspace, call: Call) -> None:
    """Move a file or a whole directory."""
    workspace.files.dbfs.move(_path(call.body, "source_path"), _path(call.body, "destination_path"))


@family.call("POST", "/api/2.0/dbfs/delete", access=_deletes)
def delete(workspace: Workspace, call: Call) -> None:
    """Delete a file or directory."""
    workspace.files.dbfs.delete(_path(call.body), recursive=_flag(call.body, "recursive"))


@family.call("GET", "/api/2.0/dbfs/mounts", access=anyone)
def list_mounts(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What is mounted: for `dbutils.fs` of tasks, as the vendor's API has no calls for it."""
    mounting = workspace.files.mounting
    mounting.link()  # a task may have removed a link with the directory around it
    return {"mounts": [{"point": one.point, "source": one.source} for one in mounting.all()]}


@family.call("POST", "/api/2.0/dbfs/mounts", access=admins_only)
def mount(workspace: Workspace, call: Call) -> None:
    """Mount a directory, also for `dbutils.fs.updateMount`."""
    point, source = call.body.get("point"), call.body.get("source")
    if not isinstance(point, str) or not isinstance(source, str):
        raise InvalidParameterValue("point and source are required, as text")
    again = _flag(call.body, "replace")
    workspace.files.mounting.mount(point, source, call.principal.user_name, replace=again)


@family.call("DELETE", "/api/2.0/dbfs/mounts", access=admins_only)
def unmount(workspace: Workspace, call: Call) -> None:
    """End a mount; the files stay."""
    workspace.files.mounting.unmount(call.query.get("point") or "")


def _unpack(body: Spool, kind: str, content: Spool) -> dict[str, Any]:
    """The fields of a `put`; its content goes into the other spool."""
    if kind.startswith("multipart/form-data"):
        return form_file(body, kind, "contents", content)
    if body.path.stat().st_size > 2 * MAX_BLOCK:
        raise BlockTooLarge(f"contents has more than {MAX_BLOCK} bytes; send a form, or create, add-block and close")
    try:
        fields = json.loads(body.read() or b"{}")
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"the request body is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise MalformedRequest("the request body must be a JSON object")
    data = _bytes(fields.get("contents") or "")
    if len(data) > MAX_BLOCK:
        raise BlockTooLarge(f"contents has more than {MAX_BLOCK} bytes; send a form, or create, add-block and close")
    content.replace(data)
    return fields


def _path(fields: Any, name: str = "path") -> str:
    path = fields.get(name)
    if not isinstance(path, str) or not path.removeprefix("dbfs:").startswith("/"):
        raise InvalidParameterValue(f"{name} must be an absolute path such as /tmp/a or dbfs:/tmp/a, not {path!r}")
    return path


def _flag(fields: Any, name: str) -> bool:
    value = fields.get(name, False)
    if value in (True, "true"):
        return True
    if value in (False, None, "false", ""):
        return False
    raise InvalidParameterValue(f"{name} must be true or false")


def _number(fields: Any, name: str, default: int | None = None) -> int:
    value = fields.get(name, default)
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise InvalidParameterValue(f"{name} must be a whole number")
    return value


def _bytes(encoded: Any) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidParameterValue("the content must be base64") from error


def _info(entry: DbfsEntry) -> FileInfo:
    from databricks.sdk.service.files import FileInfo

    return FileInfo(path=entry.path, is_dir=entry.is_dir, file_size=entry.size, modification_time=entry.modified_at)
