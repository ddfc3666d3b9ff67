"""How the MLflow client adds versions and tags with `MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY`.

Source of the messages: `mlflow.protos.unity_catalog_messages_pb2` (3.17.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.api.unity.guards import updates
from brickyard.workspace.api.unity.model_infos import Info, version_info
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.registry.names import ModelName, parse_version
from brickyard.workspace.registry.records import NewVersion
from brickyard.workspace.workspace import Workspace

__all__ = ["Tag", "declare", "given_tags"]

_BASE = "/api/2.1/unity-catalog"
_KIND = ObjectKind.MODEL
_TYPES = ("FUNCTION", "REGISTERED_MODEL")


@dataclass(frozen=True)
class Tag:
    """A tag as it is sent."""

    key: str
    value: str | None = None


@dataclass(frozen=True)
class _Version:
    model_name: str | None = None
    catalog_name: str | None = None
    schema_name: str | None = None
    source: str | None = None
    run_id: str | None = None
    comment: str | None = None
    model_id: str | None = None
    feature_deps: str | None = None
    run_tracking_server_id: str | None = None
    tags: list[Tag] | None = None
    model_version_dependencies: dict[str, Any] | None = None


@dataclass(frozen=True)
class _Changes:
    remove: list[str] | None = None
    add_tags: list[Tag] | None = None


@dataclass(frozen=True)
class _Tagging:
    changes: _Changes


def declare(family: Family) -> None:
    """Add these calls to the family."""
    adds = updates(_KIND, _named, instead="CREATE_MODEL_VERSION")
    seals = updates(_KIND, lambda call: call.path["full_name"], instead="CREATE_MODEL_VERSION")
    tags = updates(_KIND, lambda call: str(_tagged(call)), instead="APPLY_TAG")
    family.call("POST", f"{_BASE}/models/versions", access=adds)(create_version)
    family.call("PATCH", f"{_BASE}/models/{{full_name}}/versions/{{version}}/finalize", access=seals)(finalize_version)
    family.call("PATCH", f"{_BASE}/securable-tags/{{type}}/{{full_name}}", access=tags)(tag_model)
    family.call("PATCH", f"{_BASE}/subentity-tags/{{type}}/{{full_name}}/{{version}}", access=tags)(tag_version)


def create_version(workspace: Workspace, call: Call) -> Info:
    """Take the next version number; the files are uploaded next."""
    check_shape(_Version, call.body)
    dependencies = (call.body.get("model_version_dependencies") or {}).get("dependencies") or []
    new = NewVersion(
        source=call.body.get("source"),
        run_id=call.body.get("run_id"),
        run_workspace_id=call.body.get("run_tracking_server_id"),
        model_id=call.body.get("model_id") or None,  # a copy sends it empty
        description=call.body.get("comment"),
        feature_deps=call.body.get("feature_deps"),
        dependencies=tuple(dependencies),
        tags=given_tags(call.body.get("tags")),
    )
    created = workspace.registry.versions.create(ModelName.parse(_named(call)), call.principal.user_name, new)
    return version_info(workspace, created)


def finalize_version(workspace: Workspace, call: Call) -> Info:
    """Seal a version whose files are complete."""
    name, version = ModelName.parse(call.path["full_name"]), parse_version(call.path["version"])
    return version_info(workspace, workspace.registry.versions.finalize(name, version, call.principal.user_name))


def tag_model(workspace: Workspace, call: Call) -> None:
    """Set and remove tags of a model."""
    name, (added, removed) = _tagged(call), _changes(call)
    for key, value in added.items():
        workspace.registry.models.set_tag(name, call.principal.user_name, key, value)
    for key in removed:
        workspace.registry.models.delete_tag(name, call.principal.user_name, key)


def tag_version(workspace: Workspace, call: Call) -> None:
    """Set and remove tags of a version."""
    name, (added, removed) = _tagged(call), _changes(call)
    version = parse_version(call.path["version"])
    for key, value in added.items():
        workspace.registry.versions.set_tag(name, version, call.principal.user_name, key, value)
    for key in removed:
        workspace.registry.versions.delete_tag(name, version, call.principal.user_name, key)


def given_tags(tags: list[dict[str, Any]] | None) -> dict[str, str]:
    """Tags as they are sent, by key.

    Raises:
        InvalidParameterValue: A key is empty.
    """
    found = {str(tag["key"]): str(tag.get("value") or "") for tag in tags or []}
    if "" in found:
        raise InvalidParameterValue("the tag's key is required")
    return found


def _named(call: Call) -> str:
    """The full name of the model that a body is about."""
    parts = [call.body.get(field) for field in ("catalog_name", "schema_name", "model_name")]
    if not all(parts):
        raise InvalidParameterValue("catalog_name, schema_name and model_name are required")
    return str(ModelName.parse(".".join(map(str, parts))))


def _tagged(call: Call) -> ModelName:
    kind = call.path["type"].upper()
    if kind not in _TYPES:
        raise NotImplementedByWorkspace(f"tags of {kind} are not implemented; only those of models (FUNCTION) are")
    return ModelName.parse(call.path["full_name"])


def _changes(call: Call) -> tuple[dict[str, str], list[str]]:
    check_shape(_Tagging, call.body)
    changes = call.body["changes"]
    return given_tags(changes.get("add_tags")), [str(key) for key in changes.get("remove") or []]
