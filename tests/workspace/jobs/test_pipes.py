"""What programs put in place of their runs' files is not waited for, with scripted compute."""

from __future__ import annotations

import os

import pytest

from brickyard.workspace.compute.tasks import CELLS_FILE, OUTPUT_FILE
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.output import run_output
from brickyard.workspace.ui.outputs import task_output
from tests.workspace.jobs.lab import Lab, task


@pytest.mark.timeout(20)
def test_pipes_in_place_of_output_hold_up_no_request(lab: Lab) -> None:
    _, tasks = lab.done(task("a"))
    place = run_directory(lab.workspace, tasks["a"].run_id)
    place.mkdir(parents=True, exist_ok=True)
    for name in (OUTPUT_FILE, CELLS_FILE):
        (place / name).unlink(missing_ok=True)
        os.mkfifo(place / name)
    assert not run_output(lab.workspace, tasks["a"].run_id).logs
    assert task_output(lab.workspace, tasks["a"]).log == ""
