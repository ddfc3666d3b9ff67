"""It fails loudly: whatever breaks, the command says so, and production has not changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk.service.serving import EndpointStateReady

from tests.main_job.contents import everything
from tests.main_job.small import PHASES, SKIPPED, Phase, SmallJob
from tests.support import LocalWorkspace, wait_for

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def served(job: SmallJob) -> SmallJob:
    """Both workspaces with production's champion."""
    job.restore(Phase("score", ("dev", "prod"), PHASES["score"].command))
    wait_for(lambda: serves(job.workspaces["prod"]), seconds=60)
    return job


def serves(workspace: LocalWorkspace) -> bool:
    """Whether the workspace is up, and its endpoints answer."""
    endpoints = list(workspace.client().serving_endpoints.list())
    return bool(endpoints) and all(one.state and one.state.ready == EndpointStateReady.READY for one in endpoints)


@pytest.fixture
def unchanged(served: SmallJob) -> Iterator[SmallJob]:
    """Production has the same content after the test as before."""
    before = everything(served.workspaces["prod"])
    assert before["aliases"]
    yield served
    assert everything(served.workspaces["prod"]) == before


def broken(job: SmallJob, directory: Path, notebook: str, before: str, after: str) -> Path:
    """A copy of the project with a change in a notebook, deployed to development."""
    shutil.copytree(job.project, directory, ignore=SKIPPED)
    path = directory / "notebooks" / notebook
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    job.home.run("deploy", "-t", "dev", cwd=directory)
    return directory


def test_a_broken_training_notebook(unchanged: SmallJob, tmp_path: Path) -> None:
    change = ("fit(training[FEATURES], late)", "fit(training[FEATURES], nobody)")
    project = broken(unchanged, tmp_path / "broken", "train.py", *change)
    done = unchanged.home.run("run", "train", "-t", "dev", cwd=project, check=False)
    assert done.returncode == 7
    assert "NameError" in done.stdout + done.stderr and "nobody" in done.stdout + done.stderr


def test_broken_data(unchanged: SmallJob, tmp_path: Path) -> None:
    planes = 'spark.table(f"{prefix}.bronze_planes")'
    change = (f"{planes},", f"{planes}.unionAll({planes}),")
    project = broken(unchanged, tmp_path / "broken", "silver.py", *change)
    done = unchanged.home.run("run", "prepare", "-t", "dev", cwd=project, check=False)
    assert done.returncode == 7
    assert "flight_id is unique: broken by" in done.stdout + done.stderr


def test_a_wrong_token(unchanged: SmallJob) -> None:
    host = unchanged.workspaces["prod"].host
    environ = {"DATABRICKS_TOKEN": "dapi" + "0" * 32, "DATABRICKS_HOST": host}
    path = unchanged.project / "databricks.yml"
    text = path.read_text()
    path.write_text(text.replace("profile: flights-prod", f"host: {host}"))
    try:
        done = unchanged.home.run("deploy", "-t", "prod", cwd=unchanged.project, check=False, extra=environ)
    finally:
        path.write_text(text)
    assert done.returncode == 4 and "token" in done.stderr.lower() and "Traceback" not in done.stderr


def test_the_second_workspace_is_down(unchanged: SmallJob) -> None:
    prod = unchanged.workspaces["prod"]
    unchanged.home.run("workspace", "stop", prod.name)
    try:
        done = unchanged.run("model", "promote", "delay", "--to", "prod", check=False)
    finally:
        unchanged.start("prod")
    assert done.returncode == 4
    assert prod.host in done.stderr and "Traceback" not in done.stderr
    wait_for(lambda: serves(prod), seconds=60)


def test_rows_that_the_model_was_trained_on(unchanged: SmallJob) -> None:
    command = ("score", "delay", "-t", "dev", "--output", "main.flights.leaked", "--leakage", "refuse", "--input")
    refused = unchanged.run(*command, "main.flights.training", check=False)
    assert refused.returncode == 11, refused.stdout + refused.stderr
    assert "were in the model's training data; nothing was written" in refused.stderr
    done = unchanged.run(*command, "main.flights.evaluation")
    assert "none of these rows was in the training data: main.flights.training (version 0, by keys)" in done.stdout
