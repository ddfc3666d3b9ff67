"""A version whose plan is kept is scored without its files, and a name that came again is another model."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from databricks.sdk.service.catalog import PermissionsChange, Privilege

from brickyard.errors import BrickyardError, ModelError, WorkspaceRefused
from brickyard.plan.connect import Connection, connect
from brickyard.scoring import building, registered
from brickyard.scoring.batch import BatchResult, score_table
from brickyard.scoring.model import load_model
from brickyard.scoring.source import ModelSource
from tests.scoring import models
from tests.scoring.conftest import LoadedModel, ModelPath
from tests.scoring.models import mixed_rows
from tests.scoring.warehouse import Warehouse, job

KIND = "booster"


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models whose files were fetched."""
    names: list[str] = []
    fetch = registered.fetch_version

    def fetching(source: ModelSource, connection: Connection) -> Path:
        names.append(source.name)
        return fetch(source, connection)

    monkeypatch.setattr(registered, "fetch_version", fetching)
    return names


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[building.Build]:
    """The processes that make plans, which there are where MLflow is not imported yet."""
    found: list[building.Build] = []

    def build(source: ModelSource, connection: Connection, directory: Path) -> building.Build:
        found.append(building.Build(source, connection, directory))
        return found[-1]

    monkeypatch.setattr(registered, "Build", build)
    monkeypatch.setattr(registered, "_at_hand", lambda: False)
    return found


