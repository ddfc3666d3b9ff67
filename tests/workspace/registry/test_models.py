"""Models in Unity Catalog with the unmodified client: log, register, alias, load, tags, search, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.workspace.registry.clients import (
    LABELS,
    experiment,
    frame,
    log_sklearn,
    model_name,
    save_python_model,
)


def test_a_model_is_logged_registered_aliased_and_loaded(mlflow: Any) -> None:
    name = model_name()
    info = log_sklearn(mlflow, experiment(mlflow), registered_model_name=name)
    assert info.registered_model_version == "1"
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(name, "champion", 1)

    assert mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(frame()).tolist() == LABELS
    assert mlflow.sklearn.load_model(f"models:/{name}/1").predict(frame()).tolist() == LABELS
    version = client.get_model_version_by_alias(name, "champion")
    assert (version.status, version.run_id, version.aliases) == ("READY", info.run_id, ["champion"])
    assert version.model_id == info.model_id


def test_capitals_in_a_name_make_no_difference(mlflow: Any) -> None:
    name = model_name()
    catalog, schema, model = name.split(".")
    spelled = f"{catalog}.{schema.upper()}.{model.title()}"
    assert log_sklearn(mlflow, experiment(mlflow), registered_model_name=spelled).registered_model_version == "1"
    mlflow.MlflowClient().set_registered_model_alias(spelled, "champion", 1)
    for uri in (f"models:/{spelled}/1", f"models:/{spelled}@champion", f"models:/{name}/1"):
        assert mlflow.pyfunc.load_model(uri).predict(frame()).tolist() == LABELS


def test_other_flavors_come_back(mlflow: Any) -> None:
    import lightgbm

    booster = lightgbm.train(
        {"objective": "binary", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 1, "min_data_in_bin": 1},
        lightgbm.Dataset(frame(), LABELS),
        num_boost_round=5,
    )
    expected = booster.predict(frame()).tolist()
    name = model_name()
    with mlflow.start_run(experiment_id=experiment(mlflow)):
        mlflow.lightgbm.log_model(
            booster,
            name="model",
            signature=mlflow.models.infer_signature(frame(), booster.predict(frame())),
            pip_requirements=["lightgbm"],
            registered_model_name=name,
        )
    assert mlflow.pyfunc.load_model(f"models:/{name}/1").predict(frame()).tolist() == expected


def test_a_python_model_from_a_directory(mlflow: Any, tmp_path: Path) -> None:
    name = model_name()
    client = mlflow.MlflowClient()
    client.create_registered_model(name, tags={"team": "delays"}, description="sums")
    source = save_python_model(mlflow, tmp_path / "model")
    version = client.create_model_version(name, str(source), description="first", tags={"gate": "passed"})
    assert mlflow.pyfunc.load_model(f"models:/{name}/{version.version}").predict(frame()).tolist() == [1, 1, 3, 3]
    found = client.get_model_version(name, version.version)
    assert (found.description, found.tags) == ("first", {"gate": "passed"})
    model = client.get_registered_model(name)
    assert (model.description, model.tags) == ("sums", {"team": "delays"})


def test_tags_descriptions_and_aliases_change(mlflow: Any, tmp_path: Path) -> None:
    client = mlflow.MlflowClient()
    name = model_name()
    client.create_registered_model(name)
    source = str(save_python_model(mlflow, tmp_path / "model"))
    for _ in range(2):
        client.create_model_version(name, source)
    client.set_registered_model_tag(name, "a", "1")
    client.set_registered_model_tag(name, "a", "2")
    client.set_model_version_tag(name, "1", "b", "3")
    client.update_registered_model(name, "new")
    client.update_model_version(name, "1", "newer")
    client.set_registered_model_alias(name, "champion", 1)
    client.set_registered_model_alias(name, "champion", 2)
    client.set_registered_model_alias(name, "previous", 1)

    model = client.get_registered_model(name)
    assert (model.tags, model.description, model.aliases) == ({"a": "2"}, "new", {"champion": "2", "previous": "1"})
    version = client.get_model_version(name, "1")
    assert (version.tags, version.description, version.aliases) == ({"b": "3"}, "newer", ["previous"])
    client.delete_registered_model_tag(name, "a")
    client.delete_model_version_tag(name, "1", "b")
    client.delete_registered_model_alias(name, "previous")
    assert client.get_registered_model(name).tags == {}
    assert client.get_model_version(name, "1").tags == {}
    with pytest.raises(mlflow.MlflowException, match="no alias 'previous'"):
        client.get_model_version_by_alias(name, "previous")


def test_deleting_a_version_takes_its_aliases_and_its_number_is_not_used_again(mlflow: Any, tmp_path: Path) -> None:
    client = mlflow.MlflowClient()
    name = model_name()
    client.create_registered_model(name)
    source = str(save_python_model(mlflow, tmp_path / "model"))
    client.create_model_version(name, source)
    client.set_registered_model_alias(name, "champion", 1)
    client.delete_model_version(name, "1")
    assert client.get_registered_model(name).aliases == {}
    with pytest.raises(mlflow.MlflowException):
        mlflow.pyfunc.load_model(f"models:/{name}/1")
    assert client.create_model_version(name, source).version == "2"


def test_a_model_made_again_starts_empty(mlflow: Any, tmp_path: Path) -> None:
    client = mlflow.MlflowClient()
    name = model_name()
    client.create_registered_model(name)
    source = save_python_model(mlflow, tmp_path / "model")
    client.create_model_version(name, str(source))
    client.delete_registered_model(name)
    with pytest.raises(mlflow.MlflowException, match="no registered model"):
        client.get_registered_model(name)
    client.create_registered_model(name)
    assert client.search_model_versions(f"name = '{name}'") == []
    assert client.create_model_version(name, str(source)).version == "1"


def test_versions_are_found_by_model_and_by_run(mlflow: Any) -> None:
    experiment_id, name = experiment(mlflow), model_name()
    infos = [log_sklearn(mlflow, experiment_id, registered_model_name=name) for _ in range(2)]
    client = mlflow.MlflowClient()
    assert [found.version for found in client.search_model_versions(f"name='{name}'")] == ["2", "1"]
    by_run = client.search_model_versions(f"run_id='{infos[0].run_id}'")
    assert [(found.name, found.version) for found in by_run] == [(name, "1")]
    with pytest.raises(mlflow.MlflowException, match="not supported"):
        client.search_model_versions("tags.x = 'y'")


def test_search_goes_page_by_page(mlflow: Any) -> None:
    client = mlflow.MlflowClient()
    made = {model_name() for _ in range(5)}
    for name in made:
        client.create_registered_model(name)
    seen: list[str] = []
    token = None
    while token != "":
        page = client.search_registered_models(max_results=2, page_token=token)
        assert len(page) <= 2
        seen += [model.name for model in page]
        token = page.token or ""
    assert made <= set(seen)
    assert seen == sorted(set(seen))


@pytest.mark.parametrize(
    ("name", "why"),
    [("two.levels", "three levels"), ("main.nowhere.m", "nowhere"), ("main.registry_tests.a b", "without spaces")],
)
def test_a_model_needs_a_name_in_a_schema(mlflow: Any, name: str, why: str) -> None:
    with pytest.raises(mlflow.MlflowException, match=why):
        mlflow.MlflowClient().create_registered_model(name)


def test_a_name_is_taken_once_whatever_its_case(mlflow: Any) -> None:
    client = mlflow.MlflowClient()
    name = model_name()
    client.create_registered_model(name.upper())
    assert client.get_registered_model(name).name == name
    with pytest.raises(mlflow.MlflowException, match="already exists") as refused:
        client.create_registered_model(name)
    assert refused.value.error_code == "RESOURCE_ALREADY_EXISTS"


def test_a_model_without_signature_is_refused(mlflow: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    with mlflow.start_run(experiment_id=experiment(mlflow)):
        info = mlflow.sklearn.log_model(
            LogisticRegression().fit(frame(), LABELS), name="model", pip_requirements=["scikit-learn"]
        )
    with pytest.raises(mlflow.MlflowException, match="signature"):
        mlflow.register_model(info.model_uri, model_name())
