"""Runs that wait for others of their job."""

from __future__ import annotations

import os

from brickyard.workspace.jobs import wire
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


def test_as_many_runs_as_the_job_allows_are_active(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    job_id = lab.job(task("a"), max_concurrent_runs=2, queue={"enabled": True})
    first, second, third = (lab.run(job_id) for _ in range(3))
    wait_for(lambda: {lab.jobs.run(one)[0].state.life_cycle for one in (first, second)} == {"RUNNING"})
    assert lab.jobs.run(third)[0].state.life_cycle == "QUEUED"


def test_a_higher_limit_starts_those_that_wait_and_lets_nobody_overtake_them(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    job_id = lab.job(task("a"), queue={"enabled": True})
    _, second, third = lab.run(job_id), lab.run(job_id), lab.run(job_id)
    lab.jobs.update(job_id, {"max_concurrent_runs": 2}, [], lab.owner)
    fourth = lab.run(job_id)
    wait_for(lambda: lab.jobs.run(second)[0].state.life_cycle == "RUNNING")
    assert [lab.jobs.run(one)[0].state.life_cycle for one in (third, fourth)] == ["QUEUED", "QUEUED"]


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


def test_tasks_for_which_there_is_no_memory_wait_and_say_so(lab: Lab) -> None:
    for key in ("a", "b"):
        lab.compute.behaviours[key] = lambda _: None
    lab.compute.memory.rooms = 1
    run_id = lab.run(lab.job(task("a"), task("b")))
    lab.running("a")
    state = wait_for(lambda: next((t.state for t in lab.jobs.tasks(run_id) if t.state.life_cycle == "QUEUED"), None))
    assert state.message.startswith("Queued because the memory that is available now is needed")
    answer = wire.run(*lab.jobs.run(run_id), "", wire.Shown()).as_dict()["tasks"][1]
    assert answer["state"]["queue_reason"] == state.message and answer["state"]["life_cycle_state"] == "QUEUED"
    assert answer["status"]["queue_details"] == {"code": "ACTIVE_RUNS_LIMIT_REACHED", "message": state.message}
    lab.compute.memory.tick()
    assert lab.compute.keys() == ["a"], "there is still none"
    lab.compute.memory.rooms = 2
    lab.compute.memory.tick()
    lab.running("b")
    for key in ("a", "b"):
        lab.compute.finish(key)
    assert lab.ended(run_id).state.result == "SUCCESS"


def test_tasks_over_the_number_of_places_wait_and_say_so(lab: Lab) -> None:
    places = max(2, os.cpu_count() or 2)
    keys = [f"t{number}" for number in range(places + 1)]
    for key in keys:
        lab.compute.behaviours[key] = lambda _: None
    run_id = lab.run(lab.job(*map(task, keys)))
    state = wait_for(lambda: next((t.state for t in lab.jobs.tasks(run_id) if t.state.life_cycle == "QUEUED"), None))
    assert state.message == f"Queued due to reaching the limit of {places} active task runs."
    lab.jobs.cancel(run_id)
    assert lab.ended(run_id).state.result == "CANCELED"
