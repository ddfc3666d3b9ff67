"""Runs that wait for others of their job."""

from __future__ import annotations

from tests.support import wait_for
from tests.workspace.jobs.lab import Lab, task
from tests.workspace.jobs.triggers.conftest import Hands


def test_who_waits_starts_before_who_comes_later(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    job_id = lab.job(task("a"), queue={"enabled": True})
    first, second, third = (lab.run(job_id) for _ in range(3))
    assert [lab.jobs.run(one)[0].state.life_cycle for one in (second, third)] == ["QUEUED", "QUEUED"]
    lab.running("a")
    lab.jobs.cancel(first)
    wait_for(lambda: lab.jobs.run(second)[0].state.life_cycle == "RUNNING")
    assert lab.jobs.run(third)[0].state.life_cycle == "QUEUED"


def test_run_now_can_ask_for_the_queue(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    job_id = lab.job(task("a"))
    lab.run(job_id)
    assert lab.jobs.run(lab.run(job_id))[0].state.life_cycle == "SKIPPED"
    assert lab.jobs.run(lab.run(job_id, queue={"enabled": True}))[0].state.life_cycle == "QUEUED"


def test_a_run_waits_for_48_hours_at_most(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    hands, job_id = Hands(lab), lab.job(task("a"), queue={"enabled": True})
    lab.run(job_id)
    waiting = lab.run(job_id)
    made = lab.jobs.run(waiting)[0].created_at
    hands.now = made + 48 * 3_600_000
    hands.tick()
    assert lab.jobs.run(waiting)[0].state.life_cycle == "QUEUED"
    hands.later(0.001)
    run = lab.jobs.run(waiting)[0]
    assert (run.state.life_cycle, run.state.result) == ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED")
    assert "48 hours" in run.state.message
    assert {one.state.life_cycle for one in lab.jobs.tasks(waiting)} == {"SKIPPED"}
