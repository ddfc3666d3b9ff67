"""Models in Unity Catalog."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.catalog import ModelVersionsAPI, RegisteredModelsAPI

from tests.workspace.calls.conftest import Robot

FAMILIES = (RegisteredModelsAPI, ModelVersionsAPI)


@pytest.fixture
def schema(w: WorkspaceClient, name: Callable[[], str]) -> str:
    made = name()
    w.schemas.create(made, "main")
    return made


def version(w: WorkspaceClient, full_name: str) -> int:
    """Adds a version; clients do it with MLflow, as the SDK has no operation for it."""
    own = "/api/2.0/mlflow/unity-catalog/model-versions"
    made = w.api_client.do("POST", f"{own}/create", body={"name": full_name, "source": "dbfs:/none"})
    assert isinstance(made, dict)
    number = made["model_version"]["version"]
    place = f"/Models/{full_name.replace('.', '/')}/{number}"
    w.files.upload(f"{place}/MLmodel", io.BytesIO(b"flavors: {}"))
    w.api_client.do("POST", f"{own}/finalize", body={"name": full_name, "version": number})
    return int(number)


def test_every_operation(w: WorkspaceClient, schema: str) -> None:
    models, versions = w.registered_models, w.model_versions
    full_name = f"main.{schema}.delay"
    made = models.create(catalog_name="main", schema_name=schema, name="delay", comment="one")
    assert made.full_name == full_name
    number = version(w, full_name)
    assert models.set_alias(full_name, "champion", number).version_num == number
    assert versions.get_by_alias(full_name, "champion").version == number
    models.update(full_name, comment="two")
    assert models.get(full_name).comment == "two"
    versions.update(full_name, number, comment="first")
    assert versions.get(full_name, number).comment == "first"
    assert [one.version for one in versions.list(full_name)] == [number]
    assert [one.full_name for one in models.list(catalog_name="main", schema_name=schema)] == [full_name]
    models.delete_alias(full_name, "champion")
    with pytest.raises(NotFound):
        versions.get_by_alias(full_name, "champion")
    versions.delete(full_name, number)
    models.delete(full_name)
    with pytest.raises(NotFound):
        models.get(full_name)


def test_more_than_a_page(w: WorkspaceClient, schema: str) -> None:
    for number in range(5):
        w.registered_models.create(catalog_name="main", schema_name=schema, name=f"m{number}")
        version(w, f"main.{schema}.m0")
    found = w.registered_models.list(catalog_name="main", schema_name=schema, max_results=2)
    assert sorted(str(one.name) for one in found) == [f"m{number}" for number in range(5)]
    versions = w.model_versions.list(f"main.{schema}.m0", max_results=2)
    assert sorted(one.version or 0 for one in versions) == [1, 2, 3, 4, 5]


def test_refusals(w: WorkspaceClient, robot: Robot, schema: str) -> None:
    full_name = f"main.{schema}.delay"
    w.registered_models.create(catalog_name="main", schema_name=schema, name="delay")
    with pytest.raises(ResourceAlreadyExists):
        w.registered_models.create(catalog_name="main", schema_name=schema, name="delay")
    for missing in (w.registered_models.get, w.registered_models.delete):
        with pytest.raises(NotFound):
            missing(f"main.{schema}.none")
    for gone in (w.model_versions.get, w.model_versions.delete):
        with pytest.raises(NotFound):
            gone(full_name, 7)
    with pytest.raises(NotFound):
        w.registered_models.set_alias(full_name, "champion", 7)
    with pytest.raises(NotFound):
        w.registered_models.create(catalog_name="main", schema_name="none", name="delay")
    for refused in (robot.client.registered_models.get, robot.client.registered_models.delete):
        with pytest.raises(PermissionDenied):
            refused(full_name)
