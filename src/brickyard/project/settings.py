"""Reads `workspace`, `artifacts` and `sync`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from brickyard.project.faults import Faults, nearest
from brickyard.project.project import Artifact, Sync, WorkspaceSettings
from brickyard.project.source import Node

__all__ = ["read_artifacts", "read_sync", "read_workspace", "user_fields", "workspace_fields"]

_HOME = "/Workspace/Users/${workspace.current_user.userName}"
_PATHS = {
    "root_path": "~/.bundle/${bundle.name}/${bundle.target}",
    "file_path": "${workspace.root_path}/files",
    "artifact_path": "${workspace.root_path}/artifacts",
    "state_path": "${workspace.root_path}/state",
    "resource_path": "${workspace.root_path}/resources",
}
_AUTH = (
    "account_id", "auth_type", "azure_client_id", "azure_environment", "azure_login_app_id", "azure_tenant_id",
    "azure_use_msi", "azure_workspace_resource_id", "client_id", "google_service_account", "workspace_id",
)  # fmt: skip
_WORKSPACE_KEYS = ("host", "profile", *_PATHS, *_AUTH)


def workspace_fields(workspace: Node) -> Node:
    """The `workspace` mapping with the paths that were left out, `~` as the home of whoever deploys."""
    fields = dict(workspace.fields)
    for name, default in _PATHS.items():
        node = fields.get(name, Node(default, workspace.at))
        if isinstance(node.value, str) and (node.value == "~" or node.value.startswith("~/")):
            node = Node(_HOME + node.value[1:], node.at)
        fields[name] = node
    return Node(fields, workspace.at, workspace.key_at)


def user_fields(user: str) -> dict[str, str]:
    """What `${workspace.current_user...}` offers for a user name."""
    short = re.sub(r"[^a-z0-9]+", "_", user.partition("@")[0].lower()).strip("_")
    return {"userName": user, "short_name": short, "domain_friendly_name": short.replace("_", "-")}


def read_workspace(workspace: Node, faults: Faults) -> WorkspaceSettings:
    """Read the resolved `workspace` mapping."""
    for name, item in workspace.fields.items():
        if name == "current_user":
            continue
        at = workspace.position_of(name)
        if name not in _WORKSPACE_KEYS:
            faults.add(at, f"there is no field '{name}' in 'workspace'", nearest=nearest(name, _WORKSPACE_KEYS))
        elif not isinstance(item.value, str):
            faults.add(item.at, f"'workspace.{name}' must be text")
    for name in _PATHS:
        path = workspace.text(name)
        if path is not None and not path.startswith("/"):
            faults.add(
                workspace.fields[name].at, f"'workspace.{name}' is '{path}'", expected="an absolute path, or '~/...'"
            )
    return WorkspaceSettings(
        host=(workspace.text("host") or "").rstrip("/") or None,
        profile=workspace.text("profile"),
        auth={name: text for name in _AUTH if (text := workspace.text(name)) is not None},
        **{name: (workspace.text(name) or "").rstrip("/") for name in _PATHS if name != "resource_path"},
    )


def read_artifacts(root: Path, artifacts: Node, faults: Faults) -> tuple[Artifact, ...]:
    """Read the resolved `artifacts` mapping."""
    found = []
    for key, item in artifacts.fields.items():
        _check_artifact(key, item, faults)
        place = item.get("path")
        base = root / (place.at.file.parent if place else item.at.file.parent)
        path = Path(os.path.normpath(base / (item.text("path") or ".")))
        if not path.is_dir():
            faults.add(place.at if place else item.at, f"the artifact's path '{item.text('path')}' is no directory")
        found.append(Artifact(key, path, item.text("build"), item.at))
    return tuple(found)


def _check_artifact(key: str, item: Node, faults: Faults) -> None:
    known = ("type", "path", "build")
    for name in item.fields:
        at = item.position_of(name)
        if name in ("files", "executable", "dynamic_version"):
            faults.add(at, f"'{name}' of an artifact is not supported yet")
        elif name not in known:
            faults.add(at, f"an artifact has no field '{name}'", nearest=nearest(name, known))
    kind = item.get("type")
    if kind is not None and kind.value != "whl":
        faults.add(kind.at, f"the artifact '{key}' is a {kind.value}, which is not supported yet", expected="whl")


def read_sync(sync: Node, faults: Faults) -> Sync:
    """Read the `sync` mapping."""
    patterns: Mapping[str, tuple[str, ...]] = {
        name: tuple(str(item.value) for item in (sync.get(name) or sync).items) for name in ("include", "exclude")
    }
    for name in sync.fields:
        at = sync.position_of(name)
        if name == "paths":
            faults.add(at, "'sync.paths' is not supported yet")
        elif name not in patterns:
            faults.add(at, f"there is no field '{name}' in 'sync'", nearest=nearest(name, patterns))
        elif not sync.fields[name].is_sequence:
            faults.add(sync.fields[name].at, f"'sync.{name}' must be a list of patterns")
    return Sync(**patterns)
