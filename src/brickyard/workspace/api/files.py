"""The Files API: volumes, model versions, run artifacts, workspace files and DBFS under one set of calls."""

from __future__ import annotations

import os
import re
import uuid
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.responses import Response, StreamingResponse

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import (
    FeatureDisabled,
    InvalidParameterValue,
    NotImplementedByWorkspace,
    PermissionDenied,
)
from brickyard.workspace.files import transfers
from brickyard.workspace.files.errors import AlreadyExists, PreconditionFailed, RangeNotSatisfiable, with_reason
from brickyard.workspace.files.paths import normal
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from brickyard.workspace.files.transfers import Entry

__all__ = ["family"]

family = Family()
_FILES = "/api/2.0/fs/files{path:path}"
_DIRECTORIES = "/api/2.0/fs/directories{path:path}"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def _reads(workspace: Workspace, call: Call) -> None:
    workspace.files.place_access.require_read(call.principal, call.path["path"])


def _sees(workspace: Workspace, call: Call) -> None:
    workspace.files.place_access.require_sight(call.principal, call.path["path"])


def _writes(workspace: Workspace, call: Call) -> None:
    workspace.files.place_access.require_write(call.principal, call.path["path"])


def _deletes(workspace: Workspace, call: Call) -> None:
    workspace.files.place_access.require_delete(call.principal, call.path["path"])


@family.call("PUT", _FILES, access=_writes, stream=True)
async def upload(workspace: Workspace, call: Call) -> Response:
    """Write the body as a file; without `overwrite=false` an existing one is replaced."""
    path, overwrite = call.path["path"], call.query.get("overwrite", "true").lower()
    if overwrite not in ("true", "false"):
        raise InvalidParameterValue("overwrite must be true or false")
    await anyio.to_thread.run_sync(_check_upload, workspace, path, overwrite == "true")
    with workspace.files.storage.spool() as spool:
        await spool.receive(call.request.stream())
        await anyio.to_thread.run_sync(
            lambda: transfers.upload(workspace.files, path, spool, overwrite=overwrite == "true")
        )
    return Response(status_code=204)


@family.call("GET", _FILES, access=_reads)
def download(workspace: Workspace, call: Call) -> Response:
    """A file, or the part of it that `Range` asks for."""
    file, status = transfers.open_file(workspace.files, call.path["path"])
    try:
        part = _part(call, status)
    except BaseException:
        file.close()
        raise
    start, length = part or (0, status.st_size)
    headers = _headers(status) | {"content-length": str(length)}
    if part is not None:
        headers["content-range"] = f"bytes {start}-{start + length - 1}/{status.st_size}"
    return StreamingResponse(
        transfers.read_chunks(file, start, length),
        status_code=200 if part is None else 206,
        headers=headers,
        media_type="application/octet-stream",
    )


@family.call("HEAD", _FILES, access=_reads)
def get_metadata(workspace: Workspace, call: Call) -> Response:
    """Size and time of a file, in the headers."""
    file, status = transfers.open_file(workspace.files, call.path["path"])
    file.close()
    _check_unmodified(call, status)
    headers = _headers(status) | {"content-length": str(status.st_size)}
    return Response(headers=headers, media_type="application/octet-stream")


@family.call("DELETE", _FILES, access=_deletes)
def delete(workspace: Workspace, call: Call) -> Response:
    """Delete a file."""
    transfers.delete_file(workspace.files, call.path["path"])
    return Response(status_code=204)


@family.call("PUT", _DIRECTORIES, access=_writes)
def create_directory(workspace: Workspace, call: Call) -> Response:
    """Make a directory and its parents."""
    transfers.make_directory(workspace.files, call.path["path"])
    return Response(status_code=204)


@family.call("HEAD", _DIRECTORIES, access=_sees)
def get_directory_metadata(workspace: Workspace, call: Call) -> Response:
    """Whether a directory exists."""
    transfers.find_directory(workspace.files, call.path["path"])
    return Response()


@family.call("GET", _DIRECTORIES, access=_sees)
def list_directory_contents(workspace: Workspace, call: Call) -> dict[str, object]:
    """One page of a directory."""
    size = call.query.get("page_size", str(transfers.MAX_PAGE))
    if not size.isdecimal() or len(size) > 9:
        raise InvalidParameterValue("page_size must be a number")
    limit = min(int(size) or transfers.MAX_PAGE, transfers.MAX_PAGE)
    entries, token = transfers.list_directory(workspace.files, call.path["path"], limit, call.query.get("page_token"))
    sees = workspace.files.place_access.sees
    seen = [_entry(one) for one in entries if sees(call.principal, one.path)]
    if call.path["path"].startswith("/Models/"):
        # MLflow takes the directory that it asked for from the front of each, and it asks with the user's capitals.
        asked = normal(call.path["path"])
        seen = [entry | {"path": f"{asked}/{entry['name']}"} for entry in seen]
    answer: dict[str, object] = {"contents": seen}
    return answer | {"next_page_token": token} if token else answer


