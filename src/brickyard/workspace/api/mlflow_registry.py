"""Models in Unity Catalog as the MLflow client calls them (registry URI `databricks-uc`, default surface).

Source of the messages: `mlflow.protos.databricks_uc_registry_messages_pb2` (3.17.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import (
    InvalidParameterValue,
    NotImplementedByWorkspace,
    PermissionDenied,
    ResourceDoesNotExist,
)
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.api.unity.guards import caller, manages, require_creation, sees, shown, updates
from brickyard.workspace.api.unity.renames import renamed
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.registry.names import ModelName, parse_version
from brickyard.workspace.registry.records import NewVersion, PageRequest
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from brickyard.workspace.registry import ModelVersion, RegisteredModel

__all__ = ["family"]

family = Family()

_ROOT = "/api/2.0/mlflow/unity-catalog"
_MODELS = f"{_ROOT}/registered-models"
_VERSIONS = f"{_ROOT}/model-versions"
_FILTER = re.compile(r"\s*(name|run_id)\s*=\s*(?:'([^']*)'|\"([^\"]*)\")\s*")

Answer = dict[str, Any]


def _name(call: Call) -> str:
    return str(ModelName.parse(_field(call, "name")))


def _creates(workspace: Workspace, call: Call) -> None:
    """Whoever may create models in the schema."""
    if not call.principal.is_admin:
        require_creation(workspace, call, ModelName.parse(call.body.get("name")).parent)


def _searches(workspace: Workspace, call: Call) -> None:
    """Whoever may read the model; of a run, everybody is shown the versions of models that may be read."""
    name, _ = _filter(_field(call, "filter", required=False))
    if name is not None and not call.principal.is_admin:
        caller(workspace, call).require_sight(_KIND, str(name))


def _links(workspace: Workspace, call: Call) -> None:
    """Whoever may read the model, or add versions to it."""
    try:
        _READS(workspace, call)
    except PermissionDenied:
        _ADDS(workspace, call)


_KIND = ObjectKind.MODEL
# The docstring of the SDK's `RegisteredModelsAPI` says what each call needs.
_READS = sees(_KIND, _name)
_MANAGES = manages(_KIND, _name)
_TAGS = updates(_KIND, _name, instead="APPLY_TAG")
_ADDS = updates(_KIND, _name, instead="CREATE_MODEL_VERSION")


@dataclass(frozen=True)
class _Tag:
    key: str
    value: str | None = None


@dataclass(frozen=True)
class _Message:
    """The types of what these calls are sent; each takes some of the fields."""

    name: str | None = None
    description: str | None = None
    source: str | None = None
    run_id: str | None = None
    run_tracking_server_id: str | None = None
    model_id: str | None = None
    feature_deps: str | None = None
    tags: list[_Tag] | None = None
    model_version_dependencies: list[dict[str, Any]] | None = None
    model_version_lineage_info: dict[str, Any] | None = None


@family.call("POST", f"{_MODELS}/create", access=_creates)
def create_model(workspace: Workspace, call: Call) -> Answer:
    """Register a model."""
    check_shape(_Message, call.body)
    if call.body.get("deployment_job_id"):
        raise NotImplementedByWorkspace("a registered model with a deployment job is not implemented")
    created = workspace.registry.models.create(
        ModelName.parse(call.body.get("name")),
        call.principal.user_name,
        call.body.get("description"),
        _tags(call.body),
    )
    return _answer(registered_model=_model(created))


@family.call("PATCH", f"{_MODELS}/update", access=_MANAGES)
def update_model(workspace: Workspace, call: Call) -> Answer:
    """Change a model's name or description."""
    check_shape(_Message, call.body)
    if call.body.get("deployment_job_id"):
        raise NotImplementedByWorkspace("a registered model with a deployment job is not implemented")
    changes = {"description": call.body.get("description")} if "description" in call.body else {}
    name = ModelName.parse(renamed(workspace, call, _KIND, _name(call)))
    updated = workspace.registry.models.update(name, call.principal.user_name, changes)
    return _answer(registered_model=_model(updated))


@family.call("DELETE", f"{_MODELS}/delete", access=_MANAGES)
def delete_model(workspace: Workspace, call: Call) -> None:
    """Delete a model with its versions."""
    workspace.registry.models.delete(ModelName.parse(_field(call, "name")))


@family.call("GET", f"{_MODELS}/get", access=_READS)
def get_model(workspace: Workspace, call: Call) -> Answer:
    """One model."""
    found = workspace.registry.models.get(ModelName.parse(_field(call, "name")))
    return _answer(registered_model=_model(found))


@family.call("GET", f"{_MODELS}/search", access=anyone)
def search_models(workspace: Workspace, call: Call) -> Answer:
    """The models that the caller may see, by name."""
    page = workspace.registry.models.list(_page(call, str))
    return _answer(
        registered_models=[_model(model) for model in shown(workspace, call, _KIND, page.items)],
        next_page_token=page.next_page_token,
    )


