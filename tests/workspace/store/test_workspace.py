"""A workspace on each database, as its clients see it."""

from __future__ import annotations

import io
import json
import os
import signal

import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.ml import ExperimentTag

from tests.support import LocalWorkspace, WorkspaceHome, wait_for
from tests.workspace.jobs.job_client import Client
from tests.workspace.store.conftest import Place

TRAINING = """
import mlflow
mlflow.set_experiment("/Shared/training")
with mlflow.start_run(run_name="first"):
    mlflow.log_param("depth", 3)
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
spark.sql("CREATE TABLE main.shop.orders AS SELECT id FROM range(7)")
dbutils.notebook.exit(str(spark.table("main.shop.orders").count()))
"""


def started(workspaces: WorkspaceHome, name: str, place: Place) -> LocalWorkspace:
    """Start a workspace as a user does, with PostgreSQL named by the variable."""
    if isinstance(place, str):
        workspaces.run("workspace", "start", name, extra={"BRICKYARD_DATABASE_URL": place})
    return workspaces.start(name)


def kill(workspaces: WorkspaceHome, name: str) -> None:
    """End the server as a crash would."""
    pid = json.loads(workspaces.run("workspace", "status", name, "-o", "json").stdout)["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid))


def fill(client: WorkspaceClient) -> None:
    """Something of each family."""
    client.secrets.create_scope("keys")
    for value in ("old", "new"):
        client.secrets.put_secret("keys", "token", string_value=value)
    client.schemas.create("shop", "main")
    client.volumes.create("main", "shop", "files", VolumeType.MANAGED)
    client.files.upload("/Volumes/main/shop/files/a.bin", io.BytesIO(b"\x00\xff"))
    client.registered_models.create(catalog_name="main", schema_name="shop", name="m", comment="ü")
    experiment = client.experiments.create_experiment("/Shared/tags", tags=[ExperimentTag("k", "v")]).experiment_id
    for value in ("1", "2"):
        client.experiments.set_experiment_tag(experiment or "", "k", value)


def check(client: WorkspaceClient, run_id: int) -> None:
    """All of it, as it was left."""
    assert [one.name for one in client.secrets.list_scopes()] == ["keys"]
    assert client.secrets.get_secret("keys", "token").value == "bmV3"
    assert [one.full_name for one in client.volumes.list("main", "shop")] == ["main.shop.files"]
    download = client.files.download("/Volumes/main/shop/files/a.bin").contents
    assert download and download.read() == b"\x00\xff"
    assert client.registered_models.get("main.shop.m").comment == "ü"
    assert client.tables.get("main.shop.orders").full_name == "main.shop.orders"
    tags = client.experiments.get_by_name("/Shared/tags").experiment
    assert tags and [(tag.key, tag.value) for tag in tags.tags or [] if tag.key == "k"] == [("k", "2")]
    training = client.experiments.get_by_name("/Shared/training").experiment
    assert training and training.experiment_id
    (logged,) = client.experiments.search_runs(experiment_ids=[training.experiment_id], filter="metrics.loss < 0.5")
    assert logged.data and [(one.key, one.value) for one in logged.data.params or []] == [("depth", "3")]
    run = client.jobs.get_run(run_id)
    assert run.tasks and run.state and run.state.result_state and run.state.result_state.value == "SUCCESS"
    output = client.jobs.get_run_output(run.tasks[0].run_id or 0).notebook_output
    assert output and output.result == "7"


@pytest.mark.timeout(300)
def test_a_workspace_works_and_loses_nothing_when_it_is_killed(workspaces: WorkspaceHome, place: Place) -> None:
    workspace = started(workspaces, "dev", place)
    client = Client(workspace)
    fill(client.sdk)
    job_id = client.job(client.task("train", TRAINING))
    run = client.ended(client.started(job_id))
    assert run.run_id
    check(client.sdk, run.run_id)
    token = client.sdk.tokens.create(comment="kept").token_value
    kill(workspaces, "dev")
    again = workspaces.start("dev")
    assert (again.host, again.token) == (workspace.host, workspace.token)
    check(WorkspaceClient(host=again.host, token=token, auth_type="pat"), run.run_id)
    with pytest.raises(BadRequest):
        again.client().catalogs.create("main")
    assert again.client().jobs.get(job_id).settings
