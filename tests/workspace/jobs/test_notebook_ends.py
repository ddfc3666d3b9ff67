"""Runs of notebooks that tasks have started end in every case, as they ended; with scripted compute."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue, InvalidState
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs import execution
from brickyard.workspace.jobs.people import securable_of
from brickyard.workspace.jobs.records import RunRecord, TaskRecord
from tests.support import wait_for
from tests.workspace.jobs.lab import BROKEN, OK, Lab, task
from tests.workspace.jobs.test_owner import user

STOPPED = TaskOutcome("FAILED", "Run cancelled.", error="Run cancelled.", code="DRIVER_ERROR")


def begun(lab: Lab) -> tuple[int, int, TaskRecord]:
    """A run, the attempt at its task, and the attempt at a notebook that this one executes."""
    lab.compute.behaviours["a"] = lambda _: None
    run_id = lab.run(lab.job(task("a")))
    parent = lab.running("a").spec.run_id
    return run_id, parent, lab.jobs.notebooks.begin(parent, "/nb/x", {}, lab.owner)


def result(lab: Lab, run_id: int) -> str | None:
    """How a run has ended; nothing where it has not."""
    return lab.jobs.run(run_id)[0].state.result


def full(*_: Any) -> None:
    """A database on a full disk."""
    raise OSError(28, "No space left on device")


def test_who_may_not_end_a_notebook_ends_none(lab: Lab) -> None:
    run_id, parent, made = begun(lab)
    other = replace(lab.owner, user_name="other@example.com")
    with pytest.raises(InvalidParameterValue, match="is not the run of a notebook"):
        lab.jobs.notebooks.end(parent, BROKEN, other)
    assert result(lab, made.run_id) is None
    lab.leave_result(made.run_id, OK)
    lab.jobs.notebooks.end(made.run_id, BROKEN, lab.owner)
    assert result(lab, made.run_id) == "SUCCESS"
    lab.compute.finish("a")
    lab.ended(run_id)


def test_a_sweep_leaves_notebooks_that_run_alone(lab: Lab) -> None:
    _, _, made = begun(lab)
    lab.jobs._scheduler._behind = True
    lab.jobs._scheduler.sweep(0)
    assert made.job_run_id not in lab.jobs._scheduler._active and result(lab, made.run_id) is None
    lab.leave_result(made.run_id, OK)
    lab.jobs.notebooks.end(made.run_id, BROKEN, lab.owner)
    assert result(lab, made.run_id) == "SUCCESS"
    lab.compute.finish("a")


def test_no_notebook_begins_as_its_task_ends_and_stays(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    run_id = lab.run(lab.job(task("a")))
    parent = lab.running("a").spec.run_id
    new_run = lab.jobs.notebooks._new_run

    def late(*arguments: Any) -> RunRecord:
        lab.compute.finish("a")
        lab.ended(run_id)
        return new_run(*arguments)

    monkeypatch.setattr(lab.jobs.notebooks, "_new_run", late)
    made = lab.jobs.notebooks.begin(parent, "/nb/x", {}, lab.owner)
    assert lab.ended(made.run_id).state.result == "CANCELED"


def test_notebooks_end_with_a_run_that_cannot_be_carried_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_RETRY_WRITE_SECONDS", 0.01)
    run_id, _, made = begun(lab)
    save, failed = lab.jobs._runs.save, []

    def once(*arguments: Any) -> None:
        if not failed:
            failed.append(True)
            full()
        save(*arguments)

    monkeypatch.setattr(lab.jobs._runs, "save", once)
    lab.jobs.cancel(run_id)
    assert "could not carry on" in lab.ended(run_id).state.message
    assert lab.ended(made.run_id).state.result == "CANCELED"


def test_an_end_that_cannot_be_written_is_written_later_as_it_was(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id, _, made = begun(lab)
    inner = lab.jobs.notebooks.begin(made.run_id, "/nb/y", {}, lab.owner)
    with monkeypatch.context() as patch:
        patch.setattr(lab.jobs._runs, "save", full)
        lab.jobs.notebooks.end(made.run_id, TaskOutcome("TIMEDOUT", "It was over its limit."), lab.owner)
        lab.jobs._sweep(0)
        assert result(lab, made.run_id) is None
    lab.jobs._sweep(0)
    assert lab.jobs.tasks(made.job_run_id)[0].state.message == "It was over its limit."
    assert (result(lab, made.run_id), result(lab, inner.run_id)) == ("TIMEDOUT", "CANCELED")
    lab.compute.finish("a")
    lab.ended(run_id)


@pytest.mark.parametrize(
    ("left", "said", "expected"),
    [(STOPPED, "TIMEDOUT", "TIMEDOUT"), (OK, "TIMEDOUT", "SUCCESS"), (BROKEN, "FAILED", "FAILED")],
)
def test_a_notebook_over_its_limit_has_timed_out(lab: Lab, left: TaskOutcome, said: Any, expected: str) -> None:
    _, _, made = begun(lab)
    lab.leave_result(made.run_id, left)
    lab.jobs.notebooks.end(made.run_id, TaskOutcome(said, "It did not end."), lab.owner)
    assert result(lab, made.run_id) == expected
    lab.compute.finish("a")


def test_a_notebook_that_was_stopped_with_its_task_was_cancelled(lab: Lab) -> None:
    run_id, _, made = begun(lab)
    lab.leave_result(made.run_id, STOPPED)
    lab.jobs.cancel(run_id)
    lab.ended(run_id)
    assert lab.ended(made.run_id).state.result == "CANCELED"


def test_the_run_of_a_notebook_is_not_repaired(lab: Lab) -> None:
    _, parent, made = begun(lab)
    lab.jobs.notebooks.end(made.run_id, BROKEN, lab.owner)
    with pytest.raises(InvalidParameterValue, match=f"that run {parent} has executed"):
        lab.jobs.repair(made.job_run_id, {"rerun_all_failed_tasks": True})
    assert lab.compute.keys() == ["a"]
    lab.compute.finish("a")


def test_who_sees_the_run_of_the_task_sees_that_of_the_notebook(lab: Lab) -> None:
    identity = lab.workspace.identity
    viewer = user(lab, "viewer@example.com")
    lab.compute.behaviours["a"] = lambda _: None
    entries = [{"user_name": viewer.user_name, "permission_level": "CAN_VIEW"}]
    lab.run(lab.job(task("a"), access_control_list=entries))
    parent = lab.running("a").spec.run_id
    first = lab.jobs.notebooks.begin(parent, "/nb/x", {}, lab.owner)
    inner = lab.jobs.notebooks.begin(first.run_id, "/nb/y", {}, lab.owner)
    for run_id in (first.run_id, inner.job_run_id):
        identity.permissions.require(viewer, lab.jobs.securable_of_run(run_id), "CAN_VIEW")
        assert not identity.permissions.allows(viewer, lab.jobs.securable_of_run(run_id), "CAN_MANAGE_RUN")
    lab.compute.finish("a")


def test_a_run_is_deleted_with_its_notebooks(lab: Lab) -> None:
    run_id, parent, made = begun(lab)
    inner = lab.jobs.notebooks.begin(made.run_id, "/nb/y", {}, lab.owner)
    jobs = [lab.jobs.run(one.run_id)[0].job_id for one in (made, inner)]
    for one in (parent, made.run_id, inner.run_id):
        lab.leave_result(one, OK)
    lab.compute.finish("a")
    lab.ended(run_id)
    wait_for(lambda: result(lab, inner.run_id))
    lab.jobs.delete_run(run_id)
    assert not list((lab.root / "runs").iterdir())
    for one in (made.run_id, inner.job_run_id):
        with pytest.raises(InvalidParameterValue, match="does not exist"):
            lab.jobs.run(one)
    permissions = lab.workspace.identity.permissions
    for job_id in jobs:
        assert not permissions.grants(securable_of(job_id))


def test_a_run_that_is_being_deleted_is_not_repaired(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.compute.behaviours["a"] = lambda _: BROKEN
    run, _ = lab.done(task("a"))
    parts, refused = lab.jobs._runs.parts, []

    def meanwhile(run_id: int) -> list[int]:
        for change in (lambda: lab.jobs.repair(run_id, {"rerun_tasks": ["a"]}), lambda: lab.jobs.delete_run(run_id)):
            with pytest.raises(InvalidState, match="is being deleted"):
                change()
            refused.append(run_id)
        return parts(run_id)

    monkeypatch.setattr(lab.jobs._runs, "parts", meanwhile)
    lab.jobs.delete_run(run.run_id)
    assert len(refused) == 2 and lab.compute.keys() == ["a"]
