"""The workspace tree: import, export, list, get-status, mkdirs, delete, and the bundles' `workspace-files`."""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.responses import Response, StreamingResponse

from brickyard.workspace.api import tree_experiments
from brickyard.workspace.api.access import Access, anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import BadRequest, InvalidParameterValue, ResourceAlreadyExists
from brickyard.workspace.api.forms import form_file
from brickyard.workspace.files.errors import FileAlreadyExists, NotebookTooLarge
from brickyard.workspace.files.exchange import MAX_FILE_BYTES, MAX_NOTEBOOK_BYTES, export_object, import_object
from brickyard.workspace.files.paths import tree_path
from brickyard.workspace.files.transfers import read_chunks
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.workspace import ObjectInfo

    from brickyard.workspace.files.storage import Spool
    from brickyard.workspace.files.tree import TreeObject
    from brickyard.workspace.identity import Principal

__all__ = ["family"]

family = Family()


def _needs(level: str) -> Access:
    """Access for those who have a level on the object at the `path` of the query or the body."""

    def check(workspace: Workspace, call: Call) -> None:
        workspace.files.access.require(call.principal, _path(call.fields), level)

    return check


def _sees(workspace: Workspace, call: Call) -> None:
    workspace.files.access.require_sight(call.principal, _path(call.query))


def _makes_directory(workspace: Workspace, call: Call) -> None:
    workspace.files.access.require_directory(call.principal, _path(call.body))


def _writes_file(workspace: Workspace, call: Call) -> None:
    workspace.files.access.require_write(call.principal, "/" + call.path["path"])


def _reads_file(workspace: Workspace, call: Call) -> None:
    workspace.files.access.require(call.principal, "/" + call.path["path"], "CAN_READ")


_MAX_JSON = 64 * 1024 * 1024
_AS_FORM = "send it as a form, as `w.workspace.upload` does."
_MAX_BODY = MAX_FILE_BYTES * 4 // 3 + 1024 * 1024  # base64 and its envelope


@dataclass(frozen=True)
class _Import:
    path: str
    format: str
    language: str | None
    overwrite: bool


@family.call("POST", "/api/2.0/workspace/import", access=anyone, stream=True)  # the path is in the body: see `_import`
async def import_(workspace: Workspace, call: Call) -> None:
    """Import a notebook or file, from JSON with base64 content or from a form, as `w.workspace.upload` sends it."""
    files = workspace.files
    with files.storage.spool() as body, files.storage.spool() as content:
        await body.receive(call.request.stream(), _MAX_BODY)
        kind = call.request.headers.get("content-type", "")
        wanted = await anyio.to_thread.run_sync(_unpack, body, kind, content)
        call.request.state.call = replace(call, body={"path": wanted.path})  # for the audit record
        await anyio.to_thread.run_sync(workspace.files.access.require_write, call.principal, wanted.path)
        await anyio.to_thread.run_sync(_import, workspace, call.principal, wanted, content)


@family.call("POST", "/api/2.0/workspace-files/import-file/{path:path}", access=_writes_file, stream=True)
async def import_file(workspace: Workspace, call: Call) -> None:
    """Import the body as a file, or as a notebook if it is one; where the name is taken, only one caller wins."""
    overwrite = _boolean(call.query.get("overwrite", "false"), "overwrite")
    wanted = _Import("/" + call.path["path"], "AUTO", None, overwrite)
    with workspace.files.storage.spool() as content:
        await content.receive(call.request.stream(), MAX_FILE_BYTES)
        try:
            await anyio.to_thread.run_sync(_import, workspace, call.principal, wanted, content)
        except ResourceAlreadyExists as error:
            raise FileAlreadyExists(error.message) from error


@family.call("GET", "/api/2.0/workspace-files/{path:path}", access=_reads_file)
def read_file(workspace: Workspace, call: Call) -> Response:
    """The content of a file or notebook as it is kept."""
    return _streamed(workspace, "/" + call.path["path"])


@family.call("GET", "/api/2.0/workspace/export", access=_needs("CAN_READ"))
def export(workspace: Workspace, call: Call) -> object:
    """A notebook or file, as base64 in JSON or, with `direct_download`, as it is."""
    from databricks.sdk.service.workspace import ExportResponse

    tree, path, kind = workspace.files.tree, _path(call.query), call.query.get("format") or "SOURCE"
    direct = _boolean(call.query.get("direct_download", "false"), "direct_download")
    found = tree.get(path)
    if found.kind == "FILE" and kind in ("SOURCE", "AUTO", "RAW"):
        if direct:
            return _streamed(workspace, path)
        if found.size > MAX_NOTEBOOK_BYTES:
            raise NotebookTooLarge(f"{found.path} has more than {MAX_NOTEBOOK_BYTES} bytes; ask with direct_download.")
    content, extension = export_object(tree, path, kind, partial(workspace.files.access.sees, call.principal))
    if direct:
        return Response(content, media_type="application/octet-stream")
    return ExportResponse(content=base64.b64encode(content).decode(), file_type=extension)


