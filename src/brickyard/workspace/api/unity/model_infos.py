"""Models and versions as Unity Catalog's own REST shows them.

The SDK's dataclasses say the fields, and the MLflow client's messages (`mlflow.protos.unity_catalog_messages_pb2`) the
two more that it reads: tags, and the logged model of a version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.registry.names import ModelName
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from databricks.sdk.service.catalog import RegisteredModelAlias

    from brickyard.workspace.registry import ModelVersion, RegisteredModel

__all__ = ["alias_info", "model_info", "version_info"]

Info = dict[str, Any]


def alias_info(name: ModelName, alias: str, version: int) -> Info:
    """An alias of a model."""
    return _alias(name, alias, version).as_dict()


def _alias(name: ModelName, alias: str, version: int) -> RegisteredModelAlias:
    from databricks.sdk.service.catalog import RegisteredModelAlias

    return RegisteredModelAlias(alias_name=alias, version_num=version, **_place(name))


def model_info(workspace: Workspace, model: RegisteredModel, *, aliases: bool = True) -> Info:
    """A registered model."""
    from databricks.sdk.service.catalog import RegisteredModelInfo

    name = ModelName.parse(model.name)
    info = RegisteredModelInfo(
        name=name.model,
        catalog_name=name.catalog,
        schema_name=name.schema,
        full_name=model.name,
        owner=model.owner,
        metastore_id=workspace.catalog.metastore_id,
        storage_location=workspace.registry.models.directory(name).as_uri(),
        aliases=[_alias(name, *pair) for pair in model.aliases.items()] if aliases else None,
        **_history(model),
    )
    return {**info.as_dict(), **_tags(model.tags)}


def version_info(workspace: Workspace, version: ModelVersion, *, aliases: bool = True) -> Info:
    """A version of a registered model."""
    from databricks.sdk.service.catalog import ModelVersionInfo, ModelVersionInfoStatus

    name = ModelName.parse(version.name)
    info = ModelVersionInfo(
        version=version.version,
        id=version.id,
        status=ModelVersionInfoStatus(version.status.value),
        source=version.source,
        run_id=version.run_id,
        run_workspace_id=_number(version.run_workspace_id),
        metastore_id=workspace.catalog.metastore_id,
        storage_location=version.path.as_uri(),
        aliases=[_alias(name, alias, version.version) for alias in version.aliases] if aliases else None,
        **_place(name),
        **_history(version),
    )
    logged = {"model_id": version.model_id} if version.model_id else {}
    return {**info.as_dict(), **_tags(version.tags), **logged}


def _tags(tags: Mapping[str, str]) -> Info:
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]} if tags else {}


def _number(text: str | None) -> int | None:
    """A workspace's number; MLflow's message has it as text, which a client may fill with anything."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _place(name: ModelName) -> Info:
    return {"catalog_name": name.catalog, "schema_name": name.schema, "model_name": name.model}


def _history(record: RegisteredModel | ModelVersion) -> Info:
    return {
        "comment": record.description,
        "created_at": record.created_at,
        "created_by": record.created_by,
        "updated_at": record.updated_at,
        "updated_by": record.updated_by,
    }
