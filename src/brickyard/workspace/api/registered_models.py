"""Models in Unity Catalog's own REST: `w.registered_models` and `w.model_versions` of the SDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace, ResourceDoesNotExist
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.api.unity.guards import manages, marked, require_creation, sees, shown
from brickyard.workspace.api.unity.requests import new_owner
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.registry.names import ModelName, parse_version
from brickyard.workspace.registry.records import PageRequest
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import (
        ListModelVersionsResponse,
        ListRegisteredModelsResponse,
        ModelVersionInfo,
        RegisteredModelAlias,
        RegisteredModelInfo,
    )

    from brickyard.workspace.registry import ModelVersion, RegisteredModel

__all__ = ["family"]

family = Family()

_MODELS = "/api/2.1/unity-catalog/models"
_MODEL = f"{_MODELS}/{{full_name}}"


_KIND = ObjectKind.MODEL


def _full_name(call: Call) -> str:
    return call.path["full_name"]


def _creates(workspace: Workspace, call: Call) -> None:
    """Whoever may create models in the schema."""
    if not call.principal.is_admin:
        require_creation(workspace, call, ".".join(str(call.body.get(field)) for field in _WHERE))


# The docstrings of the SDK's `RegisteredModelsAPI` say what each call needs.
_READS = sees(_KIND, _full_name)
_MANAGES = manages(_KIND, _full_name)
_WHERE = ("catalog_name", "schema_name")


@dataclass(frozen=True)
class _Changes:
    """The types of what a model or version is given."""

    comment: str | None = None
    owner: str | None = None


@family.call("POST", _MODELS, access=_creates)
def create(workspace: Workspace, call: Call) -> RegisteredModelInfo:
    """Register a model."""
    check_shape(_Changes, call.body)
    if call.body.get("storage_location"):
        raise NotImplementedByWorkspace("a registered model with a storage_location of its own is not implemented")
    if call.body.get("aliases"):
        raise InvalidParameterValue("a model that is being created has no versions yet, so it can have no aliases")
    parts = [call.body.get(field) for field in ("catalog_name", "schema_name", "name")]
    if not all(parts):
        raise InvalidParameterValue("catalog_name, schema_name and name are required")
    name = ModelName.parse(".".join(map(str, parts)))
    created = workspace.registry.models.create(name, call.principal.user_name, call.body.get("comment"))
    return _model(workspace, created)


@family.call("GET", _MODELS, access=anyone)
def list_models(workspace: Workspace, call: Call) -> ListRegisteredModelsResponse:
    """Models by name that the caller may see, of one schema or of all; the vendor lists them without aliases, too."""
    from databricks.sdk.service.catalog import ListRegisteredModelsResponse

    catalog, schema = call.query.get("catalog_name"), call.query.get("schema_name")
    if bool(catalog) != bool(schema):
        raise InvalidParameterValue("give both catalog_name and schema_name, or neither")
    page = workspace.registry.models.list(_page(call, str), catalog, schema)
    models = [
        marked(workspace, call, _KIND, model, _model(workspace, model, aliases=False))
        for model in shown(workspace, call, _KIND, page.items)
    ]
    return ListRegisteredModelsResponse(registered_models=models, next_page_token=page.next_page_token)


@family.call("GET", _MODEL, access=_READS)
def get(workspace: Workspace, call: Call) -> RegisteredModelInfo:
    """One model, with its aliases where they are asked for."""
    found = workspace.registry.models.get(_name(call))
    return marked(workspace, call, _KIND, found, _model(workspace, found, aliases=_wants_aliases(call)))


@family.call("PATCH", _MODEL, access=_MANAGES)
def update(workspace: Workspace, call: Call) -> RegisteredModelInfo:
    """Change a model's comment or owner."""
    if call.body.get("new_name"):
        raise NotImplementedByWorkspace("renaming a registered model is not implemented")
    check_shape(_Changes, call.body)
    changes = {"description": call.body["comment"]} if "comment" in call.body else {}
    if "owner" in call.body:
        changes["owner"] = new_owner(workspace, call.body["owner"])
    return _model(workspace, workspace.registry.models.update(_name(call), call.principal.user_name, changes))


@family.call("DELETE", _MODEL, access=_MANAGES)
def delete(workspace: Workspace, call: Call) -> None:
    """Delete a model with its versions."""
    workspace.registry.models.delete(_name(call))


@family.call("PUT", f"{_MODEL}/aliases/{{alias}}", access=_MANAGES)
def set_alias(workspace: Workspace, call: Call) -> RegisteredModelAlias:
    """Point an alias to a version."""
    name, version = _name(call), parse_version(call.body.get("version_num"))
    workspace.registry.aliases.set(name, call.path["alias"], version)
    return _alias(name, call.path["alias"], version)


