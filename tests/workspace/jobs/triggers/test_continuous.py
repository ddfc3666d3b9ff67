"""Continuous jobs: one run is always active."""

from __future__ import annotations

from dataclasses import replace

from brickyard.workspace.jobs.triggers.continuous import Continuous
from tests.support import wait_for
from tests.workspace.jobs.lab import BROKEN, OK, Lab, task
from tests.workspace.jobs.triggers.conftest import Hands


def finish(lab: Lab, hands: Hands, run_id: int, *, ok: bool = True) -> None:
    lab.running("a")
    lab.compute.handles.pop("a").finish(OK if ok else BROKEN)
    known(lab, run_id)


def known(lab: Lab, run_id: int) -> None:
    """The trigger has been told that the run has ended."""
    lab.ended(run_id)
    wait_for(lambda: lab.jobs.triggers._watched[lab.jobs.run(run_id)[0].job_id].next_at is not None)


def test_a_run_follows_the_one_before(lab: Lab, hands: Hands) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    lab.job(task("a"), continuous={"pause_status": "UNPAUSED"})
    [run] = hands.tick()
    assert run.trigger == "CONTINUOUS"
    assert len(hands.later(600)) == 1
    finish(lab, hands, run.run_id)
    assert len(hands.later(60)) == 2


def test_failures_are_followed_by_longer_and_longer_waits(lab: Lab, hands: Hands) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    job_id = lab.job(task("a"), continuous={})
    for wait in (10, 20, 40):
        finish(lab, hands, hands.tick()[-1].run_id, ok=False)
        count = len(hands.later(wait - 1))
        assert len(hands.later(1)) == count + 1
    finish(lab, hands, hands.tick()[-1].run_id, ok=False)
    lab.die()
    lab.start()
    hands.take()
    lab.jobs.recover()
    assert len(hands.later(79)) == 4  # the failures count after a restart as well
    lab.jobs.run_now({"job_id": job_id}, lab.owner)
    assert hands.tick()[-1].trigger == "CONTINUOUS_RESTART"


def test_a_success_and_a_run_of_an_hour_end_the_longer_waits(lab: Lab, hands: Hands) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    lab.job(task("a"), continuous={})
    for ok, wait in ((False, 10), (False, 20), (True, 1), (False, 10)):
        run_id = hands.tick()[-1].run_id
        finish(lab, hands, run_id, ok=ok)
        count = len(hands.later(wait - 1))
        assert len(hands.later(1)) == count + 1, (ok, wait)
    run = replace(lab.jobs.run(run_id)[0], started_at=1, ended_at=3_600_001)
    assert Continuous().ended({"failures": 4, "next": 0}, run, 0) == {"failures": 1, "next": 10_000}
    assert Continuous().ended({"failures": 4, "next": 0}, replace(run, started_at=2), 0)["failures"] == 5


def test_run_now_takes_the_place_of_the_run(lab: Lab, hands: Hands) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    job_id = lab.job(task("a"), continuous={})
    [first] = hands.tick()
    lab.running("a")
    second = lab.run(job_id)
    assert lab.ended(first.run_id).state.result == "CANCELED"
    wait_for(lambda: lab.jobs.run(second)[0].state.life_cycle == "RUNNING")
    assert [run.run_id for run in hands.later(60)] == [first.run_id, second]


def test_a_run_that_is_cancelled_is_followed_by_another(lab: Lab, hands: Hands) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    job_id = lab.job(task("a"), continuous={})
    [first] = hands.tick()
    lab.running("a")
    lab.jobs.cancel(first.run_id)
    known(lab, first.run_id)
    assert len(hands.later(1)) == 2, "it is no failure, after which there would be a wait"
    lab.jobs.update(job_id, {"continuous": {"pause_status": "PAUSED"}}, [], lab.owner)
    lab.jobs.cancel_all(job_id, lab.owner)
    wait_for(lambda: all(run.state.ended for run in hands.later(60)))
    assert len(hands.later(60)) == 2
