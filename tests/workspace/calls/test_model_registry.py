"""Models of the workspace's own registry."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service.ml import (
    ModelRegistryAPI,
    RegisteredModelAccessControlRequest,
    RegisteredModelPermissionLevel,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (ModelRegistryAPI,)


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    family, model = w.model_registry, name()
    family.create_model(model, description="one")
    family.update_model(model, description="two")
    family.set_model_tag(model, "team", "a")
    family.set_model_tag(model, "gone", "b")
    family.delete_model_tag(model, "gone")
    found = family.get_model(model).registered_model_databricks
    assert found is not None and found.id is not None
    assert (found.description, [one.key for one in found.tags or []]) == ("two", ["team"])
    versions(w, model)
    permissions(w, robot, found.id, model)
    assert [one.name for one in family.search_models(filter=f"name = '{model}'")] == [model]
    family.rename_model(model, new_name=f"{model}-2")
    with pytest.raises(ResourceDoesNotExist):
        family.get_model(model)
    family.delete_model(f"{model}-2")
    with pytest.raises(ResourceDoesNotExist):
        family.get_model(f"{model}-2")


def versions(w: WorkspaceClient, model: str) -> None:
    family = w.model_registry
    made = family.create_model_version(model, "dbfs:/none").model_version
    assert made is not None and made.version == "1"
    family.update_model_version(model, "1", description="first")
    family.set_model_version_tag(model, "1", "team", "a")
    family.set_model_version_tag(model, "1", "gone", "b")
    family.delete_model_version_tag(model, "1", "gone")
    found = family.get_model_version(model, "1").model_version
    assert found is not None
    assert (found.description, [one.key for one in found.tags or []]) == ("first", ["team"])
    moved = family.transition_stage(model, "1", "Production", archive_existing_versions=False)
    assert moved.model_version_databricks is not None
    assert [one.version for one in family.get_latest_versions(model, stages=["Production"])] == ["1"]
    assert family.get_model_version_download_uri(model, "1").artifact_uri
    assert [one.version for one in family.search_model_versions(filter=f"name = '{model}'")] == ["1"]
    family.transition_stage(model, "1", "Archived", archive_existing_versions=False)
    family.delete_model_version(model, "1")
    assert not list(family.search_model_versions(filter=f"name = '{model}'"))


def permissions(w: WorkspaceClient, robot: Robot, number: str, model: str) -> None:
    family = w.model_registry
    assert family.get_permission_levels(number).permission_levels
    entry = RegisteredModelAccessControlRequest(
        service_principal_name=robot.name, permission_level=RegisteredModelPermissionLevel.CAN_READ
    )
    family.update_permissions(number, access_control_list=[entry])
    found = family.get_permissions(number).access_control_list or []
    assert robot.name in {one.service_principal_name for one in found}
    assert robot.client.model_registry.get_model(model).registered_model_databricks
    with pytest.raises(PermissionDenied):
        robot.client.model_registry.update_model(model, description="x")
    family.set_permissions(number, access_control_list=[])
    with pytest.raises(PermissionDenied):
        robot.client.model_registry.get_model(model)


def test_more_than_a_page(w: WorkspaceClient, name: Callable[[], str]) -> None:
    prefix, family = name(), w.model_registry
    names = [f"{prefix}-{number}" for number in range(5)]
    for one in names:
        family.create_model(one)
        family.create_model_version(names[0], "dbfs:/none")
    assert [one.name for one in family.search_models(filter=f"name LIKE '{prefix}-%'", max_results=2)] == names
    found = family.search_model_versions(filter=f"name = '{names[0]}'", max_results=2)
    assert sorted(str(one.version) for one in found) == ["1", "2", "3", "4", "5"]


def test_refusals(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    family, model = w.model_registry, name()
    family.create_model(model)
    family.create_model_version(model, "dbfs:/none")
    with pytest.raises(ResourceAlreadyExists):
        family.create_model(model)
    for missing in (family.get_model, family.delete_model):
        with pytest.raises(ResourceDoesNotExist):
            missing(f"{model}-none")
    for no_version in (family.get_model_version, family.get_model_version_download_uri, family.delete_model_version):
        with pytest.raises(ResourceDoesNotExist):
            no_version(model, "7")
    with pytest.raises(InvalidParameterValue):
        family.transition_stage(model, "1", "Broadway", archive_existing_versions=False)
    with pytest.raises(InvalidParameterValue):
        list(family.search_models(filter="what is this"))
    for refused in (robot.client.model_registry.get_model, robot.client.model_registry.delete_model):
        with pytest.raises(PermissionDenied):
            refused(model)
    with pytest.raises(PermissionDenied):
        robot.client.model_registry.transition_stage(model, "1", "Production", archive_existing_versions=False)
