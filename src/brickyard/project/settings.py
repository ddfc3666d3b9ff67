"""Reads `workspace`, `artifacts` and `sync`."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from brickyard.project.faults import Faults, nearest
from brickyard.project.project import Artifact, Sync, WorkspaceSettings
from brickyard.project.source import Node

__all__ = ["check_mode", "read_artifacts", "read_sync", "read_workspace", "user_fields", "workspace_fields"]

_HOME = "/Workspace/Users/${workspace.current_user.userName}"
_PATHS = {
    "root_path": "~/.bundle/${bundle.name}/${bundle.target}",
    "file_path": "${workspace.root_path}/files",
    "artifact_path": "${workspace.root_path}/artifacts",
    "state_path": "${workspace.root_path}/state",
    "resource_path": "${workspace.root_path}/resources",
}
_PRINCIPAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# What older projects write without the root that all of them are below.
_TOPS = ("/Repos/", "/Shared/", "/Users/")
_AUTH = (
    "account_id", "auth_type", "azure_client_id", "azure_environment", "azure_login_app_id", "azure_tenant_id",
    "azure_use_msi", "azure_workspace_resource_id", "client_id", "google_service_account", "workspace_id",
)  # fmt: skip
_WORKSPACE_KEYS = ("host", "profile", *_PATHS, *_AUTH)


def workspace_fields(workspace: Node) -> Node:
    """The `workspace` mapping with the paths that were left out, `~` as the home of whoever deploys."""
    fields = {name: item for name, item in workspace.fields.items() if item.value is not None}
    for name, default in _PATHS.items():
        node = fields.get(name, Node(default, workspace.at))
        if isinstance(node.value, str) and (node.value == "~" or node.value.startswith("~/")):
            node = Node(_HOME + node.value[1:], node.at)
        elif isinstance(node.value, str) and node.value.startswith(_TOPS):
            node = Node("/Workspace" + node.value, node.at)
        fields[name] = node
    return Node(fields, workspace.at, workspace.key_at)


def user_fields(user: str) -> dict[str, str]:
    """What `${workspace.current_user...}` offers for a user name."""
    short = re.sub(r"[\W_]+", "_", user.partition("@")[0].lower()).strip("_")
    plain = unicodedata.normalize("NFKD", short).encode("ascii", "ignore").decode()
    return {"userName": user, "short_name": short, "domain_friendly_name": plain.replace("_", "-")}


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
        elif path is not None and name == "root_path" and _is_shared(path):
            # `destroy` deletes this directory.
            at, what = workspace.fields[name].at, f"'workspace.{name}' is '{path}', where others have files too"
            faults.add(at, what, expected="a directory of its own, such as '~/.bundle/${bundle.name}/${bundle.target}'")
    return WorkspaceSettings(
        host=(workspace.text("host") or "").rstrip("/") or None,
        profile=workspace.text("profile"),
        auth={name: text for name in _AUTH if (text := workspace.text(name)) is not None},
        **{name: (workspace.text(name) or "").rstrip("/") for name in _PATHS if name != "resource_path"},
    )


def _is_shared(path: str) -> bool:
    """Whether a directory is one of the workspace's own: its top, `Shared`, `Users`, or the home of a user."""
    steps = [step for step in path.split("/") if step]
    if steps[:1] == ["Workspace"]:
        steps = steps[1:]
    home = len(steps) == 2 and steps[0] in ("Users", "Repos")
    return not steps or steps in (["Shared"], ["Users"], ["Repos"]) or home


def check_mode(mode: Node | None, workspace: Node, user: str | None, faults: Faults) -> None:
    """Check what a mode asks of the deployment's paths.

    Development belongs to one user, whose name must be in every path; production is there once, whoever deploys it.

    Args:
        mode: The target's mode.
        workspace: The resolved `workspace` mapping.
        user: The signed-in user, if that is known.
        faults: Takes what is wrong.
    """
    if mode is not None and mode.value == "production" and "root_path" not in workspace.key_at:
        _check_production(mode, user, faults)
    for name in _PATHS if mode is not None and mode.value == "development" else ():
        path, is_written = workspace.text(name), name in workspace.key_at
        if is_written and path is not None and path.startswith("/") and not _names_user(path, user):
            what = f"'workspace.{name}' is '{path}', which all users would share in 'mode: development'"
            expected = "'~/...', or ${workspace.current_user.short_name} in it"
            faults.add(workspace.fields[name].at, what, expected=expected)


def _check_production(mode: Node, user: str | None, faults: Faults) -> None:
    what = "production without 'workspace.root_path' lives in the home of whoever deploys it"
    expected = "workspace: {root_path: ...} in the target"
    # A service principal's home is one place too, and before anybody is signed in nobody knows.
    if user is None or _PRINCIPAL.fullmatch(user):
        faults.warn(mode.at, what, expected=expected)
    else:
        faults.add(mode.at, what, expected=expected)


def _names_user(path: str, user: str | None) -> bool:
    if "${workspace.current_user." in path:
        return True
    if user is None:
        return path.startswith("/Workspace/Users/")
    return user in path or user_fields(user)["short_name"] in path


def read_artifacts(root: Path, artifacts: Node, faults: Faults) -> tuple[Artifact, ...]:
    """Read the resolved `artifacts` mapping."""
    found = []
    for key, item in artifacts.fields.items():
        if not item.is_mapping and item.value is not None:
            faults.add(item.at, f"the artifact '{key}' must be a mapping", expected="{type: whl, path: ...}")
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
        name: tuple(_pattern(item) for item in (sync.get(name) or sync).items) for name in ("include", "exclude")
    }
    for name in sync.fields:
        at = sync.position_of(name)
        if name == "paths":
            faults.add(at, "'sync.paths' is not supported yet")
        elif name not in patterns:
            faults.add(at, f"there is no field '{name}' in 'sync'", nearest=nearest(name, patterns))
        elif not sync.fields[name].is_sequence and sync.fields[name].value is not None:
            faults.add(sync.fields[name].at, f"'sync.{name}' must be a list of patterns")
    return Sync(**patterns)


def _pattern(item: Node) -> str:
    """A pattern relative to the project, as it is written relative to the file that it stands in."""
    text, place = str(item.value), item.at.file.parent.as_posix()
    if place == ".":
        return text
    negation = "!" * text.startswith("!")
    return f"{negation}/{os.path.normpath(f'{place}/{text[len(negation) :]}')}"