@family.call("POST", f"{_MODELS}/set-tag", access=_TAGS)
def set_model_tag(workspace: Workspace, call: Call) -> None:
    """Tag a model."""
    key, value = _tag(call)
    workspace.registry.models.set_tag(ModelName.parse(call.body.get("name")), call.principal.user_name, key, value)


@family.call("DELETE", f"{_MODELS}/delete-tag", access=_TAGS)
def delete_model_tag(workspace: Workspace, call: Call) -> None:
    """Remove a tag of a model."""
    name = ModelName.parse(_field(call, "name"))
    workspace.registry.models.delete_tag(name, call.principal.user_name, _field(call, "key"))


@family.call("POST", f"{_MODELS}/alias", access=_MANAGES)
def set_alias(workspace: Workspace, call: Call) -> None:
    """Point an alias to a version."""
    name, version = ModelName.parse(call.body.get("name")), parse_version(call.body.get("version"))
    workspace.registry.aliases.set(name, _field(call, "alias"), version)


@family.call("DELETE", f"{_MODELS}/alias", access=_MANAGES)
def delete_alias(workspace: Workspace, call: Call) -> None:
    """Remove an alias."""
    workspace.registry.aliases.delete(ModelName.parse(_field(call, "name")), _field(call, "alias"))


@family.call("GET", f"{_MODELS}/alias", access=_READS)
def get_version_by_alias(workspace: Workspace, call: Call) -> Answer:
    """The version that an alias points to."""
    name, alias = ModelName.parse(_field(call, "name")), _field(call, "alias")
    version = workspace.registry.alias(str(name), alias)
    if version is None:
        raise ResourceDoesNotExist(f"the registered model {name} has no alias {alias!r}")
    return _answer(model_version=_version(workspace.registry.versions.get(name, version)))


@family.call("GET", f"{_ROOT}/registered-models:is-databricks-sdk-models-artifact-repository-enabled", access=anyone)
def is_files_api_enabled(workspace: Workspace, call: Call) -> Answer:
    """Yes: model files go through the Files API, so that no cloud credentials are needed."""
    return _answer(
        is_databricks_sdk_models_artifact_repository_enabled=True,
    )


@family.call("POST", f"{_VERSIONS}/create", access=_ADDS)
def create_version(workspace: Workspace, call: Call) -> Answer:
    """Take the next version number; the files are uploaded next."""
    check_shape(_Message, call.body)
    dependencies = call.body.get("model_version_dependencies") or []
    new = NewVersion(
        source=call.body.get("source"),
        run_id=call.body.get("run_id"),
        run_workspace_id=call.body.get("run_tracking_server_id"),
        model_id=call.body.get("model_id") or None,  # a copy sends it empty
        description=call.body.get("description"),
        feature_deps=call.body.get("feature_deps"),
        dependencies=tuple(dependencies),
        tags=_tags(call.body),
    )
    name = ModelName.parse(call.body.get("name"))
    created = workspace.registry.versions.create(name, call.principal.user_name, new)
    return _answer(model_version=_version(created))


@family.call("POST", f"{_VERSIONS}/finalize", access=_ADDS)
def finalize_version(workspace: Workspace, call: Call) -> Answer:
    """Seal a version whose files are complete."""
    name, version = _key(call)
    sealed = workspace.registry.versions.finalize(name, version, call.principal.user_name)
    return _answer(model_version=_version(sealed))


@family.call("PATCH", f"{_VERSIONS}/update", access=_MANAGES)
def update_version(workspace: Workspace, call: Call) -> Answer:
    """Change a version's description."""
    check_shape(_Message, call.body)
    name, version = _key(call)
    if "description" not in call.body:
        return _answer(model_version=_version(workspace.registry.versions.get(name, version)))
    updated = workspace.registry.versions.update(name, version, call.principal.user_name, call.body["description"])
    return _answer(model_version=_version(updated))


@family.call("DELETE", f"{_VERSIONS}/delete", access=_MANAGES)
def delete_version(workspace: Workspace, call: Call) -> None:
    """Delete a version with its files."""
    workspace.registry.versions.delete(*_key(call))


@family.call("GET", f"{_VERSIONS}/get", access=_READS)
def get_version(workspace: Workspace, call: Call) -> Answer:
    """One version."""
    return _answer(model_version=_version(workspace.registry.versions.get(*_key(call))))


@family.call("GET", f"{_VERSIONS}/get-download-uri", access=_READS)
def get_download_uri(workspace: Workspace, call: Call) -> Answer:
    """Where a version's files are."""
    found = workspace.registry.versions.get(*_key(call))
    return _answer(artifact_uri=found.path.as_uri())


