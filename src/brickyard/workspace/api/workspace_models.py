"""Models of the workspace's own registry: what Databricks adds to MLflow's calls, and what becomes of their grants."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.responses import Response

from brickyard.workspace.api import mlflow_access, model_files
from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.mlflow_guard import Guard
from brickyard.workspace.identity.permissions import LEVELS
from brickyard.workspace.registry.names import parse_version
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.ml import GetModelResponse, ModelDatabricks, TransitionStageResponse

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/mlflow/registered-models"
_DATABRICKS = "/api/2.0/mlflow/databricks"


def _may_read(workspace: Workspace, call: Call) -> None:
    Guard(workspace, call.principal).model(_text(call.query.get("name"), "name"), "CAN_READ")


def _may_move(workspace: Workspace, call: Call) -> None:
    Guard(workspace, call.principal).transition(*_transition(call))


@family.call("POST", f"{_ROOT}/create", access=anyone)
async def create_model(workspace: Workspace, call: Call) -> Response:
    """Register a model; who does may do everything with it."""
    name = _text(call.body.get("name"), "name")
    answer = await _forward(workspace, call)
    return await _then(answer, lambda: workspace.registry.workspace_models.created(name, call.principal))


@family.call("POST", f"{_ROOT}/rename", access=anyone)
async def rename_model(workspace: Workspace, call: Call) -> Response:
    """Give a model another name; its id stays the same, and so do its permissions."""
    name, new_name = _text(call.body.get("name"), "name"), _text(call.body.get("new_name"), "new_name")
    answer = await _forward(workspace, call)
    return await _then(answer, lambda: workspace.registry.workspace_models.renamed(name, new_name))


@family.call("DELETE", f"{_ROOT}/delete", access=anyone)
async def delete_model(workspace: Workspace, call: Call) -> Response:
    """Delete a model with its versions; clients send its name in the body or in the query."""
    name = _text(call.body.get("name") or call.query.get("name"), "name")
    answer = await mlflow_access.forward(workspace, call, json.dumps({"name": name}).encode())
    return await _then(answer, lambda: workspace.registry.workspace_models.deleted(name))


@family.call("GET", f"{_DATABRICKS}/registered-models/get", access=_may_read)
def get_model(workspace: Workspace, call: Call) -> GetModelResponse:
    """A model with its id, and what the caller may do with it."""
    from databricks.sdk.service.ml import GetModelResponse, ModelDatabricks, PermissionLevel

    name = call.query["name"]
    record = workspace.registry.workspace_models.record(name)
    found = workspace.registry.tracking.ask_models(lambda store: store.get_registered_model(name))
    permissions = workspace.identity.permissions
    levels = [one for one in LEVELS["registered-models"] if permissions.allows(call.principal, record.securable, one)]
    fields = {
        "name": found.name,
        "id": record.id,
        "user_id": record.creator or None,
        "creation_timestamp": found.creation_timestamp,
        "last_updated_timestamp": found.last_updated_timestamp,
        "description": found.description,
        "tags": [{"key": key, "value": value} for key, value in found.tags.items()],
        "latest_versions": [_version(one) for one in found.latest_versions],
        "permission_level": PermissionLevel(levels[-1]).value,
    }
    model: ModelDatabricks = ModelDatabricks.from_dict({key: one for key, one in fields.items() if one is not None})
    return GetModelResponse(registered_model_databricks=model)


@family.call("POST", f"{_DATABRICKS}/model-versions/transition-stage", access=_may_move)
def transition_stage(workspace: Workspace, call: Call) -> TransitionStageResponse:
    """Move a version to another stage."""
    from databricks.sdk.service.ml import ModelVersionDatabricks, TransitionStageResponse

    if call.body.get("comment"):
        raise NotImplementedByWorkspace("comments on stage transitions are not implemented")
    name, version, stage = _transition(call)
    archive = call.body.get("archive_existing_versions")
    if not isinstance(archive, bool):
        raise InvalidParameterValue("archive_existing_versions must be true or false")
    moved = workspace.registry.tracking.ask_models(
        lambda store: store.transition_model_version_stage(name, version, stage, archive)
    )
    return TransitionStageResponse(model_version_databricks=ModelVersionDatabricks.from_dict(_version(moved)))


model_files.declare(family)


async def _forward(workspace: Workspace, call: Call) -> Response:
    return await mlflow_access.forward(workspace, call, json.dumps(dict(call.body)).encode())


async def _then(answer: Response, step: Callable[[], None]) -> Response:
    """Do what follows where MLflow's server has done its part."""
    if answer.status_code == 200:
        await anyio.to_thread.run_sync(step)
    return answer


def _transition(call: Call) -> tuple[str, str, str]:
    name, version, stage = (_text(call.body.get(field), field) for field in ("name", "version", "stage"))
    return name, str(parse_version(version)), stage


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidParameterValue(f"{field} is required")
    return value


def _version(found: Any) -> dict[str, Any]:
    fields = {
        "name": found.name,
        "version": str(found.version),
        "creation_timestamp": found.creation_timestamp,
        "last_updated_timestamp": found.last_updated_timestamp,
        "user_id": found.user_id,
        "current_stage": found.current_stage,
        "description": found.description,
        "source": found.source,
        "run_id": found.run_id,
        "run_link": found.run_link,
        "status": found.status,
        "status_message": found.status_message,
        "tags": [{"key": key, "value": value} for key, value in found.tags.items()],
    }
    return {key: one for key, one in fields.items() if one is not None}
