"""What is true after a kill, or a write that fails, between two writes that belong together; without processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from brickyard.workspace.compute.tasks import TaskHandle
from brickyard.workspace.jobs import scheduler
from brickyard.workspace.jobs.board import Board
from brickyard.workspace.jobs.execution import Execution
from brickyard.workspace.jobs.scheduler import Scheduler
from brickyard.workspace.jobs.service import Jobs
from brickyard.workspace.jobs.triggers import Watch
from tests.support import wait_for
from tests.workspace.jobs.lab import OK, Lab, task
from tests.workspace.jobs.triggers.conftest import Hands


@contextmanager
def killed_before(place: type, step: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is done within is cut off before a step by a kill; then the workspace is started again."""
    with monkeypatch.context() as killed:
        killed.setattr(place, step, nothing)
        yield
        lab.die()
    lab.start()
    lab.jobs.recover()


def nothing(*_: Any, **__: Any) -> None:
    """The workspace was killed before."""


def broken(*_: Any, **__: Any) -> Any:
    """Does what a database on a full disk does."""
    raise OperationalError("UPDATE", {}, Exception("database or disk is full"))


def no_thread(*_: Any, **__: Any) -> Any:
    """Does what `Thread.start` does when there are too many."""
    raise RuntimeError("can't start new thread")


def state(lab: Lab, run_id: int) -> str:
    return lab.jobs.run(run_id)[0].state.life_cycle


def one_runs_and_one_waits(lab: Lab) -> tuple[int, int, int]:
    """A job, its run, and the run in its queue."""
    lab.compute.behaviours["a"] = lambda _: None
    job_id = lab.job(task("a"), queue={"enabled": True})
    first, second = lab.run(job_id), lab.run(job_id)
    lab.running("a")
    lab.compute.behaviours["a"] = lambda _: OK
    return job_id, first, second


@pytest.mark.parametrize(
    ("place", "step", "waits_as"),
    [
        (Scheduler, "_start_queued", "QUEUED"),  # the end of the first run is written
        (scheduler, "save_runs", "QUEUED"),  # the queue was looked at
        (Scheduler, "_start", "PENDING"),  # that the second one starts is written
    ],
)
def test_a_queued_run_starts_after_a_restart_whenever_the_kill_was(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, place: Any, step: str, waits_as: str
) -> None:
    _, first, second = one_runs_and_one_waits(lab)
    reached = threading.Event()
    with monkeypatch.context() as killed:
        killed.setattr(place, step, lambda *_, **__: reached.set())
        if step == "save_runs":  # after this nothing else is done, as the process is gone
            killed.setattr(Scheduler, "_start", nothing)
        lab.compute.finish("a")
        assert lab.ended(first).state.result == "SUCCESS"
        assert reached.wait(10)
        wait_for(lambda: state(lab, second) == waits_as)
        lab.die()
    lab.start()
    lab.jobs.recover()
    assert lab.ended(second).state.result == "SUCCESS"


def test_a_queued_run_starts_after_a_kill_that_followed_a_higher_limit(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, _, second = one_runs_and_one_waits(lab)
    with killed_before(Scheduler, "limit_changed", lab, monkeypatch):
        lab.jobs.update(job_id, {"max_concurrent_runs": 2}, [], lab.owner)
    assert lab.ended(second).state.result == "SUCCESS"


def test_runs_of_a_job_that_was_deleted_just_before_a_kill_are_cancelled(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, first, second = one_runs_and_one_waits(lab)
    with killed_before(Jobs, "_cancel_all", lab, monkeypatch):
        lab.jobs.delete(job_id)
    assert [lab.ended(one).state.result for one in (first, second)] == ["CANCELED", "CANCELED"]
    assert lab.compute.keys() == []


@pytest.mark.parametrize(
    ("place", "step", "fails"),
    [(scheduler, "save_runs", broken), (Execution, "start", no_thread)],
)
def test_a_queued_run_that_cannot_be_started_starts_later(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, place: Any, step: str, fails: Callable[..., Any]
) -> None:
    _, first, second = one_runs_and_one_waits(lab)
    told: list[int] = []
    lab.jobs._scheduler.when_ended(first, lambda run: told.append(run.run_id))
    with monkeypatch.context() as full:
        full.setattr(place, step, fails)
        lab.compute.finish("a")
        wait_for(lambda: told == [first])  # who waits for it hears of it all the same
        lab.jobs._scheduler.sweep(0)
        assert not lab.jobs.run(second)[0].state.ended
    lab.jobs._scheduler.sweep(0)
    assert lab.ended(second).state.result == "SUCCESS"


def test_a_continuous_job_goes_on_though_it_could_not_be_written_that_its_run_ended(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands = Hands(lab)
    lab.compute.behaviours["a"] = lambda _: None
    lab.job(task("a"), continuous={"pause_status": "UNPAUSED"})
    [first] = hands.tick()
    lab.running("a")
    with monkeypatch.context() as full:
        full.setattr(Watch, "_remember", broken)
        lab.compute.finish("a")
        lab.ended(first.run_id)
        wait_for(lambda: lab.jobs.triggers._watched[first.job_id].next_at is not None)
    assert len(hands.later(60)) == 2


def test_iterations_are_deleted_with_their_run_and_files_before_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = {"task_key": "one", "notebook_task": {"notebook_path": "/nb/one"}}
    run, last = lab.done({"task_key": "all", "for_each_task": {"inputs": "[1, 2]", "task": nested}})
    [(child, iterations)] = lab.jobs.parts(run, [last["all"]]).values()
    files = [lab.root / "runs" / str(one.run_id) for one in iterations]
    for place in files:
        place.mkdir(parents=True, exist_ok=True)
    with monkeypatch.context() as full:
        full.setattr("brickyard.workspace.jobs.run_store.RunStore.delete", broken)
        with pytest.raises(OperationalError):
            lab.jobs.delete_run(run.run_id)
    assert not any(place.exists() for place in files)  # there is place on the disk again
    lab.jobs.delete_run(run.run_id)
    for gone in (run.run_id, child.run_id, iterations[0].run_id):
        with pytest.raises(Exception, match="does not exist"):
            lab.jobs.run(gone)


def test_a_schedule_that_cannot_be_written_counts_all_the_same(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Hands(lab)
    with monkeypatch.context() as full:
        full.setattr(Watch, "_put", broken)
        with pytest.raises(OperationalError):
            lab.job(task("a"), schedule={"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"})
    assert len(hands.later(3600)) == 1


def test_the_runs_of_a_deleted_job_end_though_its_trigger_cannot_be_erased(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, first, second = one_runs_and_one_waits(lab)
    with monkeypatch.context() as full:
        full.setattr(Watch, "_erase", broken)
        with pytest.raises(OperationalError):
            lab.jobs.delete(job_id)
    assert [lab.ended(one).state.result for one in (first, second)] == ["CANCELED", "CANCELED"]


def test_a_run_that_cannot_go_on_ends_though_one_of_its_tasks_cannot_be_stopped(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.compute.behaviours |= {"a": lambda _: None, "b": lambda _: None}
    run_id = lab.run(lab.job(task("a"), task("b")))
    lab.running("a"), lab.running("b")
    monkeypatch.setattr(TaskHandle, "stop", broken)
    monkeypatch.setattr(Board, "attempt", broken)
    lab.compute.finish("a")
    assert lab.ended(run_id).state.code == "INTERNAL_ERROR"
