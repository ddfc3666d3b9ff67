"""A task runs with the rights of the principal that it runs as."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service.compute import Library
from databricks.sdk.service.jobs import (
    JobRunAs,
    NotebookTask,
    SparkPythonTask,
    Task,
    TerminationCodeCode,
)
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.support import wait_for
from tests.workspace.permissions.people import Lab, Robot

# What a notebook does to keep its results, and to learn who it is.
NOTEBOOK = """# Databricks notebook source
import json
import mlflow
from databricks.sdk import WorkspaceClient

me = WorkspaceClient().current_user.me().user_name
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.25)
    mlflow.log_dict({"a": 1}, "a.json")
try:
    mlflow.get_run("%s")
    other = "read"
except mlflow.exceptions.MlflowException as error:
    other = str(error)
dbutils.notebook.exit(json.dumps({"me": me, "run": run.info.run_id, "other": other}))
"""


def _put(lab: Lab, path: str, content: str) -> str:
    """A notebook at a path; answers its id."""
    data = io.BytesIO(content.encode())
    lab.w.workspace.upload(path, data, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)
    return str(lab.w.workspace.get_status(path).object_id)


def _ended(lab: Lab, robot: Robot, task: Task) -> Any:
    """The run of a job of the owner's that runs as the robot."""
    job = lab.w.jobs.create(
        name=lab.name("as"), tasks=[task], run_as=JobRunAs(service_principal_name=robot.name)
    ).job_id
    run_id = lab.w.jobs.run_now(job or 0).response.run_id or 0
    return wait_for(lambda: (run := lab.w.jobs.get_run(run_id)).state.result_state and run, seconds=100, every=0.1)


def test_a_notebook_needs_the_level_to_run_it(lab: Lab, other: Robot) -> None:
    path = f"{lab.folder()}/notebook"
    notebook = _put(lab, path, "# Databricks notebook source\nprint(1)")
    refusal = (
        f'Task t failed with message: Unable to access the notebook "{path}" in the workspace. Either it does not'
        f" exist, or the identity used to run this job, {other.name}, lacks the required permissions."
    )
    for level in (None, "CAN_READ"):
        lab.grant("notebooks", notebook, level, other.ways["directly"])
        run = _ended(lab, other, Task("t", notebook_task=NotebookTask(path), max_retries=1))
        assert run.state.state_message.startswith(refusal)
        assert run.status.termination_details.code is TerminationCodeCode.UNAUTHORIZED_ERROR
        assert len(run.tasks) == 1, "a retry would not help"
    lab.grant("notebooks", notebook, "CAN_RUN", other.ways["by a nested group"])
    assert _ended(lab, other, Task("t", notebook_task=NotebookTask(path))).state.result_state.value == "SUCCESS"


def test_a_file_and_a_library_must_be_readable(lab: Lab, other: Robot) -> None:
    folder = lab.folder()
    for name, content in (("main.py", b"print(1)"), ("requirements.txt", b"")):
        lab.w.workspace.upload(f"{folder}/{name}", io.BytesIO(content), format=ImportFormat.AUTO)
    source = f"/Workspace{folder}/main.py"
    reason = f"Either it does not exist, or the identity used to run this job, {other.name}, lacks the required"
    run = _ended(lab, other, Task("t", spark_python_task=SparkPythonTask(source)))
    assert f"Cannot read the python file {source}. {reason}" in run.state.state_message
    file = str(lab.w.workspace.get_status(f"{folder}/main.py").object_id)
    lab.grant("files", file, "CAN_READ", other.ways["directly"])
    library = f"/Workspace{folder}/requirements.txt"
    lab.w.workspace.upload(f"{folder}/names.txt", io.BytesIO(b"-r requirements.txt"), format=ImportFormat.AUTO)
    names = str(lab.w.workspace.get_status(f"{folder}/names.txt").object_id)
    lab.grant("files", names, "CAN_READ", other.ways["directly"])
    for asked in (library, f"/Workspace{folder}/names.txt"):
        task = Task("t", spark_python_task=SparkPythonTask(source), libraries=[Library(requirements=asked)])
        run = _ended(lab, other, task)
        assert "Library installation failed for library due to user error: cannot read" in run.state.state_message
        assert "requirements.txt. Either" in run.state.state_message
        assert run.status.termination_details.code is TerminationCodeCode.LIBRARY_INSTALLATION_ERROR


def test_a_task_logs_to_its_notebooks_experiment_and_reads_no_other(lab: Lab, other: Robot) -> None:
    folder = lab.folder()
    secret = lab.w.experiments.create_experiment(f"{folder}/secret").experiment_id
    hidden = lab.w.experiments.create_run(experiment_id=secret).run
    assert hidden and hidden.info and hidden.info.run_id
    notebook = _put(lab, f"{folder}/train", NOTEBOOK % hidden.info.run_id)
    lab.grant("notebooks", notebook, "CAN_RUN", other.ways["directly"])
    run = _ended(lab, other, Task("t", notebook_task=NotebookTask(f"{folder}/train")))
    output = lab.w.jobs.get_run_output(run.tasks[0].run_id)
    assert output.notebook_output and output.notebook_output.result, output.error
    told = json.loads(output.notebook_output.result)
    assert told["me"] == other.name
    assert "PERMISSION_DENIED" in told["other"] and f"'View' experiment with id {secret}" in told["other"]
    tracked = other.client.experiments.get_run(told["run"]).run
    assert tracked and tracked.data and [one.value for one in tracked.data.metrics or []] == [0.25]
    found = other.client.experiments.get_by_name(f"{folder}/train").experiment
    assert found and found.experiment_id
    with pytest.raises(PermissionDenied):
        other.client.experiments.delete_experiment(found.experiment_id)
