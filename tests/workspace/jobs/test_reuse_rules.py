"""When an earlier result does not stand for a task: its rights, its cluster's scripts; with scripted compute."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brickyard.runtime.uses import USES_FILE, secrets_stamp, stamp
from brickyard.workspace.clock import now
from brickyard.workspace.compute.environ import TASK_MARK
from brickyard.workspace.compute.environments import LibraryError
from brickyard.workspace.compute.tasks import TaskOutcome, TaskSpec
from brickyard.workspace.identity.permissions import tree_object
from tests.support import wait_for
from tests.workspace.files.test_git_credentials import TOKEN, AskingServer, asking
from tests.workspace.jobs.lab import CLUSTER, OK, Lab, task
from tests.workspace.jobs.test_owner import give, user

TAGS = {"brickyard.reuse": "true"}

__all__ = ["asking"]  # a fixture


def reading(lab: Lab, path: str) -> Callable[[TaskSpec], TaskOutcome]:
    """What a task does that reads a file, and notes that."""
    local = lab.workspace.files.local_path(path)
    local.parent.mkdir(exist_ok=True)
    local.write_text("1")
    noted = {"whole": True, "objects": {}, "inputs": {}, "outputs": {}, "files": {str(local): stamp(local)}}
    noted["secrets"] = {}

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


def test_who_is_no_administrator_has_earlier_results_of_code_from_git(
    lab: Lab, asking: AskingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(tmp_path / "ca.pem"))
    ann = user(lab, "ann@example.org")
    fields = {"git_provider": "gitHubEnterprise", "git_username": "ada", "personal_access_token": TOKEN}
    lab.workspace.files.git_credentials.create(ann.id, fields)
    other = lab.workspace.files.local_path("/Workspace/open/x.txt")
    beside: list[str] = []

    def behave(spec: TaskSpec) -> TaskOutcome:
        [(prefix, place)] = spec.mounts.items()
        [file] = Path(place).rglob("train.py")
        files = {f"{prefix}/{file.relative_to(place)}": stamp(file)} | {one: stamp(other) for one in beside}
        noted = {"whole": True, "objects": {}, "inputs": {}, "outputs": {}, "files": files, "secrets": {}}
        (spec.directory / USES_FILE).write_text(json.dumps(noted))
        return OK

    lab.compute.behaviours["a"] = behave
    git = {"git_url": asking.url, "git_provider": "gitHubEnterprise", "git_branch": "main"}
    work = {"task_key": "a", "notebook_task": {"notebook_path": "notebooks/train"}}
    job_id = lab.jobs.create({"name": "x", "tasks": [work], "git_source": git, "tags": TAGS}, ann)
    assert [is_reused(lab, job_id), is_reused(lab, job_id)] == [False, True]
    reading(lab, "/Workspace/open/x.txt")
    beside.append(str(other))  # which ann may not read
    job_id = lab.jobs.create({"name": "y", "tasks": [work], "git_source": git, "tags": TAGS}, ann)
    assert [is_reused(lab, job_id), is_reused(lab, job_id)] == [False, False]


def test_a_task_that_read_a_secret_runs_again_once_it_has_changed(lab: Lab) -> None:
    secrets, ann = lab.workspace.secrets, user(lab, "ann@example.org")
    lab.workspace.identity.permissions.grant(tree_object("/nb"), ann.id, "CAN_RUN")
    secrets.scopes.create("keys", lab.owner, lab.owner.id)
    scope = secrets.scopes.get("keys")
    secrets.put(scope, "one", b"1")

    def behave(spec: TaskSpec) -> TaskOutcome:
        updated = {one.key: one.updated_at for one in secrets.list(scope)}
        read = {f"keys/{key}": secrets_stamp(updated, key) for key in ("one", "two", "")}
        noted = {"whole": True, "objects": {}, "inputs": {}, "outputs": {}, "files": {}, "secrets": read}
        (spec.directory / USES_FILE).write_text(json.dumps(noted))
        return OK

    lab.compute.behaviours["a"] = behave
    job_id = lab.job(task("a"), tags=TAGS)
    assert [is_reused(lab, job_id), is_reused(lab, job_id)] == [False, True]
    wait_for(lambda: now() > secrets.list(scope)[0].updated_at)
    secrets.put(scope, "one", b"2")
    assert [is_reused(lab, job_id), is_reused(lab, job_id)] == [False, True]
    secrets.put(scope, "two", b"2")
    assert not is_reused(lab, job_id)
    give(lab, job_id, ann)
    assert [is_reused(lab, job_id), is_reused(lab, job_id)] == [False, False]  # ann may not read the scope


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
