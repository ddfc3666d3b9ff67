"""`runs/export`: the notebooks of a run as pages that stand on their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard import sdk
from brickyard.runtime.regular_files import read_regular
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import CELLS_FILE, TASK_FILE
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.notebook_model import encoded, notebook_model
from brickyard.workspace.rendering.cells import cells_shown
from brickyard.workspace.rendering.environment import environment

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import ExportRunOutput, ViewItem

    from brickyard.workspace.workspace import Workspace

__all__ = ["exported_run"]

sdk.install()


def exported_run(workspace: Workspace, run_id: int, views: str, *, single: bool = False) -> ExportRunOutput:
    """The notebook of an attempt at a task, and those that it ran with `dbutils.notebook.run`, as HTML.

    Args:
        workspace: Whose run it is.
        run_id: The attempt's run.
        views: `CODE`, `DASHBOARDS` or `ALL`; notebooks have no dashboards here.
        single: A job's run will do as well if it has one task, as before API 2.1.

    Raises:
        InvalidParameterValue: The run is a job's, or of no notebook, or has not begun.
    """
    from databricks.sdk.service.jobs import ExportRunOutput, ViewsToExport

    known = [one.value for one in ViewsToExport]
    if views not in known:
        raise InvalidParameterValue(f"views_to_export must be one of {', '.join(known)}, not {views!r}")
    directory = _directory(workspace, run_id, single=single)
    return ExportRunOutput(views=[] if views == "DASHBOARDS" else list(_views(directory)))


def _directory(workspace: Workspace, run_id: int, *, single: bool) -> Path:
    """Where the notebook's cells are."""
    run, tasks = workspace.jobs.run(run_id)
    if run.run_id == run_id and not (single and len({task.task_key for task in tasks}) == 1):
        raise InvalidParameterValue(
            "Exporting runs with multiple tasks is not supported. Please export each individual task run instead."
        )
    task = tasks[-1]
    definition = run.definition(task)
    if "notebook_task" not in definition:
        raise InvalidParameterValue(f"Run {run_id} is not a notebook run; only runs of notebooks can be exported.")
    directory = run_directory(workspace, task.run_id)
    if not (directory / CELLS_FILE).is_file():
        raise InvalidParameterValue(f"Run {run_id} has no notebook to export: none of its cells has been reached.")
    return directory


def _views(directory: Path) -> Iterator[ViewItem]:
    from databricks.sdk.service.jobs import ViewItem, ViewType

    path = json.loads(read_regular(directory / TASK_FILE))["source"].removeprefix("/Workspace")
    kept: dict[str, Any] = json.loads(read_regular(directory / CELLS_FILE))
    model = notebook_model(kept, path)
    values = {"model": model, "path": path, "encoded": encoded(model), "cells": cells_shown(kept["cells"])}
    values["scripts"] = True  # of charts, in frames that have nothing to do with the page
    page = environment().get_template("exported.html").render(values)
    yield ViewItem(content=page, name=model["name"], type=ViewType.NOTEBOOK)
    for inner in sorted(directory.glob(f"notebooks/*/{CELLS_FILE}"), key=lambda one: int(one.parent.name)):
        yield from _views(inner.parent)
