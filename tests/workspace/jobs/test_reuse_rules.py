"""When an earlier result does not stand for a task: its rights, its cluster's scripts; with scripted compute."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from brickyard.runtime.uses import USES_FILE, stamp
from brickyard.workspace.compute.environ import TASK_MARK
from brickyard.workspace.compute.environments import LibraryError
from brickyard.workspace.compute.tasks import TaskOutcome, TaskSpec
from brickyard.workspace.identity.permissions import tree_object
from tests.workspace.jobs.lab import CLUSTER, OK, Lab, task
from tests.workspace.jobs.test_owner import give, user

TAGS = {"brickyard.reuse": "true"}


def reading(lab: Lab, path: str) -> Callable[[TaskSpec], TaskOutcome]:
    """What a task does that reads a file, and notes that."""
    local = lab.workspace.files.local_path(path)
    local.parent.mkdir(exist_ok=True)
    local.write_text("1")
    noted = {"whole": True, "objects": {}, "inputs": {}, "outputs": {}, "files": {str(local): stamp(local)}}

    def behave(spec: TaskSpec) -> TaskOutcome:
        (spec.directory / USES_FILE).write_text(json.dumps(noted))
        return OK

    return behave


@pytest.fixture(autouse=True)
def _keys(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def environment_key(libraries: Any) -> str:
        if libraries:
            raise LibraryError(f"{libraries[0]} does not exist")
        return ""

    monkeypatch.setattr(lab.compute, "environment_key", environment_key, raising=False)


def is_reused(lab: Lab, job_id: int) -> bool:
    """Whether one more run has an earlier result."""
    before = len(lab.compute.started)
    assert lab.ended(lab.run(job_id)).state.result == "SUCCESS"
    return len(lab.compute.started) == before


def test_whoever_may_not_read_any_more_has_no_earlier_result(lab: Lab) -> None:
    permissions = lab.workspace.identity.permissions
    ann = user(lab, "ann@example.org")
    permissions.grant(tree_object("/nb"), ann.id, "CAN_RUN")
    permissions.grant(tree_object("/open"), ann.id, "CAN_READ")
    lab.compute.behaviours["a"] = reading(lab, "/Workspace/open/x.txt")
    job_id = lab.job(task("a"), tags=TAGS)
    give(lab, job_id, ann)
    assert [is_reused(lab, job_id), is_reused(lab, job_id)] == [False, True]
    permissions.replace(tree_object("/open"), {})
    assert not is_reused(lab, job_id)


def test_another_init_script_is_another_cluster(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.compute, "environment", lambda own: {TASK_MARK: str(lab.root), **own})
    lab.compute.behaviours["a"] = reading(lab, "/Workspace/open/x.txt")
    script = lab.workspace.files.local_path("/Workspace/open/init.sh")
    script.write_text("true")
    scripts = [{"workspace": {"destination": "/open/init.sh"}}]
    job_id = lab.job(task("a", new_cluster=CLUSTER | {"init_scripts": scripts}), tags=TAGS)
    assert [is_reused(lab, job_id), is_reused(lab, job_id)] == [False, True]
    script.write_text("true # changed")
    assert [is_reused(lab, job_id), is_reused(lab, job_id)] == [False, True]


def test_library_that_is_missing_is_said_by_the_task(lab: Lab) -> None:
    wheel = [{"whl": "/Workspace/none-1.0-py3-none-any.whl"}]
    lab.compute.behaviours["a"] = lambda _: TaskOutcome("FAILED", "no wheel", code="LIBRARY_INSTALLATION_ERROR")
    _, last = lab.done(task("a", libraries=wheel), tags=TAGS)
    assert last["a"].state.code == "LIBRARY_INSTALLATION_ERROR" and lab.compute.keys() == ["a"]
