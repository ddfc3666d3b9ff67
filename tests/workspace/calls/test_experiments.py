"""Experiments, their runs and logged models."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service.ml import (
    Dataset,
    DatasetInput,
    ExperimentAccessControlRequest,
    ExperimentPermissionLevel,
    ExperimentsAPI,
    LoggedModelParameter,
    LoggedModelStatus,
    LoggedModelTag,
    Metric,
    ModelOutput,
    Param,
    RunTag,
    UpdateRunStatus,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (ExperimentsAPI,)


@pytest.fixture
def folder(w: WorkspaceClient, name: Callable[[], str]) -> str:
    path = f"/Users/{w.current_user.me().user_name}/{name()}"
    w.workspace.mkdirs(path)
    return path


def new_run(w: WorkspaceClient, experiment: str) -> str:
    run = w.experiments.create_run(experiment_id=experiment, run_name="one", start_time=1).run
    assert run is not None and run.info is not None and run.info.run_id is not None
    return run.info.run_id


def test_every_operation(w: WorkspaceClient, robot: Robot, folder: str) -> None:
    family, path = w.experiments, f"{folder}/experiment"
    number = family.create_experiment(path).experiment_id or ""
    found = family.get_by_name(path).experiment
    assert found is not None and found.experiment_id == number
    family.set_experiment_tag(number, "team", "a")
    family.update_experiment(number, new_name=f"{path}-2")
    found = family.get_experiment(number).experiment
    assert found is not None and found.name == f"{path}-2" and "team" in {one.key for one in found.tags or []}
    assert number in {one.experiment_id for one in family.search_experiments(filter=f"name LIKE '{folder}/%'")}
    runs(w, number)
    logged_models(w, number)
    permissions(w, robot, number)
    family.delete_experiment(number)
    assert number not in {one.experiment_id for one in family.search_experiments(filter=f"name LIKE '{folder}/%'")}
    family.restore_experiment(number)
    found = family.get_experiment(number).experiment
    assert found is not None and found.lifecycle_stage == "active"


def runs(w: WorkspaceClient, number: str) -> None:
    family, run_id, now = w.experiments, new_run(w, number), int(time.time() * 1000)
    family.log_metric("loss", 0.5, now, run_id=run_id, step=0)
    family.log_batch(
        run_id=run_id,
        metrics=[Metric(key="loss", timestamp=now, value=0.25, step=1)],
        params=[Param("depth", "3")],
        tags=[RunTag("stage", "a")],
    )
    family.log_param("rate", "0.1", run_id=run_id)
    family.set_tag("gone", "a", run_id=run_id)
    family.delete_tag(run_id, "gone")
    family.log_inputs(
        run_id, datasets=[DatasetInput(Dataset(name="flights", digest="d1", source_type="code", source="none"))]
    )
    described = {"artifact_path": "model", "flavors": {}, "utc_time_created": "2026-01-01 00:00:00", "run_id": run_id}
    family.log_model(run_id=run_id, model_json=json.dumps(described))
    family.update_run(run_id=run_id, status=UpdateRunStatus.FINISHED, end_time=now)
    run = family.get_run(run_id).run
    assert run is not None and run.data is not None and run.inputs is not None
    assert {one.key: one.value for one in run.data.params or []} == {"depth": "3", "rate": "0.1"}
    assert {one.key: one.value for one in run.data.metrics or []} == {"loss": 0.25}
    tags = {one.key for one in run.data.tags or []}
    assert "stage" in tags and "gone" not in tags
    assert [one.value for one in family.get_history("loss", run_id=run_id)] == [0.5, 0.25]
    assert list(family.list_artifacts(run_id=run_id)) == []
    assert family.delete_runs(number, 0).runs_deleted == 0  # it was started at 1
    assert family.delete_runs(number, 1, max_runs=5).runs_deleted == 1
    assert family.restore_runs(number, now).runs_restored == 1
    family.delete_run(run_id)
    assert not list(family.search_runs(experiment_ids=[number]))
    family.restore_run(run_id)
    assert [one.info.run_id for one in family.search_runs(experiment_ids=[number]) if one.info] == [run_id]


def logged_models(w: WorkspaceClient, number: str) -> None:
    family, run_id = w.experiments, new_run(w, number)
    made = family.create_logged_model(number, name="m", source_run_id=run_id).model
    assert made is not None and made.info is not None and made.info.model_id is not None
    model_id = made.info.model_id
    family.log_logged_model_params(model_id, params=[LoggedModelParameter("depth", "3")])
    family.set_logged_model_tags(model_id, tags=[LoggedModelTag("stage", "a"), LoggedModelTag("gone", "b")])
    family.delete_logged_model_tag(model_id, "gone")
    family.log_outputs(run_id, models=[ModelOutput(model_id, 0)])
    family.finalize_logged_model(model_id, LoggedModelStatus.LOGGED_MODEL_READY)
    model = family.get_logged_model(model_id).model
    assert model is not None and model.info is not None
    assert model.info.status is LoggedModelStatus.LOGGED_MODEL_READY
    tags = {one.key for one in model.info.tags or []}
    assert "stage" in tags and "gone" not in tags
    found = family.search_logged_models(experiment_ids=[number]).models or []
    assert [one.info.model_id for one in found if one.info] == [model_id]
    family.delete_logged_model(model_id)
    assert not family.search_logged_models(experiment_ids=[number]).models


def permissions(w: WorkspaceClient, robot: Robot, number: str) -> None:
    family = w.experiments
    assert family.get_permission_levels(number).permission_levels
    entry = ExperimentAccessControlRequest(
        service_principal_name=robot.name, permission_level=ExperimentPermissionLevel.CAN_READ
    )
    family.update_permissions(number, access_control_list=[entry])
    found = family.get_permissions(number).access_control_list or []
    assert robot.name in {one.service_principal_name for one in found}
    assert robot.client.experiments.get_experiment(number).experiment
    with pytest.raises(PermissionDenied):
        robot.client.experiments.create_run(experiment_id=number)
    family.set_permissions(number, access_control_list=[])
    with pytest.raises(PermissionDenied):
        robot.client.experiments.get_experiment(number)


def test_more_than_a_page(w: WorkspaceClient, folder: str) -> None:
    family = w.experiments
    ids = [family.create_experiment(f"{folder}/e{number}").experiment_id or "" for number in range(5)]
    found = family.search_experiments(filter=f"name LIKE '{folder}/%'", max_results=2)
    assert {one.experiment_id for one in found} == set(ids)
    run_ids = {new_run(w, ids[0]) for _ in range(5)}
    searched = family.search_runs(experiment_ids=ids, max_results=2)
    assert {one.info.run_id for one in searched if one.info} == run_ids
    run_id = run_ids.pop()
    for step in range(5):
        family.log_metric("m", float(step), step, run_id=run_id, step=step)
    assert [one.value for one in family.get_history("m", run_id=run_id, max_results=2)] == [0, 1, 2, 3, 4]


def test_they_are_objects_of_the_workspace_tree(w: WorkspaceClient, robot: Robot, folder: str) -> None:
    path = f"{folder}/e"
    number = int(w.experiments.create_experiment(path).experiment_id or 0)
    listed = [(one.path, one.object_id) for one in w.workspace.list(folder)]
    assert listed == [(path, number)] == [(one.path, one.object_id) for one in w.workspace.list(path)]
    status = w.api_client.do("GET", "/api/2.0/workspace/get-status", query={"path": path})
    assert isinstance(status, dict) and status["object_type"] == "MLFLOW_EXPERIMENT"
    for taken in (w.workspace.mkdirs, lambda path: w.workspace.upload(path, io.BytesIO(b"1"))):
        with pytest.raises(ResourceAlreadyExists):
            taken(path)
    with pytest.raises(BadRequest, match="not empty"):
        w.workspace.delete(folder)
    with pytest.raises(PermissionDenied):
        robot.client.workspace.get_status(path)
    w.workspace.delete(path)
    with pytest.raises(ResourceDoesNotExist):
        w.workspace.get_status(path)
    again = w.experiments.create_experiment(path).experiment_id or ""
    w.workspace.delete(folder, recursive=True)
    found = w.experiments.get_experiment(again).experiment
    assert found is not None and (found.lifecycle_stage, found.name) == ("deleted", path)


def test_refusals(w: WorkspaceClient, robot: Robot, folder: str) -> None:
    family = w.experiments
    number = family.create_experiment(f"{folder}/e").experiment_id or ""
    with pytest.raises(ResourceAlreadyExists):
        family.create_experiment(f"{folder}/e")
    for missing in (family.get_experiment, family.delete_experiment):
        with pytest.raises(ResourceDoesNotExist):
            missing("123")
    with pytest.raises(ResourceDoesNotExist):
        family.get_by_name(f"{folder}/none")
    for no_run in (family.get_run, family.delete_run):
        with pytest.raises(ResourceDoesNotExist):
            no_run("0" * 32)
    with pytest.raises(ResourceDoesNotExist):
        family.get_logged_model("m-" + "0" * 32)
    with pytest.raises(InvalidParameterValue):
        list(family.search_runs(experiment_ids=[number], filter="what is this"))
    with pytest.raises(InvalidParameterValue, match="max_runs"):
        family.delete_runs(number, 1, max_runs=20_000)
    with pytest.raises(ResourceDoesNotExist):
        family.restore_runs("123", 1)
    with pytest.raises(PermissionDenied):
        robot.client.experiments.delete_runs(number, 1)
    run_id = new_run(w, number)
    family.log_param("p", "1", run_id=run_id)
    with pytest.raises(InvalidParameterValue):
        family.log_param("p", "2", run_id=run_id)
    for refused in (robot.client.experiments.get_experiment, robot.client.experiments.delete_experiment):
        with pytest.raises(PermissionDenied):
            refused(number)
    with pytest.raises(PermissionDenied):
        robot.client.experiments.get_run(run_id)
