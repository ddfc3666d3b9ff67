"""Where data is: the calls that give temporary credentials in the cloud, and only an address here."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.unity.requests import text
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import (
        GenerateTemporaryPathCredentialResponse,
        GenerateTemporaryTableCredentialResponse,
        GenerateTemporaryVolumeCredentialResponse,
    )

__all__ = ["declare"]

_HOUR_MS = 3_600_000
_TABLE = ("READ", "READ_WRITE")
_VOLUME = ("READ_VOLUME", "WRITE_VOLUME")
_PATH = ("PATH_READ", "PATH_READ_WRITE", "PATH_CREATE_TABLE")


def declare(family: Family) -> None:
    """Add these calls to the family; the SDK uses version 2.0 of them, open-source clients 2.1."""
    for version in ("2.0", "2.1"):
        base = f"/api/{version}/unity-catalog/temporary"
        family.call("POST", f"{base}-table-credentials")(table)
        family.call("POST", f"{base}-volume-credentials")(volume)
        family.call("POST", f"{base}-path-credentials")(path)


def table(workspace: Workspace, call: Call) -> GenerateTemporaryTableCredentialResponse:
    """Where the data of a table is."""
    from databricks.sdk.service.catalog import GenerateTemporaryTableCredentialResponse

    _operation(call, _TABLE)
    record = workspace.catalog.table_by_id(text(call, "table_id") or "")
    if record.location is None:
        raise InvalidParameterValue(f"{record.full_name} is a view and has no data of its own")
    return GenerateTemporaryTableCredentialResponse(url=record.directory.as_uri(), expiration_time=_expiry())


def volume(workspace: Workspace, call: Call) -> GenerateTemporaryVolumeCredentialResponse:
    """Where the files of a volume are."""
    from databricks.sdk.service.catalog import GenerateTemporaryVolumeCredentialResponse

    _operation(call, _VOLUME)
    record = workspace.catalog.volume_by_id(text(call, "volume_id") or "")
    return GenerateTemporaryVolumeCredentialResponse(url=Path(record.location).as_uri(), expiration_time=_expiry())


def path(workspace: Workspace, call: Call) -> GenerateTemporaryPathCredentialResponse:
    """The same path, if it is inside of the workspace's data."""
    from databricks.sdk.service.catalog import GenerateTemporaryPathCredentialResponse

    _operation(call, _PATH)
    url = text(call, "url") or ""
    parts = urlsplit(url)
    inside = workspace.data.resolve()
    if parts.scheme != "file" or not Path(unquote(parts.path)).resolve().is_relative_to(inside):
        raise InvalidParameterValue(f"{url!r} is not a path inside of {inside.as_uri()}")
    return GenerateTemporaryPathCredentialResponse(url=url, expiration_time=_expiry())


def _operation(call: Call, known: tuple[str, ...]) -> None:
    if call.body.get("operation") not in known:
        raise InvalidParameterValue(f"operation must be one of {', '.join(known)}")


def _expiry() -> int:
    return int(time.time() * 1000) + _HOUR_MS