@family.call("DELETE", _DIRECTORIES, access=_deletes)
def delete_directory(workspace: Workspace, call: Call) -> Response:
    """Delete an empty directory."""
    transfers.delete_directory(workspace.files, call.path["path"])
    return Response(status_code=204)


@family.call("POST", _FILES, access=_writes)
def multipart_upload(workspace: Workspace, call: Call) -> dict[str, object]:
    """The start of an upload in parts; the next step sends the client back to one single PUT."""
    if call.query.get("action") != "initiate-upload":
        raise NotImplementedByWorkspace(f"action {call.query.get('action')!r} of an upload is not implemented")
    _check_upload(workspace, call.path["path"], call.query.get("overwrite", "true").lower() == "true")
    return {"multipart_upload": {"session_token": uuid.uuid4().hex}}


@family.call("POST", "/api/2.0/fs/create-upload-part-urls", access=anyone, changes=False)
def create_upload_part_urls(workspace: Workspace, call: Call) -> None:
    """There is no cloud storage to send parts to; with this reason the SDK uploads by PUT instead."""
    error = PermissionDenied("Uploads in parts are not enabled in a local workspace; upload with one PUT.")
    raise with_reason(error, "FILES_API_API_IS_NOT_ENABLED")


@family.call("POST", "/api/2.0/fs/create-abort-upload-url", access=anyone, changes=False)
def create_abort_upload_url(workspace: Workspace, call: Call) -> dict[str, object]:
    """Where the SDK ends the upload in parts that it gave up; there is nothing stored that would have to go."""
    return {"abort_upload_url": {"url": f"{workspace.url}/api/2.0/fs/abandoned-uploads", "headers": []}}


@family.call("DELETE", "/api/2.0/fs/abandoned-uploads", access=anyone, changes=False)
def abort_upload(workspace: Workspace, call: Call) -> None:
    """The end of an upload in parts that never had any."""


@family.call("POST", "/api/2.0/fs/create-download-url", access=anyone, changes=False)
def create_download_url(workspace: Workspace, call: Call) -> None:
    """There is no cloud storage to read from; the clients then read through the Files API."""
    raise FeatureDisabled("Presigned URLs are not enabled in a local workspace; download with GET.")


@family.call("GET", "/api/2.0/fs/endpoints", access=anyone)
def endpoints(workspace: Workspace, call: Call) -> None:
    """The SDK's discovery of other ways to transfer files; there are none."""
    raise FeatureDisabled("A local workspace transfers files through the Files API only.")


def _check_upload(workspace: Workspace, path: str, overwrite: bool) -> None:
    """Refuse before the body is sent what would be refused after."""
    place = workspace.files.writable(path)
    if not overwrite and place.local.exists():
        raise AlreadyExists(f"The path {place.path} already exists.")


def _headers(status: os.stat_result) -> dict[str, str]:
    return {"last-modified": formatdate(int(status.st_mtime), usegmt=True), "accept-ranges": "bytes"}


def _part(call: Call, status: os.stat_result) -> tuple[int, int] | None:
    """Where to start and how much to send; nothing where the whole file is asked for."""
    headers = call.request.headers
    _check_unmodified(call, status)
    size = status.st_size
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or not any(match.groups()):  # several parts, or another unit: the whole is a right answer
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size - 1
    else:
        start, end = int(match[1]), min(int(match[2] or size - 1), size - 1)
    if start > end or start >= size:
        raise RangeNotSatisfiable(f"The file has {size} bytes; there is no range {headers['range']}.")
    return start, end - start + 1


def _check_unmodified(call: Call, status: os.stat_result) -> None:
    if _changed_since(call.request.headers.get("if-unmodified-since"), status):
        raise PreconditionFailed("The file was changed since it was looked at.")


def _changed_since(header: str | None, status: os.stat_result) -> bool:
    if header is None:
        return False
    try:
        then = parsedate_to_datetime(header)
    except ValueError:  # the standard asks to ignore what is no date (RFC 9110, 13.1.4)
        return False
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return int(status.st_mtime) > then.timestamp()


def _entry(entry: Entry) -> dict[str, object]:
    from databricks.sdk.service.files import DirectoryEntry

    return DirectoryEntry(
        path=entry.path,
        name=entry.name,
        is_directory=entry.is_directory,
        last_modified=entry.modified_at,
        file_size=None if entry.is_directory else entry.size,
    ).as_dict()
