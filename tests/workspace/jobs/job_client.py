"""The official SDK's client, with what tests of jobs do with it again and again."""

from __future__ import annotations

import io
import uuid
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.support import LocalWorkspace, wait_for


class Client:
    """The SDK's client with a directory of the test's own."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        self.sdk: WorkspaceClient = workspace.client()
        self.directory = f"/Shared/jobs-{uuid.uuid4().hex[:8]}"
        self.sdk.workspace.mkdirs(self.directory)

    def notebook(self, name: str, source: str) -> str:
        """Put a Python notebook into the workspace."""
        path = f"{self.directory}/{name}"
        content = io.BytesIO(f"# Databricks notebook source\n{source}".encode())
        self.sdk.workspace.upload(path, content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)
        return path

    def task(self, key: str, source: str, *after: str, **more: Any) -> jobs.Task:
        """A notebook task with that source."""
        return jobs.Task(
            task_key=key,
            notebook_task=jobs.NotebookTask(self.notebook(key, source), more.pop("base_parameters", None)),
            depends_on=[jobs.TaskDependency(one) for one in after],
            **more,
        )

    def job(self, *tasks: jobs.Task, **settings: Any) -> int:
        """Make a job."""
        made = self.sdk.jobs.create(name=f"job-{uuid.uuid4().hex[:8]}", tasks=list(tasks), **settings)
        assert made.job_id
        return made.job_id

    def started(self, job_id: int, **request: Any) -> int:
        """Start a run."""
        return int(self.sdk.jobs.run_now(job_id, **request).response.run_id)

    def ended(self, run_id: int) -> jobs.Run:
        """The run, once it has ended."""

        def look() -> jobs.Run | None:
            run = self.sdk.jobs.get_run(run_id)
            return run if run.status and run.status.state is jobs.RunLifecycleStateV2State.TERMINATED else None

        return wait_for(look, seconds=90, every=0.1)

    def output(self, run: jobs.Run, key: str) -> jobs.RunOutput:
        """What the last attempt at a task left."""
        return self.sdk.jobs.get_run_output([one for one in run.tasks or [] if one.task_key == key][-1].run_id or 0)


def results(run: jobs.Run) -> dict[str, str]:
    return {
        one.task_key: one.state.result_state.value for one in run.tasks or [] if one.state and one.state.result_state
    }


def codes(run: jobs.Run) -> dict[str, tuple[str, str]]:
    """The life cycle state and the termination code of each task that has ended."""
    found = {}
    for one in run.tasks or []:
        details = one.status and one.status.termination_details
        if one.state and one.state.life_cycle_state and details and details.code:
            found[one.task_key] = (one.state.life_cycle_state.value, details.code.value)
    return found
