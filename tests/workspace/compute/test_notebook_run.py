"""What the process of a task tells of the notebooks that it executes."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.runtime.context import NotebookResult
from brickyard.runtime.redaction import Redactor
from brickyard.runtime.rest import ApiFailure, WorkspaceApi
from brickyard.workspace.compute.notebook_run import NotebookRun


@pytest.mark.parametrize("problem", [ApiFailure(500, "INTERNAL_ERROR", "disk full"), ConnectionRefusedError("gone")])
def test_a_notebook_has_ended_though_that_cannot_be_told(
    problem: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def post(api: WorkspaceApi, path: str, /, **fields: Any) -> dict[str, Any]:
        if path.endswith("/end"):
            raise problem
        return {"job_id": 1, "job_run_id": 2, "run_id": 3, "run_page_url": "http://127.0.0.1/jobs/1/runs/2"}

    monkeypatch.setattr(WorkspaceApi, "post", post)
    message = {"api_url": "http://127.0.0.1", "token": "t", "task": {"run_id": 9}}
    run = NotebookRun(message, {"source": "/nb/x", "parameters": {}}, Redactor())
    run.end(NotebookResult(None, "done"))
    assert f"the end of the notebook's run 3 could not be told: {problem}" in caplog.text
