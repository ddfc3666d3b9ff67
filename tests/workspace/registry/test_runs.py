"""Runs, parameters, metrics, tags, search and artifacts with the unmodified client."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import NotFound, NotImplemented
from databricks.sdk.service.ml import ViewType

from tests.support import LocalWorkspace
from tests.workspace.registry.clients import experiment


def test_a_run_keeps_what_was_logged(mlflow: Any, workspace: LocalWorkspace) -> None:
    with mlflow.start_run(experiment_id=experiment(mlflow), run_name="first") as run:
        mlflow.log_params({"depth": 3, "rate": 0.1})
        for step in range(5):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        mlflow.set_tag("team", "delays")

    client = mlflow.MlflowClient()
    found = client.get_run(run.info.run_id)
    history = client.get_metric_history(run.info.run_id, "loss")
    me = workspace.client().current_user.me().user_name
    assert found.info.status == "FINISHED"
    assert found.data.params == {"depth": "3", "rate": "0.1"}
    assert found.data.metrics == {"loss": 0.2}
    assert [(point.step, point.value) for point in history] == [(step, 1.0 / (step + 1)) for step in range(5)]
    assert found.data.tags["team"] == "delays"
    assert (found.info.user_id, found.data.tags["mlflow.user"]) == (me, me)


def test_nested_runs_are_found_by_search(mlflow: Any) -> None:
    experiment_id = experiment(mlflow)
    with mlflow.start_run(experiment_id=experiment_id) as parent:
        for score in (0.1, 0.9):
            with mlflow.start_run(experiment_id=experiment_id, nested=True):
                mlflow.log_metric("score", score)

    best = mlflow.search_runs([experiment_id], "metrics.score > 0.5", output_format="list")
    assert [run.data.metrics["score"] for run in best] == [0.9]
    assert best[0].data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_failed_run_says_so(mlflow: Any) -> None:
    with pytest.raises(ZeroDivisionError), mlflow.start_run(experiment_id=experiment(mlflow)) as run:
        print(1 / 0)
    assert mlflow.get_run(run.info.run_id).info.status == "FAILED"


def test_artifacts_come_back_as_they_were(mlflow: Any, tmp_path: Path, workspace: LocalWorkspace) -> None:
    source = tmp_path / "plots"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "a b.txt").write_text("ä")
    (source / "deep" / "er" / "x.bin").write_bytes(bytes(range(256)) * 100)
    with mlflow.start_run(experiment_id=experiment(mlflow)) as run:
        mlflow.log_artifacts(str(source), "plots")
        mlflow.log_dict({"x": 1}, "facts.json")

    client = mlflow.MlflowClient()
    assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["facts.json", "plots"]
    back = Path(client.download_artifacts(run.info.run_id, "plots", str(tmp_path)))
    assert (back / "a b.txt").read_text() == "ä"
    assert (back / "deep" / "er" / "x.bin").read_bytes() == bytes(range(256)) * 100
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/facts.json") == {"x": 1}
    place = next((workspace.root / "data" / "mlflow" / "artifacts").rglob(f"{run.info.run_id}/artifacts/plots"))
    (place / "away").symlink_to(workspace.root)
    (place / "nothing").symlink_to("missing")
    listed = workspace.client().experiments.list_artifacts(run_id=run.info.run_id, path="plots")
    assert [(item.path, bool(item.is_dir), item.file_size) for item in listed] == [
        ("plots/a b.txt", False, 2),
        ("plots/away", False, len(str(workspace.root))),
        ("plots/deep", True, None),
        ("plots/nothing", False, len("missing")),
    ]


def test_a_deleted_run_is_not_found_by_search(mlflow: Any) -> None:
    experiment_id = experiment(mlflow)
    with mlflow.start_run(experiment_id=experiment_id) as run:
        mlflow.log_param("x", 1)
    mlflow.delete_run(run.info.run_id)
    assert mlflow.search_runs([experiment_id], output_format="list") == []
    assert mlflow.get_run(run.info.run_id).info.lifecycle_stage == "deleted"


def test_set_experiment_makes_one_and_finds_it_again(mlflow: Any) -> None:
    name = f"/Shared/{uuid.uuid4().hex}"
    first = mlflow.set_experiment(name)
    again = mlflow.set_experiment(f"/Workspace{name}")
    assert first.name == name
    assert again.experiment_id == first.experiment_id
    assert first.artifact_location.startswith("dbfs:/databricks/mlflow-tracking/")


@pytest.mark.parametrize(
    ("name", "why"), [("plain", "absolute path"), ("/Nowhere/x", "folder /Nowhere"), ("/Shared", "already is")]
)
def test_an_experiment_needs_a_place_in_the_workspace(mlflow: Any, name: str, why: str) -> None:
    with pytest.raises(mlflow.MlflowException, match=why):
        mlflow.MlflowClient().create_experiment(name)


def test_a_notebooks_experiment_is_made_once(mlflow: Any) -> None:
    tags = {"mlflow.experiment.sourceId": "123"}
    name = f"/Users/someone@example.com/{uuid.uuid4().hex}"
    client = mlflow.MlflowClient()
    first = client.create_experiment(name, None, tags)
    assert client.create_experiment(name, None, tags) == first


def test_a_run_without_an_experiment_is_refused_with_the_way_out(workspace: LocalWorkspace, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import mlflow\nmlflow.start_run()\n")
    done = subprocess.run(
        [sys.executable, str(program)],
        env=workspace.environ,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode != 0
    assert "RESOURCE_DOES_NOT_EXIST: no experiment is active: call mlflow.set_experiment" in done.stderr


def test_traces_are_found(mlflow: Any) -> None:
    experiment_id = mlflow.set_experiment(experiment_id=experiment(mlflow)).experiment_id
    with mlflow.start_span("work"):
        pass
    mlflow.flush_trace_async_logging()
    assert len(mlflow.search_traces(locations=[experiment_id], return_type="list")) == 1


def test_experiments_with_the_sdk(mlflow: Any, workspace: LocalWorkspace) -> None:
    api = workspace.client().experiments
    name = f"/Shared/{uuid.uuid4().hex}"
    experiment_id = api.create_experiment(name=name).experiment_id
    assert experiment_id is not None
    found = api.get_by_name(name).experiment
    assert found is not None and found.experiment_id == experiment_id
    assert [item.name for item in api.search_experiments(filter=f"name = '{name}'")] == [name]
    api.delete_experiment(experiment_id)
    assert experiment_id in [item.experiment_id for item in api.search_experiments(view_type=ViewType.DELETED_ONLY)]
    assert experiment_id not in [item.experiment_id for item in api.search_experiments()]
    with pytest.raises(NotFound):
        api.get_by_name("/Shared/never-made")


def test_the_name_of_a_deleted_experiment_is_free_and_comes_back(mlflow: Any) -> None:
    client = mlflow.MlflowClient()
    name = f"/Shared/{uuid.uuid4().hex}"
    first = client.create_experiment(name)
    client.delete_experiment(first)
    gone = client.get_experiment_by_name(name)
    assert (gone.experiment_id, gone.name, gone.lifecycle_stage) == (first, name, "deleted")
    assert client.get_experiment(first).name == name
    second = client.create_experiment(name)
    with pytest.raises(mlflow.MlflowException, match="another experiment"):
        client.restore_experiment(first)
    client.delete_experiment(second)
    client.restore_experiment(first)
    assert client.get_experiment_by_name(name).experiment_id == first
    with pytest.raises(mlflow.MlflowException, match="There already is an experiment") as taken:
        client.create_experiment(name)
    assert taken.value.error_code == "RESOURCE_ALREADY_EXISTS"


def test_what_mlflow_does_not_have_is_named(workspace: LocalWorkspace) -> None:
    api = workspace.client().api_client
    for method, path in [
        ("GET", "/api/2.0/mlflow/registry-webhooks/list"),
        ("POST", "/api/2.0/mlflow/artifacts/credentials-for-read"),
    ]:
        with pytest.raises(NotImplemented, match=path.rsplit("/", 1)[1]):
            api.do(method, path)
    with pytest.raises(NotFound, match="No API found"):
        api.do("POST", "/ajax-api/3.0/mlflow/assistant/message")