@family.call("DELETE", f"{_MODEL}/aliases/{{alias}}", access=_MANAGES)
def delete_alias(workspace: Workspace, call: Call) -> None:
    """Remove an alias."""
    workspace.registry.aliases.delete(_name(call), call.path["alias"])


@family.call("GET", f"{_MODEL}/aliases/{{alias}}", access=_READS)
def get_by_alias(workspace: Workspace, call: Call) -> ModelVersionInfo:
    """The version that an alias points to."""
    name, alias = _name(call), call.path["alias"]
    version = workspace.registry.alias(str(name), alias)
    if version is None:
        raise ResourceDoesNotExist(f"the registered model {name} has no alias {alias!r}")
    return _version(workspace, workspace.registry.versions.get(name, version), aliases=_wants_aliases(call))


@family.call("GET", f"{_MODEL}/versions", access=_READS)
def list_versions(workspace: Workspace, call: Call) -> ListModelVersionsResponse:
    """The versions of a model, newest first."""
    from databricks.sdk.service.catalog import ListModelVersionsResponse

    name = _name(call)
    workspace.registry.models.get(name)
    page = workspace.registry.versions.search(_page(call, str, int), name)
    versions = [_version(workspace, version, aliases=False) for version in page.items]
    return ListModelVersionsResponse(model_versions=versions, next_page_token=page.next_page_token)


@family.call("GET", f"{_MODEL}/versions/{{version}}", access=_READS)
def get_version(workspace: Workspace, call: Call) -> ModelVersionInfo:
    """One version, with its aliases where they are asked for."""
    found = workspace.registry.versions.get(*_key(call))
    return _version(workspace, found, aliases=_wants_aliases(call))


@family.call("PATCH", f"{_MODEL}/versions/{{version}}", access=_MANAGES)
def update_version(workspace: Workspace, call: Call) -> ModelVersionInfo:
    """Change a version's comment."""
    name, version = _key(call)
    check_shape(_Changes, call.body)
    if "comment" not in call.body:
        return _version(workspace, workspace.registry.versions.get(name, version))
    updated = workspace.registry.versions.update(name, version, call.principal.user_name, call.body["comment"])
    return _version(workspace, updated)


@family.call("DELETE", f"{_MODEL}/versions/{{version}}", access=_MANAGES)
def delete_version(workspace: Workspace, call: Call) -> None:
    """Delete a version with its files and aliases."""
    workspace.registry.versions.delete(*_key(call))


def _name(call: Call) -> ModelName:
    return ModelName.parse(call.path["full_name"])


def _key(call: Call) -> tuple[ModelName, int]:
    return _name(call), parse_version(call.path["version"])


def _page(call: Call, *key: type) -> PageRequest:
    return PageRequest.parse(call.query.get("max_results"), call.query.get("page_token"), *key)


def _wants_aliases(call: Call) -> bool:
    return call.query.get("include_aliases", "").lower() == "true"


def _alias(name: ModelName, alias: str, version: int) -> RegisteredModelAlias:
    from databricks.sdk.service.catalog import RegisteredModelAlias

    return RegisteredModelAlias(alias_name=alias, version_num=version, **_place(name))


def _model(workspace: Workspace, model: RegisteredModel, *, aliases: bool = True) -> RegisteredModelInfo:
    from databricks.sdk.service.catalog import RegisteredModelInfo

    name = ModelName.parse(model.name)
    return RegisteredModelInfo(
        name=name.model,
        catalog_name=name.catalog,
        schema_name=name.schema,
        full_name=model.name,
        owner=model.owner,
        storage_location=workspace.registry.models.directory(name).as_uri(),
        aliases=[_alias(name, *pair) for pair in model.aliases.items()] if aliases else None,
        **_history(model),
    )


def _version(workspace: Workspace, version: ModelVersion, *, aliases: bool = True) -> ModelVersionInfo:
    from databricks.sdk.service.catalog import ModelVersionInfo, ModelVersionInfoStatus

    name = ModelName.parse(version.name)
    return ModelVersionInfo(
        version=version.version,
        id=version.id,
        status=ModelVersionInfoStatus(version.status.value),
        source=version.source,
        run_id=version.run_id,
        run_workspace_id=_number(version.run_workspace_id),
        storage_location=version.path.as_uri(),
        aliases=[_alias(name, alias, version.version) for alias in version.aliases] if aliases else None,
        **_place(name),
        **_history(version),
    )


def _number(text: str | None) -> int | None:
    """A workspace's number; MLflow's message has it as text, which a client may fill with anything."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _place(name: ModelName) -> dict[str, Any]:
    return {"catalog_name": name.catalog, "schema_name": name.schema, "model_name": name.model}


def _history(record: RegisteredModel | ModelVersion) -> dict[str, Any]:
    return {
        "comment": record.description,
        "created_at": record.created_at,
        "created_by": record.created_by,
        "updated_at": record.updated_at,
        "updated_by": record.updated_by,
    }
