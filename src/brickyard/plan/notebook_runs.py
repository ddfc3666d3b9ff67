"""Runs a notebook that is a file here, without a job: uploads it with what lies beside it, and submits a run."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brickyard.errors import UsageError
from brickyard.plan.connect import Connection, calling
from brickyard.plan.remote_files import RemoteFiles
from brickyard.plan.sync import files_below
from brickyard.project.paths import is_notebook

__all__ = ["NotebookRun", "submit_notebook"]

_MOST_FILES, _MOST_BYTES = 500, 50 * 2**20


class NotebookRun:
    """A run of a notebook from here.

    Args:
        run_id: The run.
        forget: Deletes what was uploaded for it.
    """

    def __init__(self, run_id: int, forget: Callable[[], None]) -> None:
        self.run_id = run_id
        self.forget = forget


def submit_notebook(
    connection: Connection,
    path: Path,
    parameters: Mapping[str, str],
    *,
    alone: bool = False,
    cluster_id: str | None = None,
) -> NotebookRun:
    """Upload a notebook and start a run of it.

    Args:
        connection: The workspace.
        path: The notebook.
        parameters: Values for its widgets.
        alone: Upload nothing but the notebook; else the files of its directory go with it, for `%run` and imports.
        cluster_id: The cluster to run on; else a job cluster.

    Raises:
        UsageError: It is no notebook, or there is too much beside it.
    """
    path = path.absolute()
    if not path.is_file() or not is_notebook(path):
        raise UsageError(
            "that is no notebook" if path.is_file() else "there is no such file",
            where=str(path),
            next="name an .ipynb file, or a .py or .sql file whose first line is `# Databricks notebook source`",
        )
    files, folder = (
        RemoteFiles(connection),
        f"/Workspace/Users/{connection.user_name}/.brickyard/{uuid.uuid4().hex[:8]}",
    )
    with calling("upload the notebook", str(path)):
        for file in [path] if alone else _beside(path):
            files.write(f"{folder}/{file.relative_to(path.parent).as_posix()}", file.read_bytes())
    work: dict[str, Any] = {"notebook_path": f"{folder}/{path.stem}", "base_parameters": dict(parameters)}
    task = {"task_key": "notebook", "notebook_task": work} | ({"existing_cluster_id": cluster_id} if cluster_id else {})
    body = {"run_name": path.name, "tasks": [task], "idempotency_token": uuid.uuid4().hex}
    with calling("start the notebook", str(path)):
        run_id = int(connection.call("POST", "/api/2.2/jobs/runs/submit", body=body)["run_id"])
    return NotebookRun(run_id, lambda: files.delete(folder, recursive=True))


def _beside(path: Path) -> list[Path]:
    found = list(files_below(path.parent))
    size = sum(file.stat().st_size for file in found)
    if len(found) > _MOST_FILES or size > _MOST_BYTES:
        raise UsageError(
            f"there are {len(found)} files with {size / 2**20:.0f} MB in the notebook's directory, which would be "
            f"uploaded; at most {_MOST_FILES} files with {_MOST_BYTES // 2**20} MB are",
            where=str(path.parent),
            next="use --alone to upload nothing but the notebook, or leave files out with a .gitignore",
        )
    return found