@family.call("GET", f"{_VERSIONS}/search", access=_searches)
def search_versions(workspace: Workspace, call: Call) -> Answer:
    """Versions of a model or of a run, newest first."""
    name, run_id = _filter(_field(call, "filter", required=False))
    page = workspace.registry.versions.search(_page(call, str, int), name, run_id)
    return _answer(
        model_versions=[_version(version) for version in _readable(workspace, call, page.items)],
        next_page_token=page.next_page_token,
    )


@family.call("POST", f"{_VERSIONS}/set-tag", access=_TAGS)
def set_version_tag(workspace: Workspace, call: Call) -> None:
    """Tag a version."""
    name, version = _key(call)
    key, value = _tag(call)
    workspace.registry.versions.set_tag(name, version, call.principal.user_name, key, value)


@family.call("DELETE", f"{_VERSIONS}/delete-tag", access=_TAGS)
def delete_version_tag(workspace: Workspace, call: Call) -> None:
    """Remove a tag of a version."""
    name, version = _key(call)
    workspace.registry.versions.delete_tag(name, version, call.principal.user_name, _field(call, "key"))


@family.call("POST", f"{_VERSIONS}/emit-lineage", access=_links)
def emit_lineage(workspace: Workspace, call: Call) -> None:
    """Keep who made or used a version."""
    check_shape(_Message, call.body)
    name, version = _key(call)
    info = call.body.get("model_version_lineage_info") or {}
    entities = {"entities": info.get("entities") or [], "securable": call.body.get("securable")}
    direction = str(info.get("direction") or "")
    workspace.registry.versions.record_lineage(name, version, call.principal.user_name, direction, entities)


def _readable(workspace: Workspace, call: Call, versions: list[ModelVersion]) -> list[ModelVersion]:
    """The versions of models that the caller may see."""
    if call.principal.is_admin:
        return versions
    names = {version.name for version in versions}
    models = [workspace.registry.models.get(ModelName.parse(name)) for name in names]
    seen = {model.name for model in shown(workspace, call, _KIND, models)}
    return [version for version in versions if version.name in seen]


def _answer(**fields: Any) -> Answer:
    """The JSON form of a message, which has no nulls.

    MLflow's own classes of these messages are not used here: importing them imports all of MLflow, which a workspace
    that only serves models does not need. The tests parse every answer with them instead.
    """
    answer: Answer = _without_none(fields)
    return answer


def _field(call: Call, name: str, *, required: bool = True) -> str:
    """A field of the body or, where the client sends none, of the query."""
    value = call.body.get(name, call.query.get(name))
    if required and not isinstance(value, str | int):
        raise InvalidParameterValue(f"{name} is required")
    return str(value) if value is not None else ""


def _key(call: Call) -> tuple[ModelName, int]:
    return ModelName.parse(_field(call, "name")), parse_version(_field(call, "version"))


def _page(call: Call, *key: type) -> PageRequest:
    size, token = (_field(call, name, required=False) for name in ("max_results", "page_token"))
    return PageRequest.parse(size, token, *key)


def _tag(call: Call) -> tuple[str, str]:
    key = _field(call, "key")
    if not key:
        raise InvalidParameterValue("the tag's key is required")
    return key, _field(call, "value", required=False)


def _tags(body: Any) -> dict[str, str]:
    return {tag["key"]: tag.get("value") or "" for tag in body.get("tags") or []}


def _filter(text: str) -> tuple[ModelName | None, str | None]:
    if not text:
        return None, None
    match = _FILTER.fullmatch(text)
    if match is None:
        raise InvalidParameterValue(
            f"the filter {text!r} is not supported; Unity Catalog has \"name = 'catalog.schema.model'\" "
            "and \"run_id = '...'\""
        )
    value = match[2] if match[2] is not None else match[3]
    return (ModelName.parse(value), None) if match[1] == "name" else (None, value)


def _model(model: RegisteredModel) -> Answer:
    return {
        "name": model.name,
        "creation_timestamp": model.created_at,
        "last_updated_timestamp": model.updated_at,
        "user_id": model.owner,
        "description": model.description,
        "aliases": [{"alias": alias, "version": str(version)} for alias, version in model.aliases.items()],
        "tags": [{"key": key, "value": value} for key, value in model.tags.items()],
    }


def _version(version: ModelVersion) -> Answer:
    return {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.created_at,
        "last_updated_timestamp": version.updated_at,
        "user_id": version.created_by,
        "description": version.description,
        "source": version.source,
        "run_id": version.run_id,
        "run_tracking_server_id": version.run_workspace_id,
        "status": version.status.value,
        "storage_location": version.path.as_uri(),
        "aliases": [{"alias": alias, "version": str(version.version)} for alias in version.aliases],
        "tags": [{"key": key, "value": value} for key, value in version.tags.items()],
        "model_id": version.model_id,
    }


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
