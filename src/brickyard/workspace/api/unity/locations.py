"""Where data is: the calls that give temporary credentials in the cloud, and only an address here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.unity.guards import caller
from brickyard.workspace.api.unity.requests import boolean, text
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import TABLE, VOLUME
from brickyard.workspace.catalog.urls import CLOUDS
from brickyard.workspace.clock import now
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import (
        GenerateTemporaryPathCredentialResponse,
        GenerateTemporaryTableCredentialResponse,
        GenerateTemporaryVolumeCredentialResponse,
    )

__all__ = ["declare"]

_HOUR_MS = 3_600_000
# What each operation needs.
_TABLE = {"READ": ("SELECT",), "READ_WRITE": ("SELECT", "MODIFY")}
_VOLUME = {"READ_VOLUME": ("READ_VOLUME",), "WRITE_VOLUME": ("READ_VOLUME", "WRITE_VOLUME")}
_PATH = ("PATH_READ", "PATH_READ_WRITE", "PATH_CREATE_TABLE")


def declare(family: Family) -> None:
    """Add these calls to the family; the SDK uses version 2.0 of them, open-source clients 2.1."""
    for version in ("2.0", "2.1"):
        base = f"/api/{version}/unity-catalog/temporary"
        family.call("POST", f"{base}-table-credentials", access=_uses_table, changes=False)(table)
        family.call("POST", f"{base}-volume-credentials", access=_uses_volume, changes=False)(volume)
        family.call("POST", f"{base}-path-credentials", access=_uses_path, changes=False)(path)


def _uses_table(workspace: Workspace, call: Call) -> None:
    """Whoever may read the table and, for READ_WRITE, also change it.

    The cloud asks for EXTERNAL USE SCHEMA too, as it lets other engines in here; these are the workspace's own.
    """
    wanted = _TABLE[_operation(call, tuple(_TABLE))]
    if not call.principal.is_admin:
        record = workspace.catalog.by_id(TABLE, text(call, "table_id") or "")
        caller(workspace, call).require(ObjectKind.TABLE, record.full_name, *wanted)
    if not boolean(call, "policies"):  # this workspace's own engines say that they mind them
        workspace.files.place_access.require_plain(workspace.catalog.by_id(TABLE, text(call, "table_id") or ""))


def _uses_volume(workspace: Workspace, call: Call) -> None:
    """Whoever may read files of the volume or, for WRITE_VOLUME, also write them."""
    wanted = _VOLUME[_operation(call, tuple(_VOLUME))]
    if not call.principal.is_admin:
        record = workspace.catalog.by_id(VOLUME, text(call, "volume_id") or "")
        caller(workspace, call).require(ObjectKind.VOLUME, record.full_name, *wanted)


def _uses_path(workspace: Workspace, call: Call) -> None:
    """Whoever may read or write the table, volume or file that is there."""
    operation = _operation(call, _PATH)
    access, place = workspace.files.place_access, _place(workspace, text(call, "url") or "")
    if operation == "PATH_CREATE_TABLE" and not place.is_relative_to(workspace.data.resolve()):
        access.require_elsewhere(call.principal, place, "CREATE_EXTERNAL_TABLE")
    else:
        deep = boolean(call, "recursive")  # this workspace's own engines say so
        access.require_local(call.principal, place, write=operation != "PATH_READ", deep=deep)


def table(workspace: Workspace, call: Call) -> GenerateTemporaryTableCredentialResponse:
    """Where the data of a table is."""
    from databricks.sdk.service.catalog import GenerateTemporaryTableCredentialResponse

    record = workspace.catalog.by_id(TABLE, text(call, "table_id") or "")
    if record.location is None:
        raise InvalidParameterValue(f"{record.full_name} is a view and has no data of its own")
    return GenerateTemporaryTableCredentialResponse(url=record.directory.as_uri(), expiration_time=_expiry())


def volume(workspace: Workspace, call: Call) -> GenerateTemporaryVolumeCredentialResponse:
    """Where the files of a volume are."""
    from databricks.sdk.service.catalog import GenerateTemporaryVolumeCredentialResponse

    record = workspace.catalog.by_id(VOLUME, text(call, "volume_id") or "")
    return GenerateTemporaryVolumeCredentialResponse(url=Path(record.location).as_uri(), expiration_time=_expiry())


def path(workspace: Workspace, call: Call) -> GenerateTemporaryPathCredentialResponse:
    """The same path, if it is inside of the workspace's data or below an external location."""
    from databricks.sdk.service.catalog import GenerateTemporaryPathCredentialResponse

    url = text(call, "url") or ""
    return GenerateTemporaryPathCredentialResponse(url=url, expiration_time=_expiry())


def _place(workspace: Workspace, url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme in CLOUDS:
        raise NotImplementedByWorkspace(f"A local workspace has no way to {url}: use a volume, or a file:/ location.")
    path = unquote(parts.path)
    if parts.scheme != "file" or "\0" in path or not path.startswith("/"):
        raise InvalidParameterValue(f"{url!r} is not a path of this machine, as file:/ writes it")
    return Path(path).resolve()


def _operation(call: Call, known: tuple[str, ...]) -> str:
    operation = call.body.get("operation")
    if operation not in known:
        raise InvalidParameterValue(f"operation must be one of {', '.join(known)}")
    return str(operation)


def _expiry() -> int:
    return now() + _HOUR_MS
