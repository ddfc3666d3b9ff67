"""The unmodified client with `MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY`: other endpoints, the same models."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workspace.registry.clients import LABELS, experiment, frame, log_sklearn, model_name, save_python_model


def choose(native: str) -> None:
    """Set the variable, and forget the store that the client has made before."""
    from mlflow.tracking._model_registry.utils import _get_store_registry

    os.environ["MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY"] = native
    _get_store_registry()._get_store_with_resolved_uri.cache_clear()


@pytest.fixture
def native(mlflow: Any) -> Iterator[Any]:
    choose("true")
    yield mlflow
    choose("false")


def test_a_model_is_logged_aliased_tagged_renamed_and_deleted(native: Any) -> None:
    name = model_name()
    info = log_sklearn(native, experiment(native), registered_model_name=name)
    client = native.MlflowClient()
    store = type(client._get_registry_client().store).__name__
    assert store == "UcNativeModelRegistryStore"
    client.set_registered_model_alias(name, "champion", 1)
    client.set_registered_model_tag(name, "team", "delays")
    client.set_model_version_tag(name, "1", "gate", "passed")
    client.update_model_version(name, "1", "the first")
    client.update_registered_model(name, "a model")

    version = client.get_model_version_by_alias(name, "champion")
    assert (version.version, version.status, version.run_id) == ("1", "READY", info.run_id)
    assert (version.description, version.tags, version.aliases) == ("the first", {"gate": "passed"}, ["champion"])
    assert version.model_id == info.model_id
    model = client.get_registered_model(name)
    assert (model.description, model.tags, model.aliases) == ("a model", {"team": "delays"}, {"champion": "1"})
    assert native.pyfunc.load_model(f"models:/{name}@champion").predict(frame()).tolist() == LABELS

    client.delete_model_version_tag(name, "1", "gate")
    client.delete_registered_model_tag(name, "team")
    renamed = f"{name}_2"
    client.rename_registered_model(name, renamed)
    choose("false")
    seen = native.MlflowClient().get_model_version(renamed, "1")  # by the other surface
    assert (seen.tags, seen.aliases) == ({}, ["champion"])
    copied = client.copy_model_version(f"models:/{renamed}/1", f"{name}_copy")
    assert (copied.name, copied.version, copied.status) == (f"{name}_copy", "1", "READY")
    native.MlflowClient().rename_registered_model(renamed, name.rpartition(".")[2])
    choose("true")
    client.delete_registered_model_alias(name, "champion")
    client.delete_model_version(name, "1")
    client.delete_registered_model(name)
    assert list(client.search_model_versions(f"name='{name}'")) == []


def test_versions_are_listed_and_need_a_model(native: Any, tmp_path: Path) -> None:
    name, client = model_name(), native.MlflowClient()
    source = str(save_python_model(native, tmp_path / "model"))
    with pytest.raises(native.exceptions.MlflowException, match="no registered model"):
        client.create_model_version(name, source)
    client.create_registered_model(name, tags={"team": "delays"}, description="sums")
    client.create_model_version(name, source, description="first", tags={"gate": "passed"})
    assert [one.version for one in client.search_model_versions(f"name='{name}'")] == ["1"]
    assert client.get_registered_model(name).tags == {"team": "delays"}
    assert client.get_model_version(name, "1").tags == {"gate": "passed"}
    with pytest.raises(native.exceptions.MlflowException, match="already exists") as taken:
        client.create_registered_model(name)
    assert taken.value.error_code == "RESOURCE_ALREADY_EXISTS"
