"""Models through Unity Catalog's own REST, with the official SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, NotFound, ResourceAlreadyExists
from databricks.sdk.service.catalog import ModelVersionInfoStatus

from tests.support import LocalWorkspace
from tests.workspace.registry.clients import model_name, save_python_model


def test_models_versions_and_aliases(mlflow: Any, workspace: LocalWorkspace, tmp_path: Path) -> None:
    client = workspace.client()
    catalog, schema, name = model_name().split(".")
    created = client.registered_models.create(name=name, catalog_name=catalog, schema_name=schema, comment="c")
    full_name = f"{catalog}.{schema}.{name}"
    assert (created.full_name, created.comment) == (full_name, "c")
    assert created.owner == client.current_user.me().user_name
    source = str(save_python_model(mlflow, tmp_path / "model"))
    for _ in range(3):
        mlflow.MlflowClient().create_model_version(full_name, source)

    alias = client.registered_models.set_alias(full_name, "champion", 2)
    assert (alias.alias_name, alias.version_num) == ("champion", 2)
    assert client.model_versions.get_by_alias(full_name, "champion").version == 2
    found = client.model_versions.get(full_name, 2, include_aliases=True)
    assert found.status is ModelVersionInfoStatus.READY
    assert [item.alias_name for item in found.aliases or []] == ["champion"]
    assert [item.version for item in client.model_versions.list(full_name, max_results=2)] == [3, 2, 1]
    assert client.model_versions.update(full_name, 1, comment="old").comment == "old"
    assert client.registered_models.update(full_name, comment="d").comment == "d"
    with_aliases = client.registered_models.get(full_name, include_aliases=True)
    assert [(item.alias_name, item.version_num) for item in with_aliases.aliases or []] == [("champion", 2)]
    listed = client.registered_models.list(catalog_name=catalog, schema_name=schema, max_results=1)
    assert full_name in [model.full_name for model in listed]

    client.registered_models.delete_alias(full_name, "champion")
    client.model_versions.delete(full_name, 3)
    client.registered_models.delete(full_name)
    with pytest.raises(NotFound):
        client.registered_models.get(full_name)


def test_refusals(workspace: LocalWorkspace, schema: str) -> None:
    client = workspace.client()
    catalog, schema_name, name = model_name().split(".")
    full_name = client.registered_models.create(name=name, catalog_name=catalog, schema_name=schema_name).full_name
    assert full_name is not None
    with pytest.raises(ResourceAlreadyExists):
        client.registered_models.create(name=name, catalog_name=catalog, schema_name=schema_name)
    with pytest.raises(NotFound):
        client.registered_models.create(name=name, catalog_name=catalog, schema_name="nowhere")
    with pytest.raises(NotFound):
        client.registered_models.set_alias(full_name, "champion", 1)
    for alias in ("v1", "7", "latest", "a b"):
        with pytest.raises(InvalidParameterValue):
            client.registered_models.set_alias(full_name, alias, 1)
    with pytest.raises(NotFound):
        client.model_versions.get_by_alias(full_name, "champion")
    with pytest.raises(InvalidParameterValue, match="stays in"):
        client.registered_models.update(full_name, new_name=f"main.default.{name}")
