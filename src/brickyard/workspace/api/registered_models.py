"""Models in Unity Catalog's own REST: `w.registered_models` and `w.model_versions` of the SDK."""

from __future__ import annotations

from dataclasses import dataclass

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace, ResourceDoesNotExist
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.api.unity import model_uploads
from brickyard.workspace.api.unity.guards import manages, marked, require_creation, sees, shown
from brickyard.workspace.api.unity.model_infos import Info, alias_info, model_info, version_info
from brickyard.workspace.api.unity.model_uploads import Tag, given_tags
from brickyard.workspace.api.unity.renames import renamed
from brickyard.workspace.api.unity.requests import new_owner
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.registry.names import ModelName, parse_version
from brickyard.workspace.registry.records import PageRequest
from brickyard.workspace.workspace import Workspace

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
    new_name: str | None = None
    tags: list[Tag] | None = None


@family.call("POST", _MODELS, access=_creates)
def create(workspace: Workspace, call: Call) -> Info:
    """Register a model."""
    check_shape(_Changes, call.body)
    _no_deployment_job(call)
    if call.body.get("storage_location"):
        raise NotImplementedByWorkspace("a registered model with a storage_location of its own is not implemented")
    if call.body.get("aliases"):
        raise InvalidParameterValue("a model that is being created has no versions yet, so it can have no aliases")
    parts = [call.body.get(field) for field in ("catalog_name", "schema_name", "name")]
    if not all(parts):
        raise InvalidParameterValue("catalog_name, schema_name and name are required")
    name = ModelName.parse(".".join(map(str, parts)))
    comment, tags = call.body.get("comment"), given_tags(call.body.get("tags"))
    created = workspace.registry.models.create(name, call.principal.user_name, comment, tags)
    return model_info(workspace, created)


@family.call("GET", _MODELS, access=anyone)
def list_models(workspace: Workspace, call: Call) -> Info:
    """Models by name that the caller may see, of one schema or of all; the vendor lists them without aliases, too."""
    catalog, schema = call.query.get("catalog_name"), call.query.get("schema_name")
    if bool(catalog) != bool(schema):
        raise InvalidParameterValue("give both catalog_name and schema_name, or neither")
    page = workspace.registry.models.list(_page(call, str), catalog, schema)
    models = [
        marked(workspace, call, _KIND, model, model_info(workspace, model, aliases=False))
        for model in shown(workspace, call, _KIND, page.items)
    ]
    return _listed("registered_models", models, page.next_page_token)


@family.call("GET", _MODEL, access=_READS)
def get(workspace: Workspace, call: Call) -> Info:
    """One model, with its aliases where they are asked for."""
    found = workspace.registry.models.get(_name(call))
    return marked(workspace, call, _KIND, found, model_info(workspace, found, aliases=_wants_aliases(call)))


@family.call("PATCH", _MODEL, access=_MANAGES)
def update(workspace: Workspace, call: Call) -> Info:
    """Change a model's name, comment or owner."""
    check_shape(_Changes, call.body)
    _no_deployment_job(call)
    changes = {"description": call.body["comment"]} if "comment" in call.body else {}
    if "owner" in call.body:
        changes["owner"] = new_owner(workspace, call.body["owner"])
    name = ModelName.parse(renamed(workspace, call, _KIND, str(_name(call))))
    return model_info(workspace, workspace.registry.models.update(name, call.principal.user_name, changes))


@family.call("DELETE", _MODEL, access=_MANAGES)
def delete(workspace: Workspace, call: Call) -> None:
    """Delete a model with its versions."""
    workspace.registry.models.delete(_name(call))


@family.call("PUT", f"{_MODEL}/aliases/{{alias}}", access=_MANAGES)
def set_alias(workspace: Workspace, call: Call) -> Info:
    """Point an alias to a version."""
    name, version = _name(call), parse_version(call.body.get("version_num"))
    workspace.registry.aliases.set(name, call.path["alias"], version)
    return alias_info(name, call.path["alias"], version)


@family.call("DELETE", f"{_MODEL}/aliases/{{alias}}", access=_MANAGES)
def delete_alias(workspace: Workspace, call: Call) -> None:
    """Remove an alias."""
    workspace.registry.aliases.delete(_name(call), call.path["alias"])


@family.call("GET", f"{_MODEL}/aliases/{{alias}}", access=_READS)
def get_by_alias(workspace: Workspace, call: Call) -> Info:
    """The version that an alias points to."""
    name, alias = _name(call), call.path["alias"]
    version = workspace.registry.alias(str(name), alias)
    if version is None:
        raise ResourceDoesNotExist(f"the registered model {name} has no alias {alias!r}")
    return version_info(workspace, workspace.registry.versions.get(name, version), aliases=_wants_aliases(call))


@family.call("GET", f"{_MODEL}/versions", access=_READS)
def list_versions(workspace: Workspace, call: Call) -> Info:
    """The versions of a model, newest first."""
    name = _name(call)
    workspace.registry.models.get(name)
    page = workspace.registry.versions.search(_page(call, str, int), name)
    versions = [version_info(workspace, version, aliases=False) for version in page.items]
    return _listed("model_versions", versions, page.next_page_token)


@family.call("GET", f"{_MODEL}/versions/{{version}}", access=_READS)
def get_version(workspace: Workspace, call: Call) -> Info:
    """One version, with its aliases where they are asked for."""
    found = workspace.registry.versions.get(*_key(call))
    return version_info(workspace, found, aliases=_wants_aliases(call))


@family.call("PATCH", f"{_MODEL}/versions/{{version}}", access=_MANAGES)
def update_version(workspace: Workspace, call: Call) -> Info:
    """Change a version's comment."""
    name, version = _key(call)
    check_shape(_Changes, call.body)
    if "comment" not in call.body:
        return version_info(workspace, workspace.registry.versions.get(name, version))
    updated = workspace.registry.versions.update(name, version, call.principal.user_name, call.body["comment"])
    return version_info(workspace, updated)


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


def _listed(key: str, found: list[Info], token: str | None) -> Info:
    return {key: found, **({"next_page_token": token} if token else {})}


def _no_deployment_job(call: Call) -> None:
    if call.body.get("deployment_job_id"):
        raise NotImplementedByWorkspace("a registered model with a deployment job is not implemented")


model_uploads.declare(family)
