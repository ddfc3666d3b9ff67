"""What the process of a task tells the workspace of a notebook that it executes for `dbutils.notebook.run`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from brickyard.runtime.context import NotebookResult
from brickyard.runtime.record import RUN, recorder
from brickyard.runtime.redaction import Redactor
from brickyard.runtime.rest import ApiFailure, WorkspaceApi

__all__ = ["NotebookRun"]

_log = logging.getLogger(__name__)
_CALLS = "/api/2.0/jobs/notebook-runs"


class NotebookRun:
    """A run of its own, which begins now and is shown where the other notebook is.

    Args:
        message: What the process was told about its task.
        given: The notebook and its parameters.
        redactor: Takes secrets out of what is told.

    Attributes:
        ids: The numbers that the notebook knows itself by, as its task has them.
    """

    def __init__(self, message: Mapping[str, Any], given: Mapping[str, Any], redactor: Redactor) -> None:
        self._api = WorkspaceApi(message["api_url"], message["token"])
        self._parent = message["task"]
        self._redactor = redactor
        told = redactor.redact_all({"path": given["source"], "parameters": given["parameters"]})
        made = self._api.post(f"{_CALLS}/begin", parent_run_id=self._parent["run_id"], **told)
        root = self._parent.get("root_run_id") or self._parent["run_id"]
        self.ids = {name: made[name] for name in ("job_id", "job_run_id", "run_id")} | {"root_run_id": root}
        _show(made)

    def directory(self, number: int) -> Path:
        """Where its files are: beside those of the task, which has a link to them."""
        outer = Path(self._parent["directory"])
        made = outer.parent / str(self.ids["run_id"])
        made.mkdir()
        link = outer / "notebooks" / str(number)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(Path("..", "..", made.name), target_is_directory=True)
        return made

    def end(self, result: NotebookResult) -> None:
        """It has ended; where that cannot be told, the workspace sees it when the task ends."""
        message = self._redactor.redact(result.error or "")
        try:
            self._api.post(f"{_CALLS}/end", run_id=self.ids["run_id"], message=message, timed_out=result.timed_out)
        except (ApiFailure, OSError, HTTPException, ValueError) as error:  # the notebook has ended as it has
            _log.warning("the end of the notebook's run %s could not be told: %s", self.ids["run_id"], error)


def _show(run: Mapping[str, Any]) -> None:
    """Show a link to the run in the cell that has started it, as the service does."""
    cells = recorder()
    if cells is not None:
        text = f"Notebook job #{run['job_run_id']}"
        shown = {"text/html": f'<a href="{run["run_page_url"]}">{text}</a>', "text/plain": text}
        cells.display(shown, {RUN: {"job_id": run["job_id"], "run_id": run["job_run_id"]}})
