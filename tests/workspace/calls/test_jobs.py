"""Jobs and their runs."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service.jobs import (
    JobAccessControlRequest,
    JobPermissionLevel,
    JobsAPI,
    JobSettings,
    NotebookTask,
    Run,
    RunResultState,
    SubmitTask,
    Task,
    ViewType,
)
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.workspace.calls.conftest import Robot

FAMILIES = (JobsAPI,)
LIMIT = timedelta(seconds=90)
SOURCE = """# Databricks notebook source
if dbutils.widgets.get("wait") == "yes":
    import threading
    threading.Event().wait(600)
dbutils.notebook.exit("done")
"""


@pytest.fixture
def notebook(w: WorkspaceClient, name: Callable[[], str]) -> NotebookTask:
    """A notebook that waits to be cancelled where its parameter says so."""
    path = f"/Shared/{name()}"
    content = io.BytesIO(SOURCE.encode())
    w.workspace.upload(path, content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    return NotebookTask(path, base_parameters={"wait": "no"})


def attempt(run: Run) -> int:
    [task] = run.tasks or []
    return task.run_id or 0


def test_every_operation(w: WorkspaceClient, robot: Robot, notebook: NotebookTask, name: Callable[[], str]) -> None:
    title = name()
    job_id = w.jobs.create(name=title, tasks=[Task("t", notebook_task=notebook)]).job_id or 0
    assert [one.job_id for one in w.jobs.list(name=title)] == [job_id]
    run = w.jobs.run_now_and_wait(job_id, timeout=LIMIT)
    assert run.state is not None and run.state.result_state is RunResultState.SUCCESS
    output = w.jobs.get_run_output(attempt(run)).notebook_output
    assert output is not None and output.result == "done"
    assert [one.type for one in w.jobs.export_run(attempt(run)).views or []] == [ViewType.NOTEBOOK]
    assert [one.run_id for one in w.jobs.list_runs(job_id=job_id)] == [run.run_id]
    again = w.jobs.repair_run_and_wait(run.run_id or 0, rerun_tasks=["t"], timeout=LIMIT)
    assert [one.attempt_number for one in again.tasks or []] == [0, 1]
    w.jobs.delete_run(run.run_id or 0)
    assert not list(w.jobs.list_runs(job_id=job_id))
    cancelled(w, job_id)
    w.jobs.update(job_id, new_settings=JobSettings(description="two"))
    settings = w.jobs.get(job_id).settings
    assert settings is not None and (settings.name, settings.description) == (title, "two")
    w.jobs.reset(job_id, JobSettings(name=f"{title}-2", tasks=settings.tasks))
    assert [one.job_id for one in w.jobs.list(name=f"{title}-2")] == [job_id]
    permissions(w, robot, str(job_id))
    w.jobs.delete(job_id)
    with pytest.raises(ResourceDoesNotExist):
        w.jobs.get(job_id)
    once = w.jobs.submit_and_wait(tasks=[SubmitTask("t", notebook_task=notebook)], timeout=LIMIT)
    assert once.state is not None and once.state.result_state is RunResultState.SUCCESS


def cancelled(w: WorkspaceClient, job_id: int) -> None:
    waiting = {"wait": "yes"}
    run_id = w.jobs.run_now(job_id, notebook_params=waiting).response.run_id or 0
    run = w.jobs.cancel_run_and_wait(run_id, timeout=LIMIT)
    assert run.state is not None and run.state.result_state is RunResultState.CANCELED
    run_id = w.jobs.run_now(job_id, notebook_params=waiting).response.run_id or 0
    w.jobs.cancel_all_runs(job_id=job_id)
    run = w.jobs.wait_get_run_job_terminated_or_skipped(run_id, timeout=LIMIT)
    assert run.state is not None and run.state.result_state is RunResultState.CANCELED


def permissions(w: WorkspaceClient, robot: Robot, job_id: str) -> None:
    assert w.jobs.get_permission_levels(job_id).permission_levels
    view = JobAccessControlRequest(service_principal_name=robot.name, permission_level=JobPermissionLevel.CAN_VIEW)
    w.jobs.update_permissions(job_id, access_control_list=[view])
    found = w.jobs.get_permissions(job_id).access_control_list or []
    assert robot.name in {one.service_principal_name for one in found}
    assert robot.client.jobs.get(int(job_id)).job_id == int(job_id)
    with pytest.raises(PermissionDenied):
        robot.client.jobs.run_now(int(job_id))
    owner = JobAccessControlRequest(
        user_name=w.current_user.me().user_name, permission_level=JobPermissionLevel.IS_OWNER
    )
    w.jobs.set_permissions(job_id, access_control_list=[owner])
    with pytest.raises(PermissionDenied):
        robot.client.jobs.get(int(job_id))


def test_more_than_a_page(w: WorkspaceClient, notebook: NotebookTask, name: Callable[[], str]) -> None:
    title = name()
    ids = {w.jobs.create(name=title, tasks=[Task("t", notebook_task=notebook)]).job_id for _ in range(5)}
    assert {one.job_id for one in w.jobs.list(name=title, limit=2)} == ids
    job_id = ids.pop() or 0
    nowhere = Task("t", notebook_task=NotebookTask("/Shared/no such notebook"))
    w.jobs.update(job_id, new_settings=JobSettings(tasks=[nowhere], max_concurrent_runs=5))
    runs = {w.jobs.run_now(job_id).response.run_id for _ in range(3)}
    assert {one.run_id for one in w.jobs.list_runs(job_id=job_id, limit=1)} == runs
    w.jobs.cancel_all_runs(job_id=job_id)


def test_refusals(w: WorkspaceClient, robot: Robot, notebook: NotebookTask) -> None:
    for missing in (w.jobs.get, w.jobs.get_run, w.jobs.get_run_output):  # of these the SDK knows what the error means
        with pytest.raises(ResourceDoesNotExist):
            missing(123)
    for missing in (w.jobs.delete, w.jobs.run_now, w.jobs.delete_run, w.jobs.cancel_run):
        with pytest.raises(InvalidParameterValue):
            missing(123)
    with pytest.raises(InvalidParameterValue):
        w.jobs.create(tasks=[Task("t", notebook_task=notebook), Task("t", notebook_task=notebook)])
    with pytest.raises(InvalidParameterValue):
        w.jobs.create(tasks=[Task("no task")])
    with pytest.raises(BadRequest):
        list(w.jobs.list(limit=1000))
    job_id = w.jobs.create(tasks=[Task("t", notebook_task=notebook)]).job_id or 0
    with pytest.raises(InvalidParameterValue):
        w.jobs.run_now(job_id, notebook_params={"a": "1"}, python_params=["1"], job_parameters={"b": "2"})
    for refused in (robot.client.jobs.get, robot.client.jobs.delete, robot.client.jobs.run_now):
        with pytest.raises(PermissionDenied):
            refused(job_id)