@pytest.fixture
def plans_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No plan is kept yet."""
    monkeypatch.setenv("BRICKYARD_PLAN_CACHE", str(tmp_path / "plans"))


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, builds: list[building.Build], tmp_path: Path) -> Callable[[str], None]:
    """Put a shell script in the place of Python for these processes."""

    def put(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(path))

    return put


def scored(warehouse: Warehouse, model: str, frame: pd.DataFrame) -> tuple[BatchResult, pd.DataFrame]:
    output = warehouse.unused("out")
    result = score_table(warehouse.connection, job(model, warehouse.table(frame), output))
    return result, warehouse.delta(output).to_pandas().sort_values("flight_id")


def test_files_are_fetched_once_and_when_the_plan_declines_rows(
    warehouse: Warehouse, model_path: ModelPath, loaded: LoadedModel, fetched: list[str]
) -> None:
    model, frame = warehouse.register(model_path(KIND)), mixed_rows(40, seed=3).assign(flight_id=range(40))
    expected = loaded(KIND).pyfunc.predict(frame).tolist()
    for _ in range(2):
        assert scored(warehouse, model, frame)[1]["prediction"].tolist() == expected
        assert fetched == [model]
    numbers = [name for name in loaded(KIND).input_names if frame[name].dtype == "float64"]
    texts = frame.assign(**{numbers[0]: frame[numbers[0]].map(repr)})  # the plan takes no text for a number
    assert scored(warehouse, model, texts)[1]["prediction"].tolist() == expected
    assert fetched == [model, model]


def test_a_name_that_came_again_is_another_model(
    warehouse: Warehouse, model_path: ModelPath, fetched: list[str], tmp_path: Path
) -> None:
    model, frame = warehouse.register(model_path(KIND)), mixed_rows(10, seed=3).assign(flight_id=range(10))
    scored(warehouse, model, frame)
    warehouse.client.registered_models.delete_alias(model, "champion")
    warehouse.client.model_versions.delete(model, 1)
    warehouse.client.registered_models.delete(model)
    warehouse.client.registered_models.create(catalog_name="main", schema_name="scoring", name=model.split(".")[2])
    warehouse.add_version(model, models.booster(tmp_path / "other", seed=1))
    result, got = scored(warehouse, model, frame)
    assert (result.source.version, fetched) == ("1", [model, model])
    assert got["prediction"].tolist() == load_model(tmp_path / "other").pyfunc.predict(frame).tolist()


def test_a_plan_is_made_by_a_process_of_its_own(
    warehouse: Warehouse,
    model_path: ModelPath,
    loaded: LoadedModel,
    fetched: list[str],
    builds: list[building.Build],
    plans_anew: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, frame = warehouse.register(model_path(KIND)), mixed_rows(40, seed=3).assign(flight_id=range(40))
    monkeypatch.setattr(registered, "load_model", None)  # which would import MLflow here
    for _ in range(2):
        assert scored(warehouse, model, frame)[1]["prediction"].tolist() == loaded(KIND).pyfunc.predict(frame).tolist()
    assert (len(builds), fetched) == (1, [])


def test_a_version_without_plan_is_known_the_next_time(
    warehouse: Warehouse, model_path: ModelPath, loaded: LoadedModel, builds: list[building.Build], plans_anew: None
) -> None:
    model, frame = warehouse.register(model_path("custom")), mixed_rows(40, seed=3).assign(flight_id=range(40))
    expected = loaded("custom").pyfunc.predict(frame).to_dict("records")
    for _ in range(2):
        assert scored(warehouse, model, frame)[1]["prediction"].tolist() == expected
    assert len(builds) == 1


def test_what_the_process_cannot_do_is_done_here(
    warehouse: Warehouse, program: Callable[[str], None], loaded: LoadedModel, model_path: ModelPath, plans_anew: None
) -> None:
    model, frame = warehouse.register(model_path(KIND)), mixed_rows(40, seed=3).assign(flight_id=range(40))
    program("exit 3")
    assert scored(warehouse, model, frame)[1]["prediction"].tolist() == loaded(KIND).pyfunc.predict(frame).tolist()


def test_a_model_that_cannot_be_loaded_says_so(
    warehouse: Warehouse, program: Callable[[str], None], model_path: ModelPath, tmp_path: Path
) -> None:
    broken = shutil.copytree(model_path("custom"), tmp_path / "broken")
    next(broken.rglob("own_model.py")).write_text("raise RuntimeError('worn out')")
    model = warehouse.register(broken)
    program("exit 3")
    with pytest.raises(ModelError, match=r"could not be loaded.*worn out"):
        scored(warehouse, model, mixed_rows(4).assign(flight_id=range(4)))


def test_the_process_ends_where_nothing_is_to_be_done(
    warehouse: Warehouse, program: Callable[[str], None], builds: list[building.Build], model_path: ModelPath
) -> None:
    model = warehouse.register(model_path("custom"))
    program("exec sleep 100")
    with pytest.raises(BrickyardError, match="there is no table"):
        score_table(warehouse.connection, job(model, "main.scoring.nothing_here", "main.scoring.out_of_nothing"))
    assert [build._process.poll() is None for build in builds] == [False]


def test_a_kept_plan_is_of_no_use_to_who_may_not_execute_the_model(
    warehouse: Warehouse, model_path: ModelPath, fetched: list[str]
) -> None:
    w, frame = warehouse.client, mixed_rows(10, seed=3).assign(flight_id=range(10))
    model, table, output = warehouse.register(model_path(KIND)), warehouse.table(frame), warehouse.unused("out")
    robot = w.service_principals.create(display_name=warehouse.unused("robot")).application_id or ""
    token = w.token_management.create_obo_token(robot, lifetime_seconds=600).token_value or ""
    names = ("USE_CATALOG", "USE_SCHEMA", "BROWSE", "SELECT", "MODIFY", "CREATE_TABLE", "APPLY_TAG")
    rights = [PermissionsChange(principal=robot, add=[Privilege(name) for name in names])]
    w.grants.update("catalog", "main", changes=rights)
    execute, theirs = [Privilege.EXECUTE], connect(host=warehouse.workspace.host, auth={"token": token})
    w.grants.update("function", model, changes=[PermissionsChange(principal=robot, add=execute)])
    assert score_table(theirs, job(model, table, output)).rows == len(frame)
    w.grants.update("function", model, changes=[PermissionsChange(principal=robot, remove=execute)])
    before = warehouse.delta(output).version()
    with pytest.raises(WorkspaceRefused, match="EXECUTE"):
        score_table(theirs, job(model, warehouse.table(frame), output))
    assert (warehouse.delta(output).version(), fetched) == (before, [model])