@family.call("GET", "/api/2.0/workspace/get-status", access=_sees)
def get_status(workspace: Workspace, call: Call) -> dict[str, object]:
    """What is known of an object; with `return_export_info`, also the format in which a notebook is kept.

    The latter is what the vendor's command line asks to tell `.py` from `.ipynb` notebooks.
    """
    found = workspace.files.tree.find(_path(call.query))
    if found is None:
        return tree_experiments.experiment_at(workspace, _path(call.query))
    answer: dict[str, object] = _info(found).as_dict()
    if found.kind == "NOTEBOOK" and _boolean(call.query.get("return_export_info", "false"), "return_export_info"):
        answer["repos_export_format"] = workspace.files.tree.read_notebook(found.path).format
    return answer


@family.call("GET", "/api/2.0/workspace/list", access=_sees)
def list_objects(workspace: Workspace, call: Call) -> dict[str, object]:
    """The objects in a directory; an empty one answers without `objects`, as the vendor's does."""
    path = _path(call.query)
    if workspace.files.tree.find(path) is None:
        return {"objects": [tree_experiments.experiment_at(workspace, path)]}
    found = workspace.files.tree.children(path)
    found = [one for one in found if workspace.files.access.sees(call.principal, one.path)]
    after = call.query.get("notebooks_modified_after")
    if after is not None:
        if not after.isdecimal() or len(after) > 18:
            raise InvalidParameterValue("notebooks_modified_after must be milliseconds since the epoch")
        found = [one for one in found if one.kind != "NOTEBOOK" or one.modified_at > int(after)]
    objects: list[dict[str, object]] = [_info(one).as_dict() for one in found]
    objects += tree_experiments.experiments_in(workspace, call.principal, path)
    return {"objects": objects} if objects else {}


@family.call("POST", "/api/2.0/workspace/mkdirs", access=_makes_directory)
def mkdirs(workspace: Workspace, call: Call) -> None:
    """Make a directory and its parents."""
    tree_experiments.require_no_experiment(workspace, _path(call.body))
    workspace.files.tree.make_directory(_path(call.body))


@family.call("POST", "/api/2.0/workspace/delete", access=_needs("CAN_MANAGE"))
def delete(workspace: Workspace, call: Call) -> None:
    """Delete an object."""
    recursive = call.body.get("recursive", False)
    if not isinstance(recursive, bool):
        raise InvalidParameterValue("recursive must be true or false")
    path = _path(call.body)
    if workspace.files.tree.find(path) is None and tree_experiments.delete_experiment(workspace, path):
        return
    if not workspace.files.tree.is_protected(path):
        tree_experiments.delete_experiments_below(workspace, path, recursive=recursive)
    workspace.files.tree.delete(path, recursive=recursive)


def _import(workspace: Workspace, principal: Principal, wanted: _Import, content: Spool) -> None:
    tree_experiments.require_no_experiment(workspace, wanted.path)
    import_object(
        workspace.files.tree,
        tree_path(wanted.path),
        content,
        kind=wanted.format,
        language=wanted.language,
        overwrite=wanted.overwrite,
        check=partial(workspace.files.access.require_write, principal),
    )


def _unpack(body: Spool, kind: str, content: Spool) -> _Import:
    if kind.startswith("multipart/form-data"):
        return _wanted(form_file(body, kind, "content", content))
    if body.path.stat().st_size > _MAX_JSON:
        raise NotebookTooLarge(f"content has more than {MAX_NOTEBOOK_BYTES} bytes; {_AS_FORM}")
    try:
        fields = json.loads(body.read())
        given = base64.b64decode(fields.get("content") or "", validate=True)
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise BadRequest(f"the body must be JSON with base64 `content`: {error}") from error
    if len(given) > MAX_NOTEBOOK_BYTES:
        raise NotebookTooLarge(f"content has more than {MAX_NOTEBOOK_BYTES} bytes; {_AS_FORM}")
    content.replace(given)
    return _wanted(fields)


def _wanted(fields: dict[str, Any]) -> _Import:
    language = fields.get("language")
    return _Import(
        path=_path(fields),
        format=str(fields.get("format") or "SOURCE"),
        language=None if language is None else str(language),
        overwrite=_boolean(fields.get("overwrite", False), "overwrite"),
    )


def _path(fields: Any) -> str:
    path = fields.get("path")
    if not path:
        raise InvalidParameterValue("path is required")
    if not isinstance(path, str):
        raise InvalidParameterValue(f"path must be a string, not {json.dumps(path)[:100]}")
    return path


def _boolean(value: object, name: str) -> bool:
    if value in (True, "true", "True"):
        return True
    if value in (False, None, "false", "False", ""):
        return False
    raise InvalidParameterValue(f"{name} must be true or false, not {value!r}")


def _streamed(workspace: Workspace, path: str) -> Response:
    file = workspace.files.tree.open(path)
    size = os.fstat(file.fileno()).st_size
    headers = {"content-length": str(size)}
    return StreamingResponse(read_chunks(file, 0, size), headers=headers, media_type="application/octet-stream")


def _info(found: TreeObject) -> ObjectInfo:
    from databricks.sdk.service.workspace import Language, ObjectInfo, ObjectType

    return ObjectInfo(
        path=found.path,
        object_type=ObjectType(found.kind),
        object_id=found.id,
        resource_id=str(found.id),
        language=None if found.language is None else Language(found.language),
        created_at=found.created_at,
        modified_at=found.modified_at,
        size=None if found.kind in ("DIRECTORY", "REPO") else found.size,
    )
