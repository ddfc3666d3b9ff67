"""Files of versions in the workspace's own registry, as the MLflow client lists and downloads them.

Source: `mlflow.store.artifact.databricks_models_artifact_repo` (3.17.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.api.mlflow_guard import Guard
from brickyard.workspace.registry.names import parse_version
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from brickyard.workspace.files.paths import Place

__all__ = ["declare"]

_ROOT = "/api/2.0/mlflow/model-versions"
_SIGNED = f"{_ROOT}/signed-files"


def declare(family: Family) -> None:
    """Add these calls to the family."""
    family.call("GET", f"{_ROOT}/list-artifacts", access=_may_read)(list_artifacts)
    family.call("GET", f"{_ROOT}/get-signed-download-uri", access=_may_read)(get_signed_download_uri)
    family.call("GET", f"{_SIGNED}/{{secret}}", access=anyone)(read_signed_file)


def _may_read(workspace: Workspace, call: Call) -> None:
    """The model must be readable, and where its files are, which whoever registered the version has chosen."""
    Guard(workspace, call.principal).model(_required(call, "name"), "CAN_READ")
    if not call.principal.is_admin:
        workspace.files.place_access.require_sight(call.principal, _place(workspace, call).path)


def list_artifacts(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The files of a version, one directory at a time; of a file, itself."""
    root, local = _root(workspace, call).local, _place(workspace, call).local
    found = sorted(local.iterdir()) if local.is_dir() else [local] if local.is_file() else []
    return {"root_uri": _uri(workspace, call), "files": [_entry(root, entry) for entry in found]}


def get_signed_download_uri(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Where the client may read a file for some minutes, without a token."""
    local = _place(workspace, call).local
    if not local.is_file():
        raise ResourceDoesNotExist(f"there is no file {call.query.get('path')!r} in this version")
    secret = workspace.registry.signed_files.sign(local)
    return {"signed_uri": f"{workspace.url}{_SIGNED}/{secret}", "headers": []}


def read_signed_file(workspace: Workspace, call: Call) -> FileResponse:
    """A file, or the part of it that `Range` asks for."""
    return FileResponse(workspace.registry.signed_files.file(call.path["secret"]))


def _entry(root: Path, entry: Path) -> dict[str, Any]:
    size = {} if entry.is_dir() else {"file_size": entry.stat().st_size}
    return {"path": entry.relative_to(root).as_posix(), "is_dir": entry.is_dir(), **size}


def _root(workspace: Workspace, call: Call) -> Place:
    return workspace.files.roots.located(_uri(workspace, call))


def _place(workspace: Workspace, call: Call) -> Place:
    return workspace.files.roots.located(f"{_uri(workspace, call)}/{call.query.get('path') or ''}")


def _uri(workspace: Workspace, call: Call) -> str:
    name, version = _required(call, "name"), str(parse_version(_required(call, "version")))
    return str(
        workspace.registry.tracking.ask_models(lambda store: store.get_model_version_download_uri(name, version))
    )


def _required(call: Call, field: str) -> str:
    value = call.query.get(field)
    if not value:
        raise InvalidParameterValue(f"{field} is required")
    return value
